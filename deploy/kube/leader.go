package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
)

// leaderLabel is on the pod that decides, and on no other: the Service for KEDA
// selects it. So all replicas can be Ready.
const leaderLabel = "rayburst.io/leader"

// crown puts the leader's label on a pod and takes it from the others, which
// may have crashed with it.
func crown(ctx context.Context, pods typedcorev1.PodInterface, self string) error {
	old, err := pods.List(ctx, metav1.ListOptions{LabelSelector: leaderLabel})
	if err != nil {
		return fmt.Errorf("looking for the last leader: %w", err)
	}
	for _, p := range old.Items {
		if p.Name != self {
			err = errors.Join(err, label(ctx, pods, p.Name, nil))
		}
	}
	return errors.Join(err, label(ctx, pods, self, "true"))
}

// uncrown takes the label from a pod that was the leader in a former life.
func uncrown(ctx context.Context, pods typedcorev1.PodInterface, self string) error {
	return label(ctx, pods, self, nil)
}

// label sets the leader's label of a pod, or removes it for nil. A pod that is
// not there needs none: this scaler runs outside of Kubernetes.
func label(ctx context.Context, pods typedcorev1.PodInterface, pod string, value any) error {
	body, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": map[string]any{leaderLabel: value}}})
	if err != nil {
		return err
	}
	_, err = pods.Patch(ctx, pod, types.MergePatchType, body, metav1.PatchOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("labelling pod %s: %w", pod, err)
	}
	return nil
}
