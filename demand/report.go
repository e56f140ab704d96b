package demand

import (
	"slices"
	"time"
)

// Report is everything one agent knows at one instant: always a full
// snapshot, so that loss, duplicates and reordering heal with the next one.
type Report struct {
	NodeID      string `json:"nodeId"`      // Ray's node id, 56 hex digits
	Incarnation uint64 `json:"incarnation"` // unix nanoseconds of the agent's start
	Sequence    uint64 `json:"sequence"`    // 1, 2, 3 … within an incarnation
	InstanceID  string `json:"instanceId"`  // RAY_CLOUD_INSTANCE_ID: the worker's name
	NodeType    string `json:"nodeType"`    // RAY_NODE_TYPE_NAME
	// Raylet is nil in the mode that only asks the GCS.
	Raylet *RayletLoad `json:"raylet,omitempty"`
	// Cluster is nil unless the agent stands beside the head.
	Cluster *ClusterState `json:"cluster,omitempty"`
	// AgentVersion is for people.
	AgentVersion string `json:"agentVersion"`
}

// Newer tells whether r replaces o: a later start of the agent, then a later
// report of the same start.
func (r *Report) Newer(o *Report) bool {
	if r.Incarnation != o.Incarnation {
		return r.Incarnation > o.Incarnation
	}
	return r.Sequence > o.Sequence
}

// RayletLoad is one raylet's own view, exact in itself: gcs.proto's
// ResourcesData.
type RayletLoad struct {
	Total     Resources      `json:"total"`
	Available Resources      `json:"available"`
	Demand    []QueuedDemand `json:"demand"`
	Idle      time.Duration  `json:"idleNanoseconds"` // 0: in use
	Draining  bool           `json:"draining,omitempty"`
	Truncated bool           `json:"truncated,omitempty"` // Ray cut the list of shapes: counts mean "at least"
}

// Same tells whether two loads say the same, a later one that it has been idle
// for longer. Neither load is what no load at all is.
func (l *RayletLoad) Same(earlier *RayletLoad) bool {
	if l == nil || earlier == nil {
		return l == earlier
	}
	if l == earlier {
		return true
	}
	idles := l.Idle >= earlier.Idle && (l.Idle == 0) == (earlier.Idle == 0)
	return idles && l.Draining == earlier.Draining && l.Truncated == earlier.Truncated && slices.Equal(l.Total, earlier.Total) &&
		slices.Equal(l.Available, earlier.Available) && slices.EqualFunc(l.Demand, earlier.Demand, QueuedDemand.equal)
}

// QueuedDemand is a request with how often it waits at one raylet.
type QueuedDemand struct {
	ResourceRequest
	Queued  int64 `json:"queued"`  // leases queued here, ready or infeasible
	Backlog int64 `json:"backlog"` // tasks whose driver has not asked for a lease yet
}

func (q QueuedDemand) equal(o QueuedDemand) bool {
	return q.Queued == o.Queued && q.Backlog == o.Backlog && q.Equal(o.ResourceRequest)
}

// NodeStatus is the status of a node in the GCS.
type NodeStatus int

// The statuses of a node, as in Ray's autoscaler.proto.
const (
	NodeRunning NodeStatus = iota + 1
	NodeIdle
	NodeDraining
	NodeDead
)

// String is the status in Ray's spelling.
func (s NodeStatus) String() string {
	return [...]string{"UNSPECIFIED", "RUNNING", "IDLE", "DRAINING", "DEAD"}[min(max(s, 0), NodeDead)]
}

// Node is one row of the GCS's node table.
type Node struct {
	ID         string        `json:"nodeId"`     // 56 hex digits
	InstanceID string        `json:"instanceId"` // the worker's name; may be empty
	Type       string        `json:"nodeType"`   // may be empty
	Head       bool          `json:"head,omitempty"`
	Status     NodeStatus    `json:"status"`
	Total      Resources     `json:"total"`
	Available  Resources     `json:"available"`
	Labels     Labels        `json:"labels"`
	Gangs      []string      `json:"gangs"` // placement groups with a bundle here
	Idle       time.Duration `json:"idleNanoseconds"`
	Activity   []string      `json:"activity"` // why it is not idle, in Ray's words; only while RUNNING
	Address    string        `json:"address"`
	StartTime  uint64        `json:"startTimeMilliseconds"` // unix; 0: not known
}

func (n *Node) equal(o *Node) bool { return n == o || n.Idle == o.Idle && n.same(o) }

// same is equal but for how long a node that idles has idled.
func (n *Node) same(o *Node) bool {
	return n == o || n.ID == o.ID && n.InstanceID == o.InstanceID && n.Type == o.Type && n.Head == o.Head &&
		n.Status == o.Status && slices.Equal(n.Total, o.Total) && slices.Equal(n.Available, o.Available) &&
		slices.Equal(n.Labels, o.Labels) && slices.Equal(n.Gangs, o.Gangs) && (n.Idle == 0) == (o.Idle == 0) &&
		slices.Equal(n.Activity, o.Activity) && n.Address == o.Address && n.StartTime == o.StartTime
}

// ClusterState is what only the GCS knows.
type ClusterState struct {
	Session     string  `json:"session"` // cluster_session_name: names this life of the head
	Nodes       []*Node `json:"nodes"`
	Gangs       []Gang  `json:"gangs"`
	Constraints []Shape `json:"constraints"`
	// Pending is the GCS's own sum over its raylets, up to a second old. It is
	// never added to the raylets' own demand.
	Pending []Shape `json:"pending"`
}

// Equal tells whether two states say the same in the same order. A state is
// never what no state at all is.
func (c *ClusterState) Equal(o *ClusterState) bool { return c.equal(o, (*Node).equal) }

// Same is Equal but for how long nodes that idle have idled.
func (c *ClusterState) Same(o *ClusterState) bool { return c.equal(o, (*Node).same) }

func (c *ClusterState) equal(o *ClusterState, nodes func(a, b *Node) bool) bool {
	if c == nil || o == nil || c == o {
		return c == o
	}
	return c.Session == o.Session && slices.EqualFunc(c.Nodes, o.Nodes, nodes) &&
		slices.EqualFunc(c.Gangs, o.Gangs, Gang.equal) && slices.EqualFunc(c.Constraints, o.Constraints, Shape.equal) &&
		slices.EqualFunc(c.Pending, o.Pending, Shape.equal)
}
