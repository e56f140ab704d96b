package scaler

import (
	"time"

	"github.com/rayburst/rayburst/demand"
)

// Core is all that decides for one cluster: what is known of its demand, and
// the memory between its decisions. It is values and functions only, so that
// the same calls with the same values give the same decisions, byte by byte: a
// recording of them can be played again. It is not safe for concurrent use.
//
// Times must carry no monotonic clock reading: a recording could not keep it.
type Core struct {
	state *demand.State
	loop  *Loop
}

// NewCore is a cluster of which nothing is known and that has never been decided.
func NewCore(c demand.Cluster, w demand.Windows) *Core {
	return &Core{demand.NewState(w), NewLoop(c)}
}

// Report takes in a report that came at a moment and tells whether it was news:
// see [demand.State.Apply].
func (c *Core) Report(r *demand.Report, at time.Time) bool { return c.state.Apply(r, at) }

// DrainAnswered is [Loop.DrainAnswered].
func (c *Core) DrainAnswered(worker string, accepted bool, message string, at time.Time) {
	c.loop.DrainAnswered(worker, accepted, message, at)
}

// Decide makes the decision of the moment w.Now. What is known of the demand is
// filled in.
func (c *Core) Decide(w World) *Decision {
	w.Snapshot, w.Unknown = c.state.Snapshot(w.Now)
	d := c.loop.Step(w)
	for _, id := range d.Lost {
		c.state.Lose(id, w.Now)
	}
	return d
}

// Checkpoint is all that a Core remembers at one moment.
type Checkpoint struct {
	State *demand.Checkpoint `json:"state"`
	Loop  *LoopCheckpoint    `json:"loop"`
}

// Checkpoint is all that the core remembers now.
func (c *Core) Checkpoint() *Checkpoint {
	return &Checkpoint{c.state.Checkpoint(), c.loop.Checkpoint()}
}

// Restore makes a Core that behaves as the remembered one for whatever comes.
// It fails with [demand.ErrCheckpoint], naming the key, the rule and the value.
func (c *Checkpoint) Restore(cluster demand.Cluster) (*Core, error) {
	if c.State == nil || c.Loop == nil {
		return nil, badCheckpoint("state and loop", "must be there", "null")
	}
	state, err := c.State.Restore()
	if err != nil {
		return nil, err
	}
	loop, err := c.Loop.Restore(cluster)
	if err != nil {
		return nil, err
	}
	return &Core{state, loop}, nil
}
