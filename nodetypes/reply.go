package nodetypes

import "github.com/rayburst/rayburst/demand"

// Reason is why a node is terminated.
type Reason string

// The reasons of Ray's TerminationRequest.
const (
	Outdated         Reason = "outdated"            // its type is not listed
	MaxWorkersOfType Reason = "max-workers-of-type" // above the type's maximum
	MaxWorkers       Reason = "max-workers"         // above the cluster's maximum
	Idle             Reason = "idle"                // idle for longer than its timeout, and not needed
)

// Launch is how many nodes of one type a plan opens, by cause.
type Launch struct {
	Type       string
	Minimum    int // missing to the type's minimum
	Constraint int // opened for request_resources()
	Gang       int // opened for placement groups
	Task       int // opened for tasks and actors
}

// Count is the number of nodes to launch.
func (l Launch) Count() int { return l.Exempt() + l.Task }

// Exempt is the part of Count to which the upscaling bound does not apply.
func (l Launch) Exempt() int { return l.Minimum + l.Constraint + l.Gang }

// Termination is a node to give up. Running work is only ever behind
// MaxWorkersOfType, MaxWorkers and Outdated, never behind Idle.
type Termination struct {
	ID     string
	Reason Reason
}

// Use is a node that exists and that the plan needs: what it placed there.
// The bundles of a STRICT_PACK gang with one selector count as one.
type Use struct {
	Node        int // its index in Request.Nodes
	Constraints int64
	Bundles     int64
	Tasks       int64
}

// Reply is the plan.
type Reply struct {
	// Launch has the types to launch, in the order of Request.NodeTypes.
	Launch []Launch
	// Terminate is sorted by ID. The plan still places demand on the nodes
	// given up for a maximum, as Ray does.
	Terminate []Termination
	// Infeasible is what no existing node and no allowed launch can take now.
	// Tasks: equal requests are added together and stand as the first of them
	// was given. Gangs: in the order of the request. Constraints: none, or all
	// of them with a count above 0.
	Infeasible demand.Demand
	// Used has the nodes needed by the demand, in the order of Request.Nodes.
	// A node that is not in it may still be kept by its type's minimum.
	Used []Use
	// LaunchNow is how many of Launch may be asked for now, by type; types
	// with 0 are left out. Nil without Request.UpscalingSpeed.
	LaunchNow map[string]int
}
