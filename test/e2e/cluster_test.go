package e2e_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// cluster is a Ray cluster of charts/ray-cluster in a namespace of its own.
type cluster struct {
	t         *testing.T
	namespace string
	values    string // file for Ray in the lab
	own       string // file of this test's values
}

// release is the name of every test's cluster.
const release = "ray"

// newCluster installs a cluster with these values and waits for its head, beside
// those of other tests. At the end it is removed; nothing may be left.
func newCluster(t *testing.T, values string) *cluster {
	t.Helper()
	t.Parallel()
	return newClusterAlone(t, values)
}

// newClusterAlone is for tests that stop what the clusters of others need.
func newClusterAlone(t *testing.T, values string) *cluster {
	t.Helper()
	c := notInstalled(t)
	c.upgrade(values)
	c.headReady()
	return c
}

// notInstalled is a cluster that has a name, and will be removed.
func notInstalled(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, values: valuesFile(t), own: filepath.Join(t.TempDir(), "own.yaml")}
	c.namespace = strings.ToLower(strings.Map(func(r rune) rune {
		if r == '/' || r == '_' {
			return '-'
		}
		return r
	}, strings.TrimPrefix(t.Name(), "Test")))
	t.Cleanup(c.remove)
	return c
}

// of is the same cluster for a subtest.
func (c *cluster) of(t *testing.T) *cluster {
	out := *c
	out.t = t
	return &out
}

func valuesFile(t *testing.T) string { return values(t) }

// upgrade changes the cluster's values.
func (c *cluster) upgrade(values string) {
	c.t.Helper()
	if err := os.WriteFile(c.own, []byte(values), 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.must("", "helm", "upgrade", "--install", release, chart("ray-cluster"), "-n", c.namespace, "--create-namespace", "-f", c.values, "-f", c.own)
}

func (c *cluster) remove() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if c.t.Failed() {
		c.tell(ctx)
	}
	for _, args := range [][]string{
		{"helm", "uninstall", release, "-n", c.namespace, "--ignore-not-found"},
		{"kubectl", "-n", c.namespace, "delete", "pods", "--all", "--force", "--grace-period=0"},
		{"kubectl", "delete", "namespace", c.namespace, "--ignore-not-found"},
	} {
		if _, err := run(ctx, "", args...); err != nil {
			c.t.Error(err)
		}
	}
}

// tell logs what helps to understand a failure.
func (c *cluster) tell(ctx context.Context) {
	for _, args := range [][]string{
		{"kubectl", "-n", c.namespace, "get", "pods,deployments,hpa,scaledobjects", "-o", "wide"},
		{"kubectl", "-n", c.namespace, "get", "events", "--sort-by=.lastTimestamp"},
		{"kubectl", "-n", "keda", "logs", "-l", "app.kubernetes.io/component=scaler", "--tail=60"},
	} {
		out, err := run(ctx, "", args...)
		c.t.Logf("%s\n%s %v", strings.Join(args, " "), out, err)
	}
}

func (c *cluster) must(in string, args ...string) string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	out, err := run(ctx, in, args...)
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

func (c *cluster) kubectl(args ...string) string {
	c.t.Helper()
	return c.must("", append([]string{"kubectl", "-n", c.namespace}, args...)...)
}

func (c *cluster) headReady() {
	c.t.Helper()
	eventually(c.t, "the head is ready", func() (bool, string) {
		for _, p := range c.pods("ray.io/node-type=head") {
			if ready(p) {
				return true, ""
			}
		}
		return false, "no head is ready"
	})
}

// driver runs Python in the head's pod and returns what it prints.
func (c *cluster) driver(code string) string {
	c.t.Helper()
	return c.must(prelude(c.t)+code, c.python("-")...)
}

func (c *cluster) pods(selector string) []corev1.Pod {
	c.t.Helper()
	list, err := kube.CoreV1().Pods(c.namespace).List(c.t.Context(), metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		c.t.Fatal(err)
	}
	return list.Items
}

// live are a type's pods that are not on their way out.
func (c *cluster) live(nodeType string) []corev1.Pod {
	c.t.Helper()
	var out []corev1.Pod
	for _, p := range c.pods("ray.io/group=" + nodeType) {
		if p.DeletionTimestamp == nil {
			out = append(out, p)
		}
	}
	return out
}

// only is the one pod of a type that is not on its way out.
func (c *cluster) only(nodeType string) corev1.Pod {
	c.t.Helper()
	live := c.live(nodeType)
	if len(live) != 1 {
		c.t.Fatalf("%d pods of %s, want one", len(live), nodeType)
	}
	return live[0]
}

// names are in order.
func names(pods []corev1.Pod) []string {
	var out []string
	for _, p := range pods {
		out = append(out, p.Name)
	}
	slices.Sort(out)
	return out
}

// events are the messages of an object's events of a reason.
func (c *cluster) events(reason, object string) string {
	c.t.Helper()
	list, err := kube.CoreV1().Events(c.namespace).List(c.t.Context(), metav1.ListOptions{FieldSelector: "reason=" + reason + ",involvedObject.name=" + object})
	if err != nil {
		c.t.Fatal(err)
	}
	var out []string
	for _, e := range list.Items {
		out = append(out, e.Type+" "+e.Message)
	}
	return strings.Join(out, "\n")
}

func ready(p corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// replicas is what a type's Deployment asks for.
func (c *cluster) replicas(nodeType string) int {
	c.t.Helper()
	s, err := kube.AppsV1().Deployments(c.namespace).GetScale(c.t.Context(), release+"-"+nodeType, metav1.GetOptions{})
	if err != nil {
		c.t.Fatal(err)
	}
	return int(s.Spec.Replicas)
}

// becomes waits until types have so many replicas, all pods of them Ready and no
// others left: becomes("cpu", 2, "gpu", 0).
func (c *cluster) becomes(want ...any) {
	c.t.Helper()
	eventually(c.t, fmt.Sprint(want...), func() (bool, string) {
		var now []string
		good := true
		for i := 0; i < len(want); i += 2 {
			nodeType, n := want[i].(string), want[i+1].(int)
			replicas, pods, up := c.replicas(nodeType), c.pods("ray.io/group="+nodeType), 0
			for _, p := range pods {
				if ready(p) && p.DeletionTimestamp == nil {
					up++
				}
			}
			good = good && replicas == n && len(pods) == n && up == n
			now = append(now, fmt.Sprintf("%s: %d replicas, %d pods, %d ready", nodeType, replicas, len(pods), up))
		}
		return good, strings.Join(now, "; ")
	})
}

// stays fails if a type has another number of replicas within a time.
func (c *cluster) stays(nodeType string, n int, d time.Duration) {
	c.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if got := c.replicas(nodeType); got != n {
			c.t.Fatalf("%s went to %d replicas, want %d", nodeType, got, n)
		}
	}
}
