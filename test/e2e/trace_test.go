package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// trace is what a type's Deployment has asked for since the trace's begin.
type trace struct {
	mu    sync.Mutex
	begin time.Time
	steps []step
}

type step struct {
	after    time.Duration
	replicas int
}

// trace follows a type's replicas by a watch, so that no step is missed; it logs
// them at the test's end.
func (c *cluster) trace(nodeType string) *trace {
	c.t.Helper()
	w, err := kube.AppsV1().Deployments(c.namespace).Watch(c.t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + release + "-" + nodeType})
	if err != nil {
		c.t.Fatal(err)
	}
	tr := &trace{begin: time.Now()}
	tr.add(c.replicas(nodeType))
	go func() {
		for e := range w.ResultChan() {
			if d, ok := e.Object.(*appsv1.Deployment); ok && d.Spec.Replicas != nil {
				tr.add(int(*d.Spec.Replicas))
			}
		}
	}()
	c.t.Cleanup(func() { c.t.Logf("replicas of %s: %v", nodeType, tr) })
	return tr
}

func (tr *trace) add(replicas int) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if n := len(tr.steps); n == 0 || tr.steps[n-1].replicas != replicas {
		tr.steps = append(tr.steps, step{time.Since(tr.begin), replicas})
	}
}

// replicas are the numbers in order, without their times.
func (tr *trace) replicas() []int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	var out []int
	for _, s := range tr.steps {
		out = append(out, s.replicas)
	}
	return out
}

func (tr *trace) most() int  { return slices.Max(tr.replicas()) }
func (tr *trace) least() int { return slices.Min(tr.replicas()) }

// fell tells whether a number was below the one before it.
func (tr *trace) fell() bool { return !slices.IsSorted(tr.replicas()) }

func (tr *trace) String() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	var out []string
	for _, s := range tr.steps {
		out = append(out, fmt.Sprintf("%d at %.1fs", s.replicas, s.after.Seconds()))
	}
	return strings.Join(out, ", ")
}
