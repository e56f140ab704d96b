package kube

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// deploymentState is what is kept of a Deployment.
type deploymentState struct {
	version  string // of the object, as the watch showed it last
	replicas int    // spec.replicas
	untaught bool   // nobody has ever said how many replicas: they are the API server's one
	rollout  bool   // its pods are being exchanged
	refused  string // why no more pods are made; empty: they are
}

func readDeployment(d *appsv1.Deployment) deploymentState {
	want := 1
	if d.Spec.Replicas != nil {
		want = int(*d.Spec.Replicas)
	}
	s := d.Status
	return deploymentState{
		version:  d.ResourceVersion,
		replicas: want,
		untaught: d.Generation == 1 && want == 1, // each change of the spec counts it up
		rollout:  s.ObservedGeneration > 0 && s.UpdatedReplicas < s.Replicas,
		refused:  refused(d),
	}
}

// scale is a type's Deployment as it was seen, for a write that fails if it has
// changed since.
func (s deploymentState) scale(o *scaledObject) *autoscalingv1.Scale {
	return &autoscalingv1.Scale{
		ObjectMeta: metav1.ObjectMeta{Name: o.target, Namespace: o.namespace, ResourceVersion: s.version},
		Spec:       autoscalingv1.ScaleSpec{Replicas: int32(s.replicas)}, //nolint:gosec // it was one
	}
}

// sameState tells whether two states differ in their versions at most.
func sameState(old, now deploymentState) bool {
	old.version = now.version
	return old == now
}

// refused is the message of a quota that keeps pods from being made. Other
// failures to make them, such as an account that is not there yet, may pass.
func refused(d *appsv1.Deployment) string {
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue && strings.Contains(c.Message, "exceeded quota") {
			return short(c.Message)
		}
	}
	return ""
}

// replicaSet is what is kept of a ReplicaSet.
type replicaSet struct {
	uid        types.UID
	deployment string // whose it is
}

func readReplicaSet(r *appsv1.ReplicaSet) replicaSet {
	out := replicaSet{uid: r.UID}
	for _, ref := range r.OwnerReferences {
		if ref.Controller != nil && *ref.Controller && ref.Kind == "Deployment" {
			out.deployment = ref.Name
		}
	}
	return out
}

// readTarget is the average value that an HPA asks of its first external
// metric, in whole units; 0: it has none.
func readTarget(h *autoscalingv2.HorizontalPodAutoscaler) int64 {
	for _, m := range h.Spec.Metrics {
		if m.External != nil && m.External.Target.AverageValue != nil {
			return m.External.Target.AverageValue.Value()
		}
	}
	return 0
}
