package demand

import "time"

// Report is everything one agent knows at one instant: always a full
// snapshot, so that loss, duplicates and reordering heal with the next one.
type Report struct {
	NodeID      string // Ray's node id, 56 hex digits
	Incarnation uint64 // unix nanoseconds of the agent's start
	Sequence    uint64 // 1, 2, 3 … within an incarnation
	InstanceID  string // RAY_CLOUD_INSTANCE_ID: the worker's name
	NodeType    string // RAY_NODE_TYPE_NAME
	// Raylet is nil in the mode that only asks the GCS.
	Raylet *RayletLoad
	// Cluster is nil unless the agent stands beside the head.
	Cluster *ClusterState
	// AgentVersion is for people.
	AgentVersion string
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
	Total     Resources
	Available Resources
	Demand    []QueuedDemand
	Idle      time.Duration // 0: in use
	Draining  bool
	Truncated bool // Ray cut the list of shapes: counts mean "at least"
}

// QueuedDemand is a request with how often it waits at one raylet.
type QueuedDemand struct {
	ResourceRequest
	Queued  int64 // leases queued here, ready or infeasible
	Backlog int64 // tasks whose driver has not asked for a lease yet
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
	ID         string // 56 hex digits
	InstanceID string // the worker's name; may be empty
	Type       string // may be empty
	Head       bool
	Status     NodeStatus
	Total      Resources
	Available  Resources
	Labels     map[string]string
	Gangs      []string // placement groups with a bundle here
	Idle       time.Duration
	Activity   []string // why it is not idle, in Ray's words; only while RUNNING
	Address    string
	StartTime  uint64 // unix milliseconds; 0: not known
}

// ClusterState is what only the GCS knows.
type ClusterState struct {
	Session     string // cluster_session_name: names this life of the head
	Nodes       []Node
	Gangs       []Gang
	Constraints []Shape
	// Pending is the GCS's own sum over its raylets, up to a second old. It is
	// never added to the raylets' own demand.
	Pending []Shape
}
