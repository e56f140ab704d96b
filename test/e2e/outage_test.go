package e2e_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rayburst/rayburst/scaler"
)

// lab runs a command of the lab.
func lab(t *testing.T, args ...string) {
	t.Helper()
	if _, err := run(context.WithoutCancel(t.Context()), "", append([]string{"../../bin/lab"}, args...)...); err != nil { // at the end too
		t.Fatal(err)
	}
}

// busyFleet is a fleet whose ten workers are all busy.
func busyFleet(t *testing.T) *fleet {
	t.Helper()
	f := newFleet(t, 100)
	f.wants(10)
	f.settled(10)
	f.work()
	return f
}

// work makes all workers busy.
func (f *fleet) work() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for pod := range f.nodes {
		f.busy[pod] = true
	}
	signal(f.kick)
}

// unharmed fails if a target was lowered or a busy worker went.
func (f *fleet) unharmed() {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.falls) > 0 {
		f.t.Errorf("the target was lowered: %v", f.falls)
	}
	if len(f.leaving) > 0 {
		f.t.Errorf("workers went: %v", f.leaving)
	}
}

// climb raises the demand step by step, and does something in the middle.
func (f *fleet) climb(to int, middle func()) {
	f.t.Helper()
	for n := 12; n <= to; n += 2 {
		f.wants(n)
		if n == to/2+1 {
			middle()
		}
		time.Sleep(100 * time.Millisecond)
	}
	f.reached(to)
	f.settled(to)
	f.unharmed()
}

// crash kills a pod of ours without a warning, and returns when: its processes
// first, so that they give nothing back.
func crash(t *testing.T, pod string) time.Time {
	t.Helper()
	at, killed := time.Now(), 0
	hosts, _ := filepath.Glob("/proc/[0-9]*/root/etc/hostname")
	for _, path := range hosts {
		pid, _ := strconv.Atoi(strings.Split(path, "/")[2])
		if name, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(name)) == pod && pid > 1 {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended with the one before
			killed++
		}
	}
	if killed == 0 {
		t.Fatal("no process of " + pod)
	}
	if _, err := run(t.Context(), "", "kubectl", "-n", "keda", "delete", "pod", pod, "--force", "--grace-period=0"); err != nil {
		t.Fatal(err)
	}
	return at
}

// scalers are the pods of the scaler, the one that decides first.
func scalers(t *testing.T) []string {
	t.Helper()
	list, err := kube.CoreV1().Pods("keda").List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/component=scaler"})
	if err != nil {
		t.Fatal(err)
	}
	var first, rest []string
	for _, p := range list.Items {
		switch {
		case p.DeletionTimestamp != nil || !ready(p):
		case p.Labels["rayburst.io/leader"] != "":
			first = append(first, p.Name)
		default:
			rest = append(rest, p.Name)
		}
	}
	return append(first, rest...)
}

// scalerOf is the pod of the only scaler, once it is ready.
func scalerOf(t *testing.T) string {
	t.Helper()
	var all []string
	eventually(t, "a scaler", func() (bool, string) {
		all = scalers(t)
		return len(all) > 0, fmt.Sprint(all)
	})
	return all[0]
}

// decides waits for a decision that is known and was made after a moment.
func (f *fleet) decides(after time.Time) *scaler.Decision {
	f.t.Helper()
	var d *scaler.Decision
	eventually(f.t, "a decision", func() (bool, string) {
		d = f.decision()
		return d != nil && d.Unknown == "" && d.At.After(after), fmt.Sprint(d)
	})
	return d
}

// TestScalerKilled: the only scaler is killed in the middle of a burst.
func TestScalerKilled(t *testing.T) {
	f := busyFleet(t)
	var killed time.Time
	f.climb(50, func() { killed = crash(t, scalerOf(t)) })
	t.Logf("50 workers %.1f s after the scaler was killed at 26", time.Since(killed).Seconds())
}

// TestLeaderKilled: of two scalers the one that decides is killed in the middle
// of a burst; the other goes on once the Lease is over.
func TestLeaderKilled(t *testing.T) {
	f := busyFleet(t)
	both := f.scalers(2)
	time.Sleep(3 * time.Second) // the other waits for the Lease, and knows the cluster
	var killed time.Time
	f.climb(50, func() {
		killed = crash(t, both[0])
		d := f.decides(killed.Add(time.Second))
		t.Logf("the other scaler decided %.1f s after the first was killed; the Lease is of 15 s", d.At.Sub(killed).Seconds())
	})
	if now := scalerOf(t); now == both[0] {
		t.Errorf("%s decides, which was killed", now)
	}
}

// install installs the scaler's chart with another value.
func install(t *testing.T, set ...string) {
	t.Helper()
	if err := installScaler(set...); err != nil {
		t.Fatal(err)
	}
}

// TestNATSRestarted: NATS is killed in the middle of a burst; agents and scaler
// find the next one.
func TestNATSRestarted(t *testing.T) {
	f := busyFleet(t)
	pods, err := kube.CoreV1().Pods("keda").List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/component=nats"})
	if err != nil || len(pods.Items) != 1 {
		t.Fatal(pods, err)
	}
	var killed time.Time
	f.climb(50, func() { killed = crash(t, pods.Items[0].Name) })
	t.Logf("50 workers %.1f s after NATS was killed at 26", time.Since(killed).Seconds())
}

// TestAPIServerDown: the API server is away for 60 s, in which the demand rises.
func TestAPIServerDown(t *testing.T) {
	f := busyFleet(t)
	lab(t, "halt", "kube-apiserver")
	time.Sleep(5 * time.Second)
	f.wants(40)
	time.Sleep(55 * time.Second)
	lab(t, "resume", "kube-apiserver")
	back := time.Now()
	f.written(40)
	t.Logf("40 workers were written %.1f s after the API server's return", time.Since(back).Seconds())
	f.settled(40)
	f.unharmed()
}

// written waits until spec.replicas is n, without a watch: one that was cut off
// may begin again late.
func (f *fleet) written(n int) {
	f.t.Helper()
	eventually(f.t, fmt.Sprint(n, " replicas"), func() (bool, string) {
		s, err := kube.AppsV1().Deployments(f.namespace).GetScale(f.t.Context(), gpus, metav1.GetOptions{})
		return err == nil && int(s.Spec.Replicas) == n, fmt.Sprint(s, err)
	})
}

// TestKEDADown: KEDA's operator is away for five minutes, in which the demand
// rises.
func TestKEDADown(t *testing.T) {
	f := busyFleet(t)
	operator := func(n int) {
		t.Helper()
		if _, err := run(t.Context(), "", "kubectl", "-n", "keda", "scale", "deployment", "keda-operator", fmt.Sprint("--replicas=", n)); err != nil {
			t.Fatal(err)
		}
	}
	operator(0)
	time.Sleep(10 * time.Second)
	f.wants(40)
	time.Sleep(290 * time.Second)
	f.mu.Lock()
	t.Logf("%v workers while KEDA was away", f.seen)
	f.mu.Unlock()
	operator(1)
	back := time.Now()
	f.reached(40)
	t.Logf("40 workers were written %.1f s after KEDA's return", time.Since(back).Seconds())
	f.settled(40)
	f.unharmed()
}

// TestNodeGone: a node vanishes with the workers on it. The target holds, and
// others take their places.
func TestNodeGone(t *testing.T) {
	f := newFleet(t, 100)
	f.wants(20)
	f.settled(20)
	f.work()
	list, err := kube.CoreV1().Pods(f.namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	node := list.Items[0].Spec.NodeName
	var lost []string
	for _, p := range list.Items {
		if p.Spec.NodeName == node {
			lost = append(lost, p.Name)
		}
	}
	gone := time.Now()
	if _, err := run(t.Context(), "", "kubectl", "delete", "node", node); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lab(t, "fake", "4") })
	f.mu.Lock()
	for _, pod := range lost {
		delete(f.nodes, pod)
	}
	f.mu.Unlock()
	f.settled(20)
	t.Logf("%d of 20 workers were replaced %.1f s after their node had vanished", len(lost), time.Since(gone).Seconds())
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.falls) > 0 {
		t.Errorf("the target was lowered: %v", f.falls)
	}
	for _, pod := range f.leaving {
		if !slices.Contains(lost, pod) {
			t.Errorf("%s went, which was on another node", pod)
		}
	}
}

// TestKubeletGone: the node's kubelet is away until the node and all its pods
// count as not ready, those of KEDA and the scaler too. What runs goes on.
func TestKubeletGone(t *testing.T) {
	c := newClusterAlone(t, workers("small", "idleTimeoutSeconds: 3\nmaxWorkers: 2"))
	c.start("one", "num_cpus=1")
	const where = "print(ray.get(ray.get_actor('one').pod.remote()))\n"
	by := c.driver(where)
	small := c.trace("small")
	lab(t, "halt", "kubelet")
	eventually(t, "the worker's pod is not ready", func() (bool, string) { return !ready(c.only("small")), "it is" })
	time.Sleep(20 * time.Second)
	lab(t, "resume", "kubelet")
	c.headReady()
	if still := c.driver(where); still != by {
		t.Errorf("the actor moved from %s to %s", by, still)
	}
	if got := strings.Join(names(c.live("small")), " "); got != strings.TrimSpace(by) || small.fell() {
		t.Errorf("live %s, want %s; small went %v", got, by, small)
	}
	c.kill("one")
	c.becomes("small", 0)
}
