package operator

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rayburst/rayburst/deploy"
	"github.com/rayburst/rayburst/deploy/operator/v1alpha1"
)

// report writes the status if it has changed, and an event for each condition
// that has.
func (r *reconciler) report(ctx context.Context, c *rayCluster, o deploy.Observed, warnings []string, idleSince time.Time) error {
	var old v1alpha1.RayClusterStatus
	if raw, ok := c.Object["status"].(map[string]any); ok {
		_ = runtime.DefaultUnstructuredConverter.FromUnstructured(raw, &old) // whoever has written nonsense there: it is written anew
	}
	now := status(o, c, old.Conditions, r.Now())
	now.Warnings = warnings
	if o.Problem == deploy.ReasonInvalidSpec {
		now.Warnings = old.Warnings
	}
	if !idleSince.IsZero() {
		now.IdleSince = new(metav1.NewTime(idleSince))
	}
	raw, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&now)
	if err != nil {
		return fmt.Errorf("writing the status: %w", err)
	}
	if equality.Semantic.DeepEqual(c.Object["status"], any(raw)) {
		return nil
	}
	before := client.MergeFrom(c.DeepCopy())
	c.Object["status"] = raw
	err = r.Client.Status().Patch(ctx, c.Unstructured, before, client.FieldOwner(manager))
	if apierrors.IsNotFound(err) {
		return nil // the RayCluster is gone
	}
	if err != nil {
		return fmt.Errorf("writing the status: %w", err)
	}
	r.tell(c, old.Conditions, now.Conditions)
	return nil
}

// status is what is seen, as a RayCluster says it.
func status(o deploy.Observed, c *rayCluster, old []metav1.Condition, now time.Time) v1alpha1.RayClusterStatus {
	out := v1alpha1.RayClusterStatus{ObservedGeneration: c.GetGeneration(), Workers: o.Workers()}
	out.Conditions = slices.Clone(old) // which keep the time of their last change
	for _, s := range o.Conditions() {
		next := metav1.Condition{
			Type: string(s.Type), Status: metav1.ConditionFalse, Reason: string(s.Reason), Message: s.Message,
			ObservedGeneration: c.GetGeneration(), LastTransitionTime: metav1.NewTime(now.Truncate(time.Second)),
		}
		if s.True {
			next.Status = metav1.ConditionTrue
		}
		meta.SetStatusCondition(&out.Conditions, next)
	}
	if o.Head != nil {
		out.Head = v1alpha1.HeadStatus{Ready: o.Head.Ready > 0, Service: c.GetName() + "-head"}
	}
	for _, t := range o.Types {
		out.NodeTypes = append(out.NodeTypes, v1alpha1.NodeTypeStatus{
			Name: t.Name, Desired: int32(t.Desired), Ready: int32(t.Ready), Max: int32(t.Max), Reason: string(t.Reason), Message: t.Message, //nolint:gosec // counts of pods
		})
	}
	return out
}

// tell makes an event of every condition whose status or reason has changed.
func (r *reconciler) tell(c *rayCluster, old, now []metav1.Condition) {
	for _, n := range now {
		before := meta.FindStatusCondition(old, n.Type)
		if before != nil && before.Status == n.Status && before.Reason == n.Reason || before == nil && n.Reason == string(deploy.ReasonRunning) {
			continue
		}
		kind := corev1.EventTypeNormal
		if n.Type == string(deploy.ConditionApplied) && n.Status == metav1.ConditionFalse {
			kind = corev1.EventTypeWarning
		}
		r.Events.Eventf(c.Unstructured, nil, kind, n.Reason, "Reconcile", "%s", n.Message)
		r.Log.Info("condition changed", "cluster", c.name(), "condition", n.Type, "status", string(n.Status), "reason", n.Reason, "message", n.Message)
	}
}
