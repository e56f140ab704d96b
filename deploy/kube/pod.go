package kube

import (
	"cmp"
	"slices"
	"strconv"
	"time"
	"unique"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rayburst/rayburst/scaler"
)

// What we write on pods and read again.
const (
	// costAnnotation makes a pod the first of its ReplicaSet to go
	// (k8s.io/kubernetes pkg/controller/controller_utils.go).
	costAnnotation = "controller.kubernetes.io/pod-deletion-cost"
	victimCost     = "-1000"
	// drainedAnnotation says that Ray has accepted the drain of this pod's node.
	drainedAnnotation = "rayburst.io/drained"
	// askedAnnotation says that a target asked for this pod, although its Deployment
	// had it already: see unasked.
	askedAnnotation = "rayburst.io/asked"
	// AgentContainer and RayContainer are the names of a Ray pod's containers.
	AgentContainer = "rayburst-agent"
	RayContainer   = "ray"
)

// pod is what is kept of a worker's pod: a few hundred bytes.
type pod struct {
	name     string
	uid      types.UID
	owner    types.UID // its ReplicaSet; kept once for all of its pods
	leaving  bool      // has a deletionTimestamp
	over     bool      // failed or succeeded: its ReplicaSet has replaced it
	ready    bool
	started  time.Time // when the Ray container was started last; zero: it does not run
	failures int       // restarts of the Ray container in a row
	trouble  string
	hopeless bool // waiting longer does not help
	marked   bool
	drained  bool
	asked    bool
}

func readPod(p *corev1.Pod) pod {
	out := pod{
		name: p.Name, uid: p.UID, owner: unique.Make(controller(p.OwnerReferences)).Value(), leaving: p.DeletionTimestamp != nil,
		over:   p.Status.Phase == corev1.PodFailed || p.Status.Phase == corev1.PodSucceeded,
		marked: marked(p.Annotations[costAnnotation]), drained: p.Annotations[drainedAnnotation] != "",
		asked: p.Annotations[askedAnnotation] != "",
	}
	out.trouble, out.hopeless = trouble(p)
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			out.ready = c.Status == corev1.ConditionTrue
		}
	}
	if c := rayContainer(p); c != nil {
		if c.State.Running != nil {
			out.started = c.State.Running.StartedAt.Time
		}
		if !out.ready {
			out.failures = int(c.RestartCount)
		}
	}
	return out
}

func marked(cost string) bool {
	n, err := strconv.Atoi(cost)
	return err == nil && n < 0
}

func controller(refs []metav1.OwnerReference) types.UID {
	for _, r := range refs {
		if r.Controller != nil && *r.Controller {
			return r.UID
		}
	}
	return ""
}

// rayContainer is the status of the container that runs Ray: the one of that
// name, else the first.
func rayContainer(p *corev1.Pod) *corev1.ContainerStatus {
	list := p.Status.ContainerStatuses
	i := max(0, slices.IndexFunc(list, func(c corev1.ContainerStatus) bool { return c.Name == RayContainer }))
	if i >= len(list) {
		return nil
	}
	return &list[i]
}

// hopeless are the reasons for which a container waits for somebody to mend its
// pod's template, or a registry.
var hopeless = []string{"ErrImageNeverPull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError"}

// trouble says why a pod does not start, for people, and whether it can; empty:
// nothing is known.
func trouble(p *corev1.Pod) (why string, never bool) {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return short(cmp.Or(c.Message, c.Reason)), false
		}
	}
	for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		if w := c.State.Waiting; w != nil && w.Reason != "ContainerCreating" && w.Reason != "PodInitializing" {
			return short(c.Name + ": " + w.Reason + " " + w.Message), slices.Contains(hopeless, w.Reason)
		}
	}
	return "", false
}

// short bounds how much of somebody's message is kept.
func short(s string) string { return s[:min(len(s), 200)] }

// worker is the pod as the scaler sees it.
func (p *pod) worker(nodeType string) scaler.Worker {
	return scaler.Worker{
		Name: p.name, Type: nodeType, Started: !p.started.IsZero(), StartedAt: p.started,
		Drained: p.drained && !p.ready, Marked: p.marked, Failures: p.failures, Trouble: p.trouble, Hopeless: p.hopeless,
	}
}
