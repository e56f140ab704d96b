package kubectl

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Phase is how far a Ray pod has come.
type Phase struct {
	// Text says it to people: "waiting for a node: 0/3 nodes are available".
	Text string
	// Ready: Ray runs and the agent beside it says so.
	Ready bool
	// Running: Ray's container runs, or has run, so that it has a log.
	Running bool
	// Failed: what was tried failed, and will be tried again without much hope.
	Failed bool
}

// PhaseOf reads a pod's status.
func PhaseOf(p *corev1.Pod) Phase {
	if c := condition(p, corev1.PodReady); c != nil && c.Status == corev1.ConditionTrue {
		return Phase{Text: "ready", Ready: true, Running: true}
	}
	if c := condition(p, corev1.PodScheduled); c == nil || c.Status != corev1.ConditionTrue {
		return Phase{Text: "waiting for a node" + detail(c)}
	}
	for _, s := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		if phase, ok := troubled(s); ok {
			return phase
		}
	}
	i := slices.IndexFunc(p.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool { return s.Name == Container })
	if i >= 0 && p.Status.ContainerStatuses[i].State.Running != nil {
		return Phase{Text: "starting Ray", Running: true}
	}
	return Phase{Text: "starting containers"}
}

// troubled is the phase of a container that has failed.
func troubled(s corev1.ContainerStatus) (Phase, bool) {
	switch w, end := s.State.Waiting, s.State.Terminated; {
	case w != nil && slices.Contains(hopeless, w.Reason):
		text := fmt.Sprintf("container %s: %s", s.Name, w.Reason)
		if w.Message != "" {
			text += ": " + w.Message
		}
		return Phase{Text: text, Failed: true, Running: s.RestartCount > 0}, true
	case end != nil && end.ExitCode != 0:
		return Phase{Text: fmt.Sprintf("container %s ended with exit code %d", s.Name, end.ExitCode), Failed: true, Running: true}, true
	}
	return Phase{}, false
}

// hopeless are the kubelet's reasons for a container that waits after failures.
var hopeless = []string{"CrashLoopBackOff", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError", "CreateContainerError", "ErrImageNeverPull"}

func condition(p *corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	for i, c := range p.Status.Conditions {
		if c.Type == kind {
			return &p.Status.Conditions[i]
		}
	}
	return nil
}

func detail(c *corev1.PodCondition) string {
	if c == nil || c.Message == "" {
		return ""
	}
	return ": " + c.Message
}
