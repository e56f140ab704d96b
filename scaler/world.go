package scaler

import (
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

// Worker is one replica of a node type: a pod, or a local process.
type Worker struct {
	Name string // RAY_CLOUD_INSTANCE_ID: the pod's name
	Type string
	// Started tells whether Ray has been started in it.
	Started bool
	// StartedAt is when its container, or process, was started last. A node
	// that is older belongs to a former life of this worker.
	StartedAt time.Time
	// Drained tells whether Ray has accepted its drain: it refuses new work
	// and does not start Ray again.
	Drained bool
	// Marked tells whether it has been seen to be the first to go when its
	// type's target falls.
	Marked bool
	// Failures counts starts that ended before Ray had joined.
	Failures int
	// Trouble says why it cannot start, for people; empty: nothing is known.
	Trouble string
	// Hopeless tells that waiting longer does not help (no such image).
	Hopeless bool
}

// TypeState is a node type with what its Deployment says.
type TypeState struct {
	nodetypes.NodeType
	Replicas int  // what is asked for now
	Rollout  bool // its pods are being exchanged: nobody is removed meanwhile
	// Paused tells that nobody follows the targets: what is asked for is what its
	// Deployment says, and what was decided before counts no more.
	Paused bool
	// Refused says why no more of its replicas are made (no quota); empty: they
	// are. Those that are asked for and not there are hopeless then.
	Refused string
}

// Settings are a cluster's own. The zero value of a field means its default.
type Settings struct {
	// UpscalingSpeed bounds the growth: upscaling_speed of Ray's cluster YAML.
	UpscalingSpeed float64
	MaxWorkers     int            // of the whole cluster, without the head; nodetypes.NoLimit for none
	IdleTimeout    *time.Duration // nil: never
	Head           nodetypes.NodeType
	// ProvisionTimeout is how long a worker may take to join.
	ProvisionTimeout time.Duration
	// RemovalSettle is how long a drained, marked worker is looked at before
	// the target falls.
	RemovalSettle time.Duration
	// WithdrawAfter is how long the plan must leave a joining worker empty.
	WithdrawAfter time.Duration
}

// The defaults of Settings.
const (
	DefaultProvisionTimeout = 15 * time.Minute
	DefaultWithdrawAfter    = 10 * time.Second
	// MaxFailures is how often a worker may fail to start before its type
	// backs off.
	MaxFailures = 5
	// rejectionPause is how long a worker is not asked again after Ray has
	// rejected its drain.
	rejectionPause = 10 * time.Second
	// drainPatience is how long a drain may stay unanswered.
	drainPatience = 15 * time.Second
)

// World is everything one decision is made from: values only. They must not be
// changed afterwards: the decision reads them again when it is asked for details.
type World struct {
	Now      time.Time
	Types    []TypeState // in the user's order, which decides ties
	Settings Settings
	Workers  []Worker
	// Snapshot is what the raylets say; nil if it is not known, for the reason Unknown.
	Snapshot *demand.Snapshot
	Unknown  error
}
