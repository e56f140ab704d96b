package demand

// ControlKind is what an agent is asked to do.
type ControlKind int

// The kinds of control messages.
const (
	ControlDrain    ControlKind = iota + 1 // ask Ray to drain the node; Ray may say no
	ControlWithdraw                        // do not start Ray, if it has not been started
	ControlState                           // tell Ray the decision (the head's agent only)
)

// Control is a request to an agent. It is idempotent.
type Control struct {
	Kind   ControlKind
	NodeID string // 56 hex digits; ControlDrain
	Reason string // shown by Ray; ControlDrain
	State  AutoscalingState
}

// ControlReply says what Ray said.
type ControlReply struct {
	Accepted bool
	Message  string // why not
}

// AutoscalingState is a decision in the terms of Ray's ReportAutoscalingState
// and ReportClusterConfig.
type AutoscalingState struct {
	Version               uint64            `json:"version"` // unix milliseconds: Ray drops a lower one
	Pending               []PendingWorker   `json:"pending"`
	Failed                []FailedWorkers   `json:"failed"`
	Infeasible            []ResourceRequest `json:"infeasible"`
	InfeasibleGangs       []Gang            `json:"infeasibleGangs"`
	InfeasibleConstraints []Shape           `json:"infeasibleConstraints"`
	NodeGroups            []NodeGroup       `json:"nodeGroups"`
}

// PendingWorker is a worker that has not joined: one entry a worker, since
// `ray status` counts entries.
type PendingWorker struct {
	NodeType   string `json:"nodeType"`
	InstanceID string `json:"instanceId,omitempty"` // empty: asked for, not there yet
	Details    string `json:"details,omitempty"`
}

// FailedWorkers are launches of a type that did not join in time.
type FailedWorkers struct {
	NodeType string `json:"nodeType"`
	Count    int    `json:"count"`
	Reason   string `json:"reason"`
	Started  int64  `json:"started"` // unix seconds
	Failed   int64  `json:"failed"`  // unix seconds
}

// NodeGroup is a node type in Ray's ClusterConfig.
type NodeGroup struct {
	Name       string    `json:"name"`
	Resources  Resources `json:"resources"`
	MinWorkers int       `json:"minWorkers"`
	MaxWorkers int       `json:"maxWorkers"` // −1: no limit
}
