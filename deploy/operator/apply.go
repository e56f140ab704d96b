package operator

import (
	"context"
	"encoding/json"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rayburst/rayburst/deploy"
)

// applied are digests of what an object was when it was last applied.
type applied struct{ manifest, managed string }

// apply makes the objects be as they are wanted. One that is still as it was
// applied is left alone. Fields that nobody gave, as replicas of workers, are
// never touched.
func (r *reconciler) apply(ctx context.Context, c *rayCluster, objects []*unstructured.Unstructured) error {
	for _, o := range objects {
		text, err := json.Marshal(o)
		if err != nil {
			return troubled(deploy.ReasonInvalidSpec, "%s: %w", keyOf(o), err)
		}
		manifest := digest(text)
		live, err := r.find(ctx, c, o)
		if err != nil {
			return err
		}
		last := c.memory.applied[keyOf(o)]
		if live != nil && last.manifest == manifest && last.managed == managed(live) {
			continue
		}
		if err := r.applyOne(ctx, c, o, manifest); err != nil {
			return err
		}
	}
	return nil
}

// untouched tells whether all objects are as they were applied, by the cache.
func (r *reconciler) untouched(ctx context.Context, c *rayCluster) bool {
	for k, last := range c.memory.applied {
		live := emptyOf(k.kind)
		err := r.Client.Get(ctx, types.NamespacedName{Namespace: c.GetNamespace(), Name: k.name}, live)
		if err != nil || !metav1.IsControlledBy(live, c) || managed(live) != last.managed {
			return false
		}
	}
	return true
}

func (r *reconciler) applyOne(ctx context.Context, c *rayCluster, o *unstructured.Unstructured, manifest string) error {
	got := o.DeepCopy() // becomes what the API server answers
	err := r.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(got), client.FieldOwner(manager), client.ForceOwnership)
	if err != nil {
		delete(c.memory.applied, keyOf(o))
		return troubled(deploy.ReasonApplyFailed, "applying %s: %w", keyOf(o), err)
	}
	c.memory.applied[keyOf(o)] = applied{manifest, managed(got)}
	r.Log.Info("object applied", "cluster", c.name(), "object", keyOf(o).String())
	return nil
}

// find is an object as it is; nil: there is none. One of somebody else is an
// error. What the cache does not have is asked of the API server.
func (r *reconciler) find(ctx context.Context, c *rayCluster, o *unstructured.Unstructured) (client.Object, error) {
	live := emptyOf(o.GroupVersionKind())
	err := r.Client.Get(ctx, client.ObjectKeyFromObject(o), live)
	if apierrors.IsNotFound(err) {
		live = metadataOf(o.GroupVersionKind())
		err = r.Live.Get(ctx, client.ObjectKeyFromObject(o), live)
	}
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, troubled(deploy.ReasonApplyFailed, "reading %s: %w", keyOf(o), err)
	}
	if ok, whose := mine(live, c.GetUID()); !ok {
		return nil, troubled(deploy.ReasonNameTaken, "%s: must not exist, or be of this RayCluster (got %s)", keyOf(o), whose)
	}
	return live, nil
}
