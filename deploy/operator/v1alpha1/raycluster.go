// Package v1alpha1 is the RayCluster of rayburst.io: Ray's cluster YAML as a
// Kubernetes object.
//
// +kubebuilder:object:generate=true
// +groupName=rayburst.io
package v1alpha1

import (
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is what a RayCluster's apiVersion says.
var GroupVersion = schema.GroupVersion{Group: "rayburst.io", Version: "v1alpha1"}

// RayCluster is one Ray cluster. The operator makes of it the objects that
// `rayburst up` and the chart ray-cluster make.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=rbc,categories=ray
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Workers",type=string,JSONPath=`.status.workers`
// +kubebuilder:printcolumn:name="Head",type=boolean,JSONPath=`.status.head.ready`
// +kubebuilder:printcolumn:name="Suspended",type=string,JSONPath=`.status.conditions[?(@.type=="Suspended")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z]([-a-z0-9]{0,51}[a-z0-9])?$')",message="metadata.name: must be 1 to 53 lower-case letters, digits and '-', beginning with a letter: it is cluster_name and begins the names of Services"
type RayCluster struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`
	// Spec is Ray's cluster YAML.
	// +required
	Spec RayClusterSpec `json:"spec"`
	// Status is what has become of it.
	// +optional
	Status RayClusterStatus `json:"status,omitzero"`
}

// RayClusterList is a list of them.
//
// +kubebuilder:object:root=true
type RayClusterList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []RayCluster `json:"items"`
}

// RayClusterSpec has the keys of Ray 2.60's cluster YAML in camelCase, but for
// cluster_name, which is the object's name; their rules are in
// docs/cluster-yaml.md. The last three fields are not Ray's.
//
// +kubebuilder:validation:XValidation:rule="!has(self.availableNodeTypes) || has(self.headNodeType) && self.headNodeType in self.availableNodeTypes",message="headNodeType: must be one of availableNodeTypes"
// +kubebuilder:validation:XValidation:rule="!has(self.fileMounts) || self.fileMounts.size() == 0",message="fileMounts: the operator sees no files of yours: put them into the image, mount a volume (docker.runOptions: -v), or name a Secret with files.tar.gz in values.filesSecret"
type RayClusterSpec struct {
	// Types of nodes by name.
	// +optional
	// +kubebuilder:validation:MaxProperties=200
	AvailableNodeTypes map[string]NodeType `json:"availableNodeTypes,omitzero"`
	// The type of the head, one of availableNodeTypes.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	HeadNodeType *string `json:"headNodeType,omitempty"`
	// Workers of the whole cluster at most, without the head.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=50000
	MaxWorkers *int64 `json:"maxWorkers,omitempty"`
	// At most max(5, upscalingSpeed × running) workers of a type join at once; "inf": no bound.
	// +optional
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	UpscalingSpeed *apiextensionsv1.JSON `json:"upscalingSpeed,omitempty"`
	// Minutes after which an idle worker goes. Ray's own key: see also the cluster's idleTerminationMinutes.
	// +optional
	// +kubebuilder:validation:Minimum=0
	IdleTimeoutMinutes *float64 `json:"idleTimeoutMinutes,omitempty"`
	// Containers of all nodes.
	// +optional
	Docker *Docker `json:"docker,omitempty"`
	// Where Ray's launcher would start machines: read, and without effect but for disableNodeUpdaters. Further keys are kept as they are.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	Provider *Provider `json:"provider,omitempty"`
	// How Ray's launcher would log in: read, and without effect.
	// +optional
	Auth *Auth `json:"auth,omitempty"`

	// +optional
	InitializationCommands []string `json:"initializationCommands,omitzero"`
	// +optional
	SetupCommands []string `json:"setupCommands,omitzero"`
	// +optional
	HeadSetupCommands []string `json:"headSetupCommands,omitzero"`
	// +optional
	WorkerSetupCommands []string `json:"workerSetupCommands,omitzero"`
	// +optional
	HeadStartRayCommands []string `json:"headStartRayCommands,omitzero"`
	// +optional
	WorkerStartRayCommands []string `json:"workerStartRayCommands,omitzero"`

	// +optional
	FileMounts map[string]string `json:"fileMounts,omitzero"`
	// +optional
	FileMountsSyncContinuously *bool `json:"fileMountsSyncContinuously,omitempty"`
	// +optional
	ClusterSyncedFiles []string `json:"clusterSyncedFiles,omitzero"`
	// +optional
	RsyncExclude []string `json:"rsyncExclude,omitzero"`
	// +optional
	RsyncFilter []string `json:"rsyncFilter,omitzero"`
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	Metadata *apiextensionsv1.JSON `json:"metadata,omitempty"`
	// +optional
	NoRestart *bool `json:"noRestart,omitempty"`

	// +optional
	// +kubebuilder:validation:Enum=default;aggressive
	AutoscalingMode *string `json:"autoscalingMode,omitempty"`
	// A machine or a whole pod, as it is.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	HeadNode *apiextensionsv1.JSON `json:"headNode,omitempty"`
	// A machine or a whole pod, as it is.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	WorkerNodes *apiextensionsv1.JSON `json:"workerNodes,omitempty"`
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=50000
	InitialWorkers *int64 `json:"initialWorkers,omitempty"`
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=50000
	MinWorkers *int64 `json:"minWorkers,omitempty"`
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1
	TargetUtilizationFraction *float64 `json:"targetUtilizationFraction,omitempty"`
	// +optional
	WorkerDefaultNodeType *string `json:"workerDefaultNodeType,omitempty"`

	// Stop everything, the head too; false again brings it back.
	// +optional
	Suspend *bool `json:"suspend,omitempty"`
	// Minutes without workers, demand and work on the head after which the operator sets suspend.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:ExclusiveMinimum=true
	IdleTerminationMinutes *float64 `json:"idleTerminationMinutes,omitempty"`
	// Values of the chart ray-cluster, laid over those made of all else here.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	Values *apiextensionsv1.JSON `json:"values,omitempty"`
}

// NodeType is a kind of node.
//
// +kubebuilder:validation:XValidation:rule="!has(self.minWorkers) || !has(self.maxWorkers) || self.minWorkers <= self.maxWorkers",message="minWorkers: must not be above maxWorkers"
type NodeType struct {
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=50000
	MinWorkers *int64 `json:"minWorkers,omitempty"`
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=50000
	MaxWorkers *int64 `json:"maxWorkers,omitempty"`
	// What a node has, in whole numbers, by Ray's names.
	// +optional
	// +kubebuilder:validation:MaxProperties=1000
	Resources map[string]int64 `json:"resources,omitzero"`
	// +optional
	Labels map[string]string `json:"labels,omitzero"`
	// Types with a higher one are preferred.
	// +optional
	Priority *int64 `json:"priority,omitempty"`
	// Seconds after which an idle worker goes, instead of the cluster's idleTimeoutMinutes.
	// +optional
	// +kubebuilder:validation:Minimum=0
	IdleTimeoutS *float64 `json:"idleTimeoutS,omitempty"`
	// The cloud's machine, or a whole pod; its keys are not Ray's and stay as they are.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	NodeConfig *apiextensionsv1.JSON `json:"nodeConfig,omitempty"`
	// +optional
	Docker *TypeDocker `json:"docker,omitempty"`
	// +optional
	InitializationCommands []string `json:"initializationCommands,omitzero"`
	// +optional
	WorkerSetupCommands []string `json:"workerSetupCommands,omitzero"`

	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	HeadImage *apiextensionsv1.JSON `json:"headImage,omitempty"`
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObjectStoreMemory *int64 `json:"objectStoreMemory,omitempty"`
	// +optional
	PullBeforeRun *bool `json:"pullBeforeRun,omitempty"`
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	WorkerImage *apiextensionsv1.JSON `json:"workerImage,omitempty"`
	// +optional
	WorkerRunOptions []string `json:"workerRunOptions,omitzero"`
}

// TypeDocker is what a type says of its containers, over what the cluster does.
type TypeDocker struct {
	// +optional
	PullBeforeRun *bool `json:"pullBeforeRun,omitempty"`
	// +optional
	WorkerImage *string `json:"workerImage,omitempty"`
	// +optional
	WorkerRunOptions []string `json:"workerRunOptions,omitzero"`
}

// Docker is how containers run.
type Docker struct {
	// +optional
	ContainerName *string `json:"containerName,omitempty"`
	// +optional
	DisableAutomaticRuntimeDetection *bool `json:"disableAutomaticRuntimeDetection,omitempty"`
	// +optional
	DisableShmSizeDetection *bool `json:"disableShmSizeDetection,omitempty"`
	// +optional
	HeadImage *string `json:"headImage,omitempty"`
	// +optional
	HeadRunOptions []string `json:"headRunOptions,omitzero"`
	// +optional
	Image *string `json:"image,omitempty"`
	// +optional
	PullBeforeRun *bool `json:"pullBeforeRun,omitempty"`
	// +optional
	RunOptions []string `json:"runOptions,omitzero"`
	// +optional
	UsePodman *bool `json:"usePodman,omitempty"`
	// +optional
	WorkerImage *string `json:"workerImage,omitempty"`
	// +optional
	WorkerRunOptions []string `json:"workerRunOptions,omitzero"`
}

// Provider has a type. Keys that are not here are kept as they are; this type
// does not hold them.
type Provider struct {
	// +required
	// +kubebuilder:validation:Enum=kubernetes;kuberay;aws;gcp;azure;vsphere;aliyun;spark;local;external;readonly;fake_multinode;fake_multinode_docker
	Type string `json:"type"`
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	AutoscalerRole *apiextensionsv1.JSON `json:"autoscalerRole,omitempty"`
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	AutoscalerRoleBinding *apiextensionsv1.JSON `json:"autoscalerRoleBinding,omitempty"`
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	AutoscalerServiceAccount *apiextensionsv1.JSON `json:"autoscalerServiceAccount,omitempty"`
	// +optional
	AvailabilityZone *string `json:"availabilityZone,omitempty"`
	// +optional
	CacheStoppedNodes *bool `json:"cacheStoppedNodes,omitempty"`
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	Cloudwatch *apiextensionsv1.JSON `json:"cloudwatch,omitempty"`
	// +optional
	DisableNodeUpdaters *bool `json:"disableNodeUpdaters,omitempty"`
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	GCPCredentials *apiextensionsv1.JSON `json:"gcpCredentials,omitempty"`
	// +optional
	HeadIP *string `json:"headIp,omitempty"`
	// +optional
	Location *string `json:"location,omitempty"`
	// +optional
	Module *string `json:"module,omitempty"`
	// +optional
	MsiIdentityID *string `json:"msiIdentityId,omitempty"`
	// +optional
	MsiIdentityPrincipalID *string `json:"msiIdentityPrincipalId,omitempty"`
	// +optional
	Namespace *string `json:"namespace,omitempty"`
	// +optional
	ProjectID *string `json:"projectId,omitempty"`
	// +optional
	Region *string `json:"region,omitempty"`
	// +optional
	ResourceGroup *string `json:"resourceGroup,omitempty"`
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	SecurityGroup *apiextensionsv1.JSON `json:"securityGroup,omitempty"`
	// +optional
	SubnetID *string `json:"subnetId,omitempty"`
	// +optional
	SubscriptionID *string `json:"subscriptionId,omitempty"`
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	Tags *apiextensionsv1.JSON `json:"tags,omitempty"`
	// +optional
	UseInternalIPs *bool `json:"useInternalIps,omitempty"`
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	WorkerIPs *apiextensionsv1.JSON `json:"workerIps,omitempty"`
}

// Auth is Ray's auth.
type Auth struct {
	// +optional
	SSHPrivateKey *string `json:"sshPrivateKey,omitempty"`
	// +optional
	SSHProxyCommand *string `json:"sshProxyCommand,omitempty"`
	// +optional
	SSHProxyUseNodeID *bool `json:"sshProxyUseNodeId,omitempty"`
	// +optional
	SSHPublicKey *string `json:"sshPublicKey,omitempty"`
	// +optional
	SSHUser *string `json:"sshUser,omitempty"`
}

// RayClusterStatus is what the operator sees of a cluster.
type RayClusterStatus struct {
	// The generation of the spec that all of this is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Applied, Ready and Suspended.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// +optional
	Head HeadStatus `json:"head,omitzero"`
	// Ready and desired workers of all types.
	// +optional
	Workers string `json:"workers,omitempty"`
	// Types of workers, by name.
	// +optional
	// +listType=map
	// +listMapKey=name
	NodeTypes []NodeTypeStatus `json:"nodeTypes,omitempty"`
	// What in the spec has no effect here.
	// +optional
	// +listType=atomic
	Warnings []string `json:"warnings,omitempty"`
	// Since when the cluster is idle, with idleTerminationMinutes only.
	// +optional
	IdleSince *metav1.Time `json:"idleSince,omitempty"`
}

// HeadStatus is the head.
type HeadStatus struct {
	Ready bool `json:"ready"`
	// The Service of its GCS, client and dashboard.
	// +optional
	Service string `json:"service,omitempty"`
}

// NodeTypeStatus is a type's workers.
type NodeTypeStatus struct {
	// As in Kubernetes.
	Name    string `json:"name"`
	Desired int32  `json:"desired"`
	Ready   int32  `json:"ready"`
	Max     int32  `json:"max"`
	// Why it is as it is, if Kubernetes or KEDA says so, or the scaler while workers are on their way.
	// +optional
	Reason string `json:"reason,omitempty"`
	// +optional
	Message string `json:"message,omitempty"`
}
