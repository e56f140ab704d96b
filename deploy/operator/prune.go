package operator

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
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
	return r.pruneUnseen(ctx, c, keep)
}

// pruneUnseen deletes what was applied and is not wanted any more, but that the
// cache does not have: it is late, or the object has lost its label.
func (r *reconciler) pruneUnseen(ctx context.Context, c *rayCluster, keep map[key]bool) error {
	for k := range c.memory.applied {
		if keep[k] {
			continue
		}
		o := metadataOf(k.kind)
		err := r.Live.Get(ctx, types.NamespacedName{Namespace: c.GetNamespace(), Name: k.name}, o)
		switch {
		case err == nil && metav1.IsControlledBy(o, c) && o.GetDeletionTimestamp() == nil:
			err = r.delete(ctx, c, o)
		case apierrors.IsNotFound(err):
			err = nil
		case err != nil:
			err = troubled(deploy.ReasonApplyFailed, "reading %s: %w", k, err)
		}
		if err != nil {
			return err
		}
		delete(c.memory.applied, k)
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
