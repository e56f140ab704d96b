// Package operator makes Ray clusters of RayClusters: it renders the chart of
// each, applies the objects, keeps them so, and says how they are. One file is
// one action.
package operator

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rayburst/rayburst/deploy/operator/v1alpha1"
)

// manager is who applies, in the objects' managedFields.
const manager = "rayburst-operator"

// clusterLabel is on every object of a Ray cluster.
const clusterLabel = "ray.io/cluster"

// groupLabel names a worker's type.
const groupLabel = "ray.io/group"

var (
	rayClusterKind   = v1alpha1.GroupVersion.WithKind("RayCluster")
	deploymentKind   = schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}
	scaledObjectKind = schema.GroupVersionKind{Group: "keda.sh", Version: "v1alpha1", Kind: "ScaledObject"}
	runtimeClassKind = schema.GroupVersionKind{Group: "node.k8s.io", Version: "v1", Kind: "RuntimeClass"}
)

// ownedKinds are all kinds that the chart renders. Deployments and ScaledObjects
// are watched whole, of the others only the metadata.
var ownedKinds = []schema.GroupVersionKind{
	deploymentKind, scaledObjectKind,
	{Version: "v1", Kind: "Secret"},
	{Version: "v1", Kind: "Service"},
	{Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy"},
	{Group: "policy", Version: "v1", Kind: "PodDisruptionBudget"},
}

// whole tells whether objects of a kind are watched whole.
func whole(kind schema.GroupVersionKind) bool {
	return kind == deploymentKind || kind == scaledObjectKind
}

// emptyOf is an object of a kind as it is watched.
func emptyOf(kind schema.GroupVersionKind) client.Object {
	if whole(kind) || kind == rayClusterKind {
		o := &unstructured.Unstructured{}
		o.SetGroupVersionKind(kind)
		return o
	}
	return metadataOf(kind)
}

func metadataOf(kind schema.GroupVersionKind) *metav1.PartialObjectMetadata {
	o := &metav1.PartialObjectMetadata{}
	o.SetGroupVersionKind(kind)
	return o
}

// listOf is an empty list of a kind as it is watched.
func listOf(kind schema.GroupVersionKind) client.ObjectList {
	list := schema.GroupVersionKind{Group: kind.Group, Version: kind.Version, Kind: kind.Kind + "List"}
	if whole(kind) {
		o := &unstructured.UnstructuredList{}
		o.SetGroupVersionKind(list)
		return o
	}
	o := &metav1.PartialObjectMetadataList{}
	o.SetGroupVersionKind(list)
	return o
}

// key names an object within a namespace.
type key struct {
	kind schema.GroupVersionKind
	name string
}

func (k key) String() string { return k.kind.Kind + " " + k.name }

func keyOf(o client.Object) key {
	return key{kind: o.GetObjectKind().GroupVersionKind(), name: o.GetName()}
}

// mine tells whether an object is of this RayCluster; if not, whose it is.
func mine(o client.Object, uid types.UID) (bool, string) {
	owner := metav1.GetControllerOfNoCopy(o)
	switch {
	case owner != nil && owner.UID == uid:
		return true, ""
	case owner != nil:
		return false, fmt.Sprintf("one of %s %s, uid %s", owner.Kind, owner.Name, owner.UID)
	case managed(o) != "":
		return true, "" // somebody has taken the owner away
	}
	return false, "one without an owner"
}

// managed are the fields of an object that are as the operator applied them, as
// a digest: whoever changes one takes it from them. Empty: none was applied.
func managed(o client.Object) string {
	for _, f := range o.GetManagedFields() {
		if f.Manager == manager && f.Operation == metav1.ManagedFieldsOperationApply && f.Subresource == "" && f.FieldsV1 != nil {
			return digest(f.FieldsV1.GetRawBytes())
		}
	}
	return ""
}

// digest is equal for equal JSON, whatever the order of its keys.
func digest(raw []byte) string {
	var v any
	if json.Unmarshal(raw, &v) == nil {
		if sorted, err := json.Marshal(v); err == nil {
			raw = sorted
		}
	}
	sum := sha256.Sum256(raw)
	return string(sum[:])
}
