package demand

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Checkpoint is all that a State remembers at one moment. It shares only what
// nobody changes with the State, and encoding/json writes and reads it without
// loss.
type Checkpoint struct {
	Windows Windows               `json:"windows"`
	Head    string                `json:"head,omitempty"`
	At      time.Time             `json:"at,omitzero"`
	Since   time.Time             `json:"since,omitzero"`
	Cluster *ClusterState         `json:"cluster,omitempty"`
	Nodes   map[string]nodeMemory `json:"nodes"`
	Gone    map[string]time.Time  `json:"gone,omitempty"`
	Lost    map[string]time.Time  `json:"lost,omitempty"`
	Queued  []shapeMemory         `json:"queued"`
	Pending []shapeMemory         `json:"pending"`
}

// ErrCheckpoint is wrapped by every error about a checkpoint's contents.
var ErrCheckpoint = errors.New("bad checkpoint")

// nodeMemory is a node without its row in the GCS, which is the cluster's last
// one of that id if the node is listed.
type nodeMemory struct {
	Report *Report        `json:"report,omitempty"`
	At     time.Time      `json:"at,omitzero"`
	Listed time.Time      `json:"listed,omitzero"` // zero: it is not
	Seen   time.Time      `json:"seen"`
	Free   mostMemory     `json:"free"`
	GCS    mostMemory     `json:"gcs"`
	Demand []QueuedDemand `json:"demand"`
}

type mostMemory struct {
	Now  Resources       `json:"now"`
	Past []pastResources `json:"past"`
}

type leastMemory struct {
	Now  int64        `json:"now"`
	Past []stepMemory `json:"past"`
}

type stepMemory struct {
	Value int64     `json:"value"`
	First time.Time `json:"first"` // of the ends merged in it
	End   time.Time `json:"end"`
}

type shapeMemory struct {
	Request ResourceRequest `json:"request"`
	Queued  leastMemory     `json:"queued"`
	Total   leastMemory     `json:"total"`
}

// Checkpoint is all that the state remembers now.
func (s *State) Checkpoint() *Checkpoint {
	c := &Checkpoint{
		Windows: s.windows, Head: s.head, At: s.at, Since: s.since, Cluster: s.cluster, Nodes: make(map[string]nodeMemory, len(s.nodes)),
		Gone: maps.Clone(s.gone), Lost: maps.Clone(s.lost), Queued: s.queued.memory(), Pending: s.pending.memory(),
	}
	for id, n := range s.nodes {
		c.Nodes[id] = n.memory()
	}
	return c
}

func (n *node) memory() nodeMemory {
	m := nodeMemory{
		Report: n.report, At: n.at, Listed: n.listed, Seen: n.seen, Free: n.free.memory(), GCS: n.gcs.memory(),
		Demand: slices.Clone(n.demand),
	}
	if n.report != nil && n.report.Raylet != nil { // of the GCS's view only the newest counts: Cluster
		m.Report = new(*n.report)
		m.Report.Cluster = nil
	}
	return m
}

func (m *most) memory() mostMemory { return mostMemory{m.now, slices.Clone(m.past)} }

func (l *least) memory() leastMemory {
	m := leastMemory{Now: l.now}
	for _, s := range l.past {
		m.Past = append(m.Past, stepMemory{s.value, moment(s.first), moment(s.end)})
	}
	return m
}

func (m leastMemory) restore(window time.Duration) least {
	l := least{window: window, now: m.Now}
	for _, s := range m.Past {
		l.past = append(l.past, step{s.Value, s.First.UnixNano(), s.End.UnixNano()})
	}
	return l
}

func (s shapes) memory() []shapeMemory {
	out := make([]shapeMemory, 0, len(s.by))
	for _, key := range slices.Sorted(maps.Keys(s.by)) {
		e := s.by[key]
		out = append(out, shapeMemory{e.request, e.queued.memory(), e.total.memory()})
	}
	return out
}

// Restore makes a State that behaves as the remembered one for whatever comes.
// It fails with ErrCheckpoint, naming the key, the rule and the value.
func (c *Checkpoint) Restore() (*State, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	s := NewState(c.Windows)
	s.cluster, s.head, s.at, s.since = c.Cluster, c.Head, c.At, c.Since
	maps.Copy(s.gone, c.Gone)
	maps.Copy(s.lost, c.Lost)
	s.queued.restore(c.Queued)
	s.pending.restore(c.Pending)
	for id, m := range c.Nodes {
		n := m.restore(c.Windows)
		for _, q := range n.demand {
			n.shapes = append(n.shapes, s.queued.shape(q.Key(), q.ResourceRequest))
		}
		s.nodes[id] = n
	}
	if c.Cluster == nil {
		return s, nil
	}
	for _, row := range c.Cluster.Nodes {
		if n := s.nodes[row.ID]; n != nil && !n.listed.IsZero() {
			n.info = row
		}
	}
	return s, nil
}

func (m nodeMemory) restore(w Windows) *node {
	n := &node{
		listed: m.Listed, seen: m.Seen, free: most{w.Free, m.Free.Now, slices.Clone(m.Free.Past)}, gcs: most{w.Pending, m.GCS.Now, slices.Clone(m.GCS.Past)}, demand: slices.Clone(m.Demand),
	}
	n.hear(m.Report, m.At, w.Stale)
	slices.SortFunc(n.demand, byKey)
	return n
}

func (s shapes) restore(in []shapeMemory) {
	for _, m := range in {
		s.by[m.Request.Key()] = &shape{m.Request, m.Queued.restore(s.queued), m.Total.restore(s.total)}
	}
}

// check tells the first thing that no State could remember, and that could hurt
// one.
func (c *Checkpoint) check() error {
	k := checker{}
	k.atMost("nodes", len(c.Nodes), MaxNodes)
	listed := map[string]bool{}
	if c.Cluster != nil {
		k.nodeID("head", c.Head)
		k.cluster(c.Cluster, nil)
		for _, row := range c.Cluster.Nodes {
			listed[row.ID] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(c.Nodes)) {
		m := c.Nodes[id]
		key := "nodes." + id
		k.memory(key, id, m)
		if !m.Listed.IsZero() && !listed[id] {
			k.failf(key+".listed", "must be in cluster.nodes", m.Listed)
		}
	}
	for _, m := range slices.Concat(c.Queued, c.Pending) {
		k.request("queued and pending", m.Request)
	}
	if n, ok := c.Nodes[c.Head]; ok && n.Report == nil {
		k.failf("nodes."+c.Head+".report", "the head must have reported", "none")
	}
	return k.err
}

func (c *checker) memory(key, id string, m nodeMemory) {
	c.nodeID(key, id)
	if r := m.Report; r != nil && r.NodeID != id {
		c.failf(key+".report.nodeId", "must be the node's", fmt.Sprintf("%.80q", r.NodeID))
	} else if r != nil && c.err == nil {
		c.err = r.Check()
	}
	for _, q := range m.Demand {
		c.request(key+".demand", q.ResourceRequest)
	}
	c.most(key+".free", m.Free)
	c.most(key+".gcs", m.GCS)
}

func (c *checker) most(key string, m mostMemory) {
	c.resources(key, ".now", m.Now)
	for _, p := range m.Past {
		c.resources(key, ".past", p.Value)
	}
}
