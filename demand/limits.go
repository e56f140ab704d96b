package demand

import (
	"errors"
	"fmt"
)

// The sizes above which a report is refused. Each is far above what a Ray
// cluster of 10,000 nodes needs; they keep one namespace's messages from
// costing another memory or time.
const (
	MaxNodes          = 50_000 // nodes in one cluster's state
	MaxShapes         = 10_000 // shapes in one report
	MaxGangs          = 10_000 // placement groups in one report
	MaxBundles        = 10_000 // bundles of one placement group
	MaxResourceKinds  = 1_000  // resources of one node or request
	MaxLabels         = 1_000  // labels of one node
	MaxSelectors      = 100    // alternatives of one request, and constraints of one of them
	MaxLabelValues    = 1_000  // values of one constraint
	MaxNameBytes      = 1_024  // a name, key, label or value
	MaxCount          = 1_000_000_000
	NodeIDDigits      = 56 // hex digits of a Ray node id: 28 bytes
	MaxActivity       = 100
	MaxActivityBytes  = 16_384
	maxGangsOnOneNode = MaxGangs
)

// ErrReport is wrapped by every error about a report's contents.
var ErrReport = errors.New("bad report")

// checker collects the first thing that is wrong.
type checker struct{ err error }

func (c *checker) failf(key, rule string, value any) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: %s: %s (got %v)", ErrReport, key, rule, value)
	}
}

func (c *checker) atMost(key string, n, limit int) {
	if n > limit {
		c.failf(key, fmt.Sprintf("must have at most %d entries", limit), n)
	}
}

func (c *checker) count(key string, n int64) {
	if n < 0 || n > MaxCount {
		c.failf(key, fmt.Sprintf("must be 0…%d", MaxCount), n)
	}
}

func (c *checker) name(key, s string) {
	if len(s) > MaxNameBytes {
		c.failf(key, fmt.Sprintf("must have at most %d bytes", MaxNameBytes), len(s))
	}
}

func (c *checker) nodeID(key, id string) {
	if !ValidNodeID(id) {
		c.failf(key, "must be 56 lower-case hex digits", fmt.Sprintf("%.80q", id))
	}
}

// resources checks those of a key's field, whose name is put together only where
// something is wrong.
func (c *checker) resources(key, field string, r Resources) {
	if len(r) > MaxResourceKinds {
		c.atMost(key+field, len(r), MaxResourceKinds)
	}
	for _, e := range r {
		switch {
		case len(e.Name) > MaxNameBytes:
			c.name(key+field, e.Name)
		case e.Name == "":
			c.failf(key+field, "resource names must not be empty", `""`)
		case e.Amount < 0 || e.Amount > MaxAmount:
			c.failf(key+field+"."+e.Name, "must be within 0…1e14", e.Amount)
		}
	}
}

func (c *checker) request(key string, r ResourceRequest) {
	c.resources(key, ".resources", r.Resources)
	if len(r.Selectors) == 0 {
		return
	}
	c.atMost(key+".selectors", len(r.Selectors), MaxSelectors)
	for _, s := range r.Selectors {
		c.atMost(key+".selectors.constraints", len(s), MaxSelectors)
		for _, l := range s {
			c.name(key+".selectors.key", l.Key)
			c.atMost(key+".selectors.values", len(l.Values), MaxLabelValues)
			for _, v := range l.Values {
				c.name(key+".selectors.values", v)
			}
		}
	}
}

func (c *checker) shapes(key string, shapes []Shape, limit int) {
	c.atMost(key, len(shapes), limit)
	for _, s := range shapes {
		c.request(key, s.ResourceRequest)
		c.count(key+".count", s.Count)
	}
}

// ValidNodeID tells whether s is a Ray node id in hex: 28 bytes, lower case.
func ValidNodeID(s string) bool {
	if len(s) != NodeIDDigits {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// Check fails with ErrReport, naming the key, the rule and the value, if the
// report is not one that an agent could have made, or is too large.
func (r *Report) Check() error { return r.CheckBut(Known{}) }

// Known are parts of a report that are known to be right.
type Known struct {
	Raylet  bool
	Cluster bool
	Rows    []bool // of the cluster, by index
}

// CheckBut is Check but for what is known to be right.
func (r *Report) CheckBut(known Known) error {
	var c checker
	c.nodeID("node_id", r.NodeID)
	if r.Sequence == 0 {
		c.failf("sequence", "must be at least 1", r.Sequence)
	}
	c.name("instance_id", r.InstanceID)
	c.name("node_type", r.NodeType)
	c.name("agent_version", r.AgentVersion)
	if r.Raylet == nil && r.Cluster == nil {
		c.failf("raylet", "a report must have a raylet or a cluster", "neither")
	}
	if r.Raylet != nil && !known.Raylet {
		c.raylet(r.Raylet)
	}
	if r.Cluster != nil && !known.Cluster {
		c.cluster(r.Cluster, known.Rows)
	}
	return c.err
}

func (c *checker) raylet(l *RayletLoad) {
	c.resources("raylet", ".total", l.Total)
	c.resources("raylet", ".available", l.Available)
	c.atMost("raylet.demand", len(l.Demand), MaxShapes)
	if l.Idle < 0 {
		c.failf("raylet.idle_ms", "must be at least 0", l.Idle)
	}
	for _, q := range l.Demand {
		c.request("raylet.demand", q.ResourceRequest)
		c.count("raylet.demand.queued", q.Queued)
		c.count("raylet.demand.backlog", q.Backlog)
	}
}

func (c *checker) cluster(s *ClusterState, known []bool) {
	c.name("cluster.session", s.Session)
	c.atMost("cluster.nodes", len(s.Nodes), MaxNodes)
	c.nodes(s.Nodes, known)
	c.atMost("cluster.gangs", len(s.Gangs), MaxGangs)
	for i, g := range s.Gangs {
		c.gang(fmt.Sprintf("cluster.gangs[%d]", i), g)
	}
	c.shapes("cluster.constraints", s.Constraints, MaxShapes)
	c.shapes("cluster.pending", s.Pending, MaxShapes)
}

// nodes names a row only where it must: most are right.
func (c *checker) nodes(rows []*Node, known []bool) {
	for i, n := range rows {
		if i < len(known) && known[i] {
			continue
		}
		if n == nil {
			c.failf(fmt.Sprintf("cluster.nodes[%d]", i), "must not be null", "null")
			return
		}
		var one checker
		if one.node("", n); one.err != nil {
			c.node(fmt.Sprintf("cluster.nodes[%d]", i), n)
			return
		}
	}
}

func (c *checker) node(key string, n *Node) {
	c.nodeID(key+".node_id", n.ID)
	if n.Status < NodeRunning || n.Status > NodeDead {
		c.failf(key+".status", "must be RUNNING, IDLE, DRAINING or DEAD", int(n.Status))
	}
	c.name(key+".instance_id", n.InstanceID)
	c.name(key+".node_type", n.Type)
	c.name(key+".address", n.Address)
	c.resources(key, ".total", n.Total)
	c.resources(key, ".available", n.Available)
	c.atMost(key+".labels", len(n.Labels), MaxLabels)
	for _, l := range n.Labels {
		c.name(key+".labels", l.Key)
		c.name(key+".labels", l.Value)
	}
	c.atMost(key+".gangs", len(n.Gangs), maxGangsOnOneNode)
	for _, g := range n.Gangs {
		c.name(key+".gangs", g)
	}
	c.atMost(key+".activity", len(n.Activity), MaxActivity)
	for _, a := range n.Activity {
		if len(a) > MaxActivityBytes {
			c.failf(key+".activity", fmt.Sprintf("must have at most %d bytes", MaxActivityBytes), len(a))
		}
	}
	if n.Idle < 0 {
		c.failf(key+".idle_ms", "must be at least 0", n.Idle)
	}
}

func (c *checker) gang(key string, g Gang) {
	c.name(key+".name", g.Name)
	switch g.Strategy {
	case Pack, Spread, StrictPack, StrictSpread:
	default:
		c.failf(key+".strategy", "must be PACK, SPREAD, STRICT_PACK or STRICT_SPREAD", g.Strategy)
	}
	if len(g.Bundles) == 0 {
		c.failf(key+".bundles", "must not be empty", 0)
	}
	c.shapes(key+".bundles", g.Bundles, MaxBundles)
}
