package operator

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rayburst/rayburst/deploy"
)

// prune deletes what this RayCluster owns and does not want any more.
func (r *reconciler) prune(ctx context.Context, c *rayCluster, wanted []*unstructured.Unstructured) error {
	keep := map[key]bool{}
	for _, o := range wanted {
		keep[keyOf(o)] = true
	}
	for _, kind := range ownedKinds {
		list := listOf(kind)
		err := r.Client.List(ctx, list, client.InNamespace(c.GetNamespace()), client.MatchingLabels{clusterLabel: c.GetName()})
		if err != nil {
			return troubled(deploy.ReasonApplyFailed, "listing %ss: %w", kind.Kind, err)
		}
		err = meta.EachListItem(list, func(item runtime.Object) error {
			o := item.(client.Object)
			o.GetObjectKind().SetGroupVersionKind(kind)
			if keep[keyOf(o)] || !metav1.IsControlledBy(o, c) || o.GetDeletionTimestamp() != nil {
				return nil
			}
			return r.delete(ctx, c, o)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *reconciler) delete(ctx context.Context, c *rayCluster, o client.Object) error {
	uid := o.GetUID()
	err := r.Client.Delete(ctx, o, client.Preconditions{UID: &uid}, client.PropagationPolicy(metav1.DeletePropagationBackground))
	if err != nil && !apierrors.IsNotFound(err) {
		return troubled(deploy.ReasonApplyFailed, "deleting %s: %w", keyOf(o), err)
	}
	delete(c.memory.applied, keyOf(o))
	r.Log.Info("object deleted", "cluster", c.name(), "object", keyOf(o).String())
	return nil
}
