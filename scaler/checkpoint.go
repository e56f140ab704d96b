package scaler

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

// LoopCheckpoint is all that a Loop remembers at one moment, but for its
// cluster. It shares nothing with the Loop, and encoding/json writes and reads
// it without loss.
type LoopCheckpoint struct {
	Asked     map[string]int           `json:"asked"`
	Removals  map[string]removalMemory `json:"removals,omitempty"`
	Rejected  map[string]time.Time     `json:"rejected,omitempty"`
	Empty     map[string]time.Time     `json:"empty,omitempty"`
	Joining   map[string]time.Time     `json:"joining,omitempty"`
	Withdrawn map[string]givenUpMemory `json:"withdrawn,omitempty"`
	BackOffs  map[string]backOffMemory `json:"backOffs,omitempty"`
	Last      *Decision                `json:"last,omitempty"` // without its nodes
}

type removalMemory struct {
	NodeType string    `json:"type"`
	Node     string    `json:"nodeId,omitempty"`
	Asked    time.Time `json:"asked"`
	Accepted bool      `json:"accepted,omitempty"`
	Settled  time.Time `json:"settled,omitzero"`
	Lowered  bool      `json:"lowered,omitempty"`
	Recycled bool      `json:"recycled,omitempty"`
	Kept     time.Time `json:"kept,omitzero"`
}

type givenUpMemory struct {
	Failed  bool      `json:"failed,omitempty"`
	Marked  time.Time `json:"marked,omitzero"`
	Lowered bool      `json:"lowered,omitempty"`
	Kept    time.Time `json:"kept,omitzero"`
}

type backOffMemory struct {
	Until   time.Time     `json:"until"`
	Pause   time.Duration `json:"pauseNanoseconds"`
	Started time.Time     `json:"started"`
	Count   int           `json:"count"`
	Reason  string        `json:"reason"`
}

// Checkpoint is all that the loop remembers now.
func (l *Loop) Checkpoint() *LoopCheckpoint {
	c := &LoopCheckpoint{
		Asked: maps.Clone(l.asked), Rejected: maps.Clone(l.rejected), Empty: maps.Clone(l.empty), Joining: maps.Clone(l.joining),
		Removals:  convert(l.removals, func(r *removal) removalMemory { return r.memory() }),
		Withdrawn: convert(l.withdrawn, func(g *givenUp) givenUpMemory { return givenUpMemory{g.failed, g.marked, g.lowered, g.kept} }),
		BackOffs: convert(l.backOffs, func(b *backOff) backOffMemory {
			return backOffMemory{b.until, b.pause, b.started, b.count, b.reason}
		}),
	}
	if l.last != nil {
		c.Last = new(*l.last)
		// A later decision is not compared with them.
		c.Last.Nodes, c.Last.Plan, c.Last.Autoscaler = Later[[]NodeView]{}, Later[*nodetypes.Request]{}, Later[demand.AutoscalingState]{}
	}
	return c
}

func (r *removal) memory() removalMemory {
	return removalMemory{r.nodeType, r.node, r.asked, r.accepted, r.settled, r.lowered, r.recycled, r.kept}
}

// convert is a map with every value made into another one.
func convert[A, B any](in map[string]A, f func(A) B) map[string]B {
	out := make(map[string]B, len(in))
	for k, v := range in {
		out[k] = f(v)
	}
	return out
}

// maxReplicas is more workers of one type than any cluster has.
const maxReplicas = 1_000_000

// Restore makes a Loop that behaves as the remembered one for whatever comes.
// It fails with [demand.ErrCheckpoint], naming the key, the rule and the value.
func (c *LoopCheckpoint) Restore(cluster demand.Cluster) (*Loop, error) {
	for _, t := range slices.Sorted(maps.Keys(c.Asked)) {
		if n := c.Asked[t]; n < 0 || n > maxReplicas {
			return nil, badCheckpoint("asked."+t, fmt.Sprintf("must be within 0…%d", maxReplicas), n)
		}
	}
	l := NewLoop(cluster)
	maps.Copy(l.asked, c.Asked)
	maps.Copy(l.rejected, c.Rejected)
	maps.Copy(l.empty, c.Empty)
	maps.Copy(l.joining, c.Joining)
	// Without keys, so that a field that is added is not forgotten here.
	l.removals = convert(c.Removals, func(m removalMemory) *removal {
		return &removal{m.NodeType, m.Node, m.Asked, m.Accepted, m.Settled, m.Lowered, m.Recycled, m.Kept}
	})
	l.withdrawn = convert(c.Withdrawn, func(m givenUpMemory) *givenUp { return &givenUp{m.Failed, m.Marked, m.Lowered, m.Kept} })
	l.backOffs = convert(c.BackOffs, func(m backOffMemory) *backOff {
		return &backOff{m.Until, m.Pause, m.Started, m.Count, m.Reason}
	})
	l.last = c.Last
	return l, nil
}

func badCheckpoint(key, rule string, value any) error {
	return fmt.Errorf("%w: %s: %s (got %v)", demand.ErrCheckpoint, key, rule, value)
}
