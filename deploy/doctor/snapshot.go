// Package doctor finds what is wrong with Rayburst in a Kubernetes cluster, from
// a snapshot of it, and says how to mend it.
package doctor

import (
	"slices"
	"time"
)

// Snapshot is what was seen in a Kubernetes cluster at one time.
type Snapshot struct {
	// Now is the time of whoever looks, and ServerTime that of the API server;
	// zero: not known.
	Now, ServerTime time.Time
	Kubernetes      Version // zero: not known
	Nodes           []Node
	KEDA            *KEDA // nil: not found
	Scalers         []Scaler
	Objects         []ScaledObject // of ours
	HPAs            []HPA          // all
	Others          []Scaled       // ScaledObjects that are not ours
	RayClusters     []RayCluster   // KubeRay's
	Heads           []Head         // pods of heads
	Agents          []string       // images of agents that run, each once
	Unread          []Unread
}

// Version is a version's first two numbers.
type Version struct{ Major, Minor int }

// Node is a machine.
type Node struct {
	Name      string
	Heartbeat time.Time // of its Lease
}

// KEDA is KEDA's operator.
type KEDA struct {
	Namespace, Name string
	Version         Version // zero: not known
	Ready           int     // replicas
	QPS             float64 // --kube-api-qps
	Burst           int     // --kube-api-burst
	Reconciles      int     // KEDA_SCALEDOBJECT_CTRL_MAX_RECONCILES
}

// Scaler is a release of the chart rayburst.
type Scaler struct {
	Namespace, Name string
	Image           string
	Wanted, Ready   int    // replicas
	Leader          string // the pod that decides, by the label
	Holder          string // the holder of its Lease
	NATS            *Workload
	// Auth is its ClusterTriggerAuthentication: the Secrets it names; nil: there
	// is none. TLS tells whether there should be one.
	Auth         []Secret
	TLS          bool
	Certificates []Secret          // all Secrets with certificates
	Clusters     map[string]string // what it knows: namespace/name → why its state is not known
	Unreachable  string            // why its HTTP API was not asked
}

// Workload is a Deployment.
type Workload struct {
	Name          string
	Wanted, Ready int
}

// Secret is one with a certificate.
type Secret struct {
	Namespace, Name string
	Missing         bool
	Expires         time.Time // of its tls.crt; zero: it has none
}

// ScaledObject is one of ours: a node type.
type ScaledObject struct {
	Namespace, Name   string
	Target            string // the Deployment
	Cluster           string // rayCluster
	Trigger           int    // its index
	Triggers          int
	Type              string // external-push
	MetricType        string
	Auth              string // of its authenticationRef
	Polling, Cooldown *int
	Min, Max          *int
	Fallback          bool
	Idle              *int // idleReplicaCount
	Cached            bool // useCachedMetrics
	Paused            string
	Up, Down          *Direction
	Ready             string // the condition's status: True, False, Unknown
	Message           string // of the condition Ready
}

// Direction is a direction of an HPA's behavior.
type Direction struct {
	Stabilization *int
	Select        string
	Policies      []Policy
	Tolerance     *string
}

// Policy is how much may change within a period.
type Policy struct {
	Type          string
	Value, Period int
}

// HPA is a HorizontalPodAutoscaler.
type HPA struct {
	Namespace, Name string
	Owner           string // its ScaledObject; empty: it is not KEDA's
	Target          string // the Deployment; empty: it scales something else
	Min, Max        int
}

// Scaled is a foreign ScaledObject.
type Scaled struct{ Namespace, Name, Target string }

// RayCluster is one of KubeRay's.
type RayCluster struct {
	Namespace, Name string
	Autoscaling     bool // enableInTreeAutoscaling
}

// Head is the pod of a Ray cluster's head that we scale.
type Head struct {
	Namespace, Name string
	Cluster         string
	Command         string // of Ray's container, in words
}

// Unread is what could not be read.
type Unread struct{ What, Why string }

// What a rule does not judge if it is among what could not be read.
const (
	Deployments       = "Deployments"
	Scalers           = "Deployments of rayburst"
	Autoscalers       = "HorizontalPodAutoscalers"
	ScalerPods        = "Pods of the scaler"
	ScalerLease       = "Lease of the scaler"
	Authentication    = "ClusterTriggerAuthentication"
	ClustersOfKubeRay = "RayClusters of KubeRay"
)

// hidden tells whether it could not be read.
func (s *Snapshot) hidden(what string) bool {
	return slices.ContainsFunc(s.Unread, func(u Unread) bool { return u.What == what })
}

// least is whether a version is at least this one; an unknown one is.
func (v Version) least(major, minor int) bool {
	return v == Version{} || v.Major > major || v.Major == major && v.Minor >= minor
}
