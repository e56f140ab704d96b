package kubectl_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/rayburst/rayburst/deploy/kubectl"
)

func TestPhaseOf(t *testing.T) {
	placed := corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}
	ray := func(s corev1.ContainerState, restarts int32) corev1.PodStatus {
		return corev1.PodStatus{
			Conditions:            []corev1.PodCondition{placed},
			InitContainerStatuses: []corev1.ContainerStatus{{Name: "rayburst-agent", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}},
			ContainerStatuses:     []corev1.ContainerStatus{{Name: "ray", State: s, RestartCount: restarts}},
		}
	}
	waiting := func(reason, message string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	}
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	for _, c := range []struct {
		name   string
		status corev1.PodStatus
		want   kubectl.Phase
	}{
		{"new", corev1.PodStatus{}, kubectl.Phase{Text: "waiting for a node"}},
		{"no node", corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/3 nodes are available"}}},
			kubectl.Phase{Text: "waiting for a node: 0/3 nodes are available"}},
		{"image", ray(waiting("ContainerCreating", ""), 0), kubectl.Phase{Text: "starting containers"}},
		{"image tried once", ray(waiting("ErrImagePull", "no route"), 0), kubectl.Phase{Text: "starting containers"}},
		{"no image", ray(waiting("ImagePullBackOff", "not found"), 0), kubectl.Phase{Text: "container ray: ImagePullBackOff: not found", Failed: true}},
		{"commands", ray(running, 0), kubectl.Phase{Text: "starting Ray", Running: true}},
		{"failed command", ray(corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3}}, 0),
			kubectl.Phase{Text: "container ray ended with exit code 3", Failed: true, Running: true}},
		{"failed again", ray(waiting("CrashLoopBackOff", "back-off"), 2), kubectl.Phase{Text: "container ray: CrashLoopBackOff: back-off", Failed: true, Running: true}},
		{"ready", corev1.PodStatus{Conditions: []corev1.PodCondition{placed, {Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
			kubectl.Phase{Text: "ready", Ready: true, Running: true}},
	} {
		if d := cmp.Diff(c.want, kubectl.PhaseOf(&corev1.Pod{Status: c.status})); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}
