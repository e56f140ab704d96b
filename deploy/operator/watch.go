package operator

import (
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/rayburst/rayburst/deploy"
)

// specChanged lets a RayCluster's status pass by.
func specChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() || (e.ObjectOld.GetDeletionTimestamp() == nil) != (e.ObjectNew.GetDeletionTimestamp() == nil) ||
			!maps.Equal(e.ObjectOld.GetAnnotations(), e.ObjectNew.GetAnnotations())
	}}
}

// objectChanged lets pass by what is neither a change of something that was
// applied nor shown in the status: KEDA writes into each ScaledObject every few
// seconds.
func objectChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool { return looks(e.ObjectOld) != looks(e.ObjectNew) }}
}

// look is all of an object that the operator looks at.
type look struct {
	managed          string
	owned, leaving   bool
	replicas         deploy.Replicas
	most             int
	failure, message string
}

func looks(o client.Object) look {
	out := look{managed: managed(o), owned: len(o.GetOwnerReferences()) > 0, leaving: o.GetDeletionTimestamp() != nil}
	u, ok := o.(*unstructured.Unstructured)
	if !ok {
		return out
	}
	name := "Ready"
	if u.GroupVersionKind() == deploymentKind {
		out.replicas, name = replicas(*u), "ReplicaFailure"
	}
	out.most = count(*u, "spec", "maxReplicaCount")
	out.failure, out.message = condition(*u, name)
	return out
}
