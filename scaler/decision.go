// Package scaler decides how many workers of each node type one Ray cluster
// has now. It holds values and functions only: time comes in as an argument,
// and what a decision causes is done by the sub-folders and by deploy.
package scaler

import (
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

// Cluster names a Ray cluster.
type Cluster = demand.Cluster

// Reason says which step shaped a target. The set is closed: every target
// carries one of these, and nothing else is ever published.
type Reason string

// The reasons of a target, in the order in which a later one wins.
const (
	ReasonSteady      Reason = "Steady"      // the workers there are suffice, and none can go
	ReasonMinWorkers  Reason = "MinWorkers"  // held or raised to the type's minimum
	ReasonConstraint  Reason = "Constraint"  // raised for request_resources()
	ReasonGang        Reason = "Gang"        // raised for placement groups
	ReasonTasks       Reason = "Tasks"       // raised for tasks and actors
	ReasonBound       Reason = "Bound"       // raised, but not further than upscaling_speed allows
	ReasonMaxWorkers  Reason = "MaxWorkers"  // held at the type's or the cluster's maximum
	ReasonBackOff     Reason = "BackOff"     // nothing is launched: workers of the type did not join lately
	ReasonDraining    Reason = "Draining"    // workers are being drained, the target has not fallen yet
	ReasonIdle        Reason = "Idle"        // lowered by drained workers
	ReasonWithdrawn   Reason = "Withdrawn"   // lowered by workers that never started Ray
	ReasonJoining     Reason = "Joining"     // the workers on their way suffice
	ReasonUnknown     Reason = "Unknown"     // held: the cluster's state is not known
	ReasonOverMaximum Reason = "OverMaximum" // more workers run than the maximum allows; idle ones go first
)

// Target is the number of workers one node type should have, with the numbers
// that shaped it.
type Target struct {
	Type string `json:"type"`
	// Workers is the target itself: what the Deployment's replicas should be.
	Workers int    `json:"workers"`
	Reason  Reason `json:"reason"`
	// Detail says the reason with its numbers, for people.
	Detail string `json:"detail"`

	Replicas int `json:"replicas"` // what the Deployment asks for now
	Running  int `json:"running"`  // alive in the GCS, not draining
	Joining  int `json:"joining"`  // there, but not yet alive in the GCS
	Draining int `json:"draining"` // drained or being drained, not removed yet

	Wanted  int `json:"wanted"`  // launches the schedule asks for
	Exempt  int `json:"exempt"`  // of these, for minimums, constraints and gangs
	Bound   int `json:"bound"`   // launches that upscaling_speed allows
	Launch  int `json:"launch"`  // launches of this decision
	Min     int `json:"min"`     // the type's min_workers
	Max     int `json:"max"`     // the type's max_workers
	Removed int `json:"removed"` // workers whose removal lowered this target
}

// Drain asks for one worker's drain.
type Drain struct {
	Worker string        `json:"worker"`
	NodeID string        `json:"nodeId"`
	Type   string        `json:"type"`
	Idle   time.Duration `json:"idleNanoseconds"`
}

// NodeView explains one worker or node: its state and why it is alive.
type NodeView struct {
	Name     string           `json:"name"` // the worker's name; the node id if it is nobody's worker
	NodeID   string           `json:"nodeId,omitempty"`
	Type     string           `json:"type"`
	Head     bool             `json:"head,omitempty"`
	State    WorkerState      `json:"state"`
	Idle     time.Duration    `json:"idleNanoseconds"`
	Activity []string         `json:"activity,omitempty"` // Ray's own words
	Keep     Keep             `json:"keep"`
	Detail   string           `json:"detail"`
	Total    demand.Resources `json:"-"`
	Free     demand.Resources `json:"-"`
}

// WorkerState is the state of one worker.
type WorkerState string

// The states of a worker.
const (
	StatePending  WorkerState = "pending"  // there, Ray not started
	StateJoining  WorkerState = "joining"  // Ray started, not yet alive in the GCS
	StateRunning  WorkerState = "running"  // alive in the GCS and in use
	StateIdle     WorkerState = "idle"     // alive in the GCS, nothing on it
	StateDraining WorkerState = "draining" // refuses new work
	StateLost     WorkerState = "lost"     // its node died, its replica is not gone yet
)

// Keep says why a node is alive. The set is closed.
type Keep string

// The reasons for which a node stays.
const (
	KeepHead       Keep = "Head"       // the head is never removed
	KeepBusy       Keep = "Busy"       // something runs on it
	KeepFresh      Keep = "Fresh"      // idle, but not longer than its timeout
	KeepNeeded     Keep = "Needed"     // the schedule puts waiting demand on it
	KeepMinimum    Keep = "Minimum"    // its type is at its minimum
	KeepJoining    Keep = "Joining"    // it has not joined yet
	KeepRejected   Keep = "Rejected"   // Ray rejected its drain a short time ago
	KeepBatch      Keep = "Batch"      // another removal of its type is under way
	KeepNoTimeout  Keep = "NoTimeout"  // neither the type nor the cluster has an idle timeout
	KeepNot        Keep = "Leaving"    // it is being removed
	KeepUnmanaged  Keep = "Unmanaged"  // no node type of ours started it
	KeepUnreported Keep = "Unreported" // its agent has not reported lately
)

// Waiting explains demand that no node and no allowed launch can take now.
type Waiting struct {
	What   string  `json:"what"`
	Count  int64   `json:"count"`
	Why    WhyWait `json:"why"`
	Detail string  `json:"detail"`
}

// WhyWait says why demand waits. The set is closed.
type WhyWait string

// The reasons for which demand waits.
const (
	WaitInfeasible WhyWait = "Infeasible" // no node type can ever hold it
	WaitMaximum    WhyWait = "Maximum"    // the types that could hold it are at their or the cluster's maximum
	WaitBackOff    WhyWait = "BackOff"    // the types that could hold it did not join lately
	WaitBound      WhyWait = "Bound"      // upscaling_speed lets it wait for a later round
	WaitJoining    WhyWait = "Joining"    // a worker for it is on its way
)

// Decision is the target of every node type of one cluster at one instant,
// with its reasons. It is immutable once published: KEDA's five calls, status,
// explain, metrics and Ray's own `ray status` are made from this one value.
type Decision struct {
	Cluster Cluster   `json:"-"`
	Seq     uint64    `json:"seq"` // counts up with every changed decision
	At      time.Time `json:"at"`  // when it was made or last confirmed
	// Unknown says why the cluster's state is not known; empty: it is known.
	// Nothing else but Targets' last known values may be read then, and
	// they must never be used to lower anything.
	Unknown string `json:"unknown,omitempty"`
	Session string `json:"session,omitempty"` // Ray's cluster_session_name

	Targets  []Target `json:"targets"` // sorted by type
	Drain    []Drain  `json:"drain"`   // to be asked of Ray now
	Withdraw []string `json:"withdraw"`
	Victims  []string `json:"victims"` // workers to remove first when a target falls, sorted
	Recycle  []string `json:"recycle"` // drained workers to replace by fresh ones, as demand is back
	Lost     []string `json:"lost"`    // node ids of former lives of workers, which the GCS still lists
	// Nodes are sorted by type and name.
	Nodes   Later[[]NodeView] `json:"nodes"`
	Waiting []Waiting         `json:"waiting"`

	Demand     demand.Demand                  `json:"-"`
	Plan       Later[*nodetypes.Request]      `json:"-"` // what the planner was asked; nil if nothing is known
	Autoscaler Later[demand.AutoscalingState] `json:"-"` // the same, in the terms of `ray status`
	// Wake is the latest moment at which the cluster must be decided again
	// although no report came in.
	Wake time.Time `json:"-"`
}

// Target is the target of a type, and whether the decision has one.
func (d *Decision) Target(nodeType string) (Target, bool) {
	for _, t := range d.Targets {
		if t.Type == nodeType {
			return t, true
		}
	}
	return Target{}, false
}
