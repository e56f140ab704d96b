// Package nodetypes is what node types a Ray cluster can grow by, and which
// of them a demand needs: the results of Ray 2.60's scheduler
// (ray/autoscaler/v2/scheduler.py), at a cost that does not grow with the
// number of tasks.
//
// [Schedule] is one pass over values: no clock, no network, no goroutine. The
// same input gives the same reply, byte for byte, whatever the order of maps.
// It takes these steps, each in the file of its name:
//
//	outdated → minimums → maximums (type, then cluster) → constraint → gangs → tasks → idle
//
// Amounts are integers of 1/10,000 and scores are compared exactly, so the
// replies differ from Ray's only where Ray's binary fractions round wrongly.
package nodetypes

import (
	"math"
	"time"

	"github.com/rayburst/rayburst/demand"
)

// NoLimit is a MaxWorkers without a limit.
const NoLimit = math.MaxInt

// MaxCount is the largest count of a task and the largest number of minimum
// workers that [Request.Validate] lets pass; MaxBundles is that of a gang's
// bundle and of a constraint, which Ray itself keeps one by one.
const (
	MaxCount   = 1_000_000_000_000
	MaxBundles = 1_000_000
)

// NodeType is a kind of worker that can be launched.
type NodeType struct {
	Name      string
	Resources demand.Resources  // what a node of this type offers
	Labels    map[string]string // of its nodes
	// MinWorkers are kept running without demand. A head of this type counts.
	MinWorkers int
	// MaxWorkers of this type (or NoLimit). A head of this type is not counted.
	MaxWorkers int
	// IdleTimeout overrides the cluster's, also where that has none; nil is
	// the cluster's.
	IdleTimeout *time.Duration
	// Priority decides between nodes that score equally; higher wins.
	Priority int
	// RecoveredAvailability (0…1) decides before Priority, CloudAvailability
	// after it; below 1 if launches of this type failed lately. Nil is 1.
	RecoveredAvailability, CloudAvailability *float64
}

// Status is how far a node's life has come.
type Status int

const (
	// Running is a node whose raylet is alive in the GCS.
	Running Status = iota
	// Joining is asked for or starting. Counts as a whole free node of its type.
	Joining
	// Draining is going away. Ignored altogether.
	Draining
)

// Node is a node that exists. Total, Available, Labels, Idle and Gangs are
// those of a running node and are ignored for others.
type Node struct {
	ID     string
	Type   string // a type that is not listed makes the node outdated
	Head   bool   // never terminated, takes demand like any node
	Status Status
	Total  demand.Resources
	// Available is what is free. A resource that is not named has nothing
	// left, like one named with 0, but takes no part in the node's score: Ray
	// leaves out what is used up.
	Available demand.Resources
	Labels    demand.Labels
	Idle      time.Duration // 0 is busy
	Gangs     []string      // STRICT_SPREAD gangs that already have a bundle here
	// Version, if not nil, is a pointer that promises to a [Planner]: a node that
	// had the same one in its last request had the same Total, Available, Labels
	// and Gangs there.
	Version any
}

// Request is what one pass of Schedule knows. The order of NodeTypes, of
// Nodes and of the demand decides ties. Treat it as immutable.
type Request struct {
	NodeTypes []NodeType
	// MaxWorkers of the whole cluster, without the head; at least 1, or
	// NoLimit. Validate refuses 0; Schedule, like Ray, launches and terminates
	// nothing for it.
	MaxWorkers int
	// IdleTimeout after which a running worker may be terminated; nil is never.
	IdleTimeout *time.Duration
	// UpscalingSpeed ≥ 0 (+Inf is allowed) asks for Reply.LaunchNow; nil does not.
	UpscalingSpeed *float64
	// ConserveGPUNodes prefers nodes without GPU for demand without GPU.
	ConserveGPUNodes bool
	Nodes            []Node
	Demand           demand.Demand
}
