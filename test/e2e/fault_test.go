package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rayburst/rayburst/scaler"
)

// TestWrongTrigger: a ScaledObject that we cannot read holds its workers and
// tells why; mended, it drives them again.
func TestWrongTrigger(t *testing.T) {
	c := newCluster(t, workers("small", "idleTimeoutSeconds: 2\nmaxWorkers: 2"))
	c.start("one", "num_cpus=1")
	c.becomes("small", 1)
	c.speed("fast")
	eventually(t, "an event InvalidTrigger", func() (bool, string) {
		said := c.events("InvalidTrigger", release+"-small")
		return contains(said, "upscalingSpeed", "must be a number", "fast"), said
	})
	t.Log(c.events("InvalidTrigger", release+"-small"))
	c.kill("one")
	c.stays("small", 1, 10*time.Second)
	c.speed("1")
	c.becomes("small", 0)
	c.start("two", "num_cpus=1")
	c.becomes("small", 1)
}

// speed writes upscalingSpeed into the trigger of the type small.
func (c *cluster) speed(value string) {
	c.t.Helper()
	c.kubectl("patch", "scaledobject", release+"-small", "--type=json",
		"-p", fmt.Sprintf(`[{"op": "replace", "path": "/spec/triggers/0/metadata/upscalingSpeed", "value": %q}]`, value))
}

func contains(s string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}

// TestPodDeleted: a worker whose pod is deleted under a task is replaced, and
// the task is done by another.
func TestPodDeleted(t *testing.T) {
	c := newCluster(t, workers("small", "idleTimeoutSeconds: 3\nmaxWorkers: 2"))
	c.becomes("small", 0)
	small := c.trace("small")
	s := c.begin("say('done', ray.get(task.options(max_retries=5).remote(6)))\n")
	c.becomes("small", 1)
	old := c.only("small").Name
	time.Sleep(2 * time.Second) // the task has begun
	begin := time.Now()
	c.kubectl("delete", "pod", old, "--now", "--wait=false")
	if by := s.says("done")[0]; by == old {
		t.Errorf("the task was done by %s, which was deleted", by)
	}
	t.Logf("a task of 6 s was done %.1f s after its worker had been deleted", time.Since(begin).Seconds())
	c.becomes("small", 0)
	if small.most() != 1 {
		t.Errorf("small went %v for one task", small)
	}
}

// TestEviction: an evicted worker ends what it runs first; the task needs no
// retry.
func TestEviction(t *testing.T) {
	c := newCluster(t, workers("small", "idleTimeoutSeconds: 3\nmaxWorkers: 2"))
	c.becomes("small", 0)
	small := c.trace("small")
	s := c.begin("say('done', ray.get(task.remote(8)))\n")
	c.becomes("small", 1)
	old := c.only("small").Name
	c.works(old)
	begin := time.Now()
	c.evict(old)
	if by := s.says("done")[0]; by != old {
		t.Errorf("the task was done by %s, want the evicted %s", by, old)
	}
	t.Logf("a task of 8 s was done %.1f s after its worker's eviction", time.Since(begin).Seconds())
	eventually(t, "the evicted pod is gone", func() (bool, string) {
		for _, p := range c.pods("ray.io/group=small") {
			if p.Name == old {
				return false, "it is there"
			}
		}
		return true, ""
	})
	t.Logf("the pod was gone %.1f s after its eviction", time.Since(begin).Seconds())
	c.becomes("small", 0)
	if small.most() != 1 {
		t.Errorf("small went %v for one task", small)
	}
}

// works waits until a task runs on a worker.
func (c *cluster) works(pod string) {
	c.t.Helper()
	eventually(c.t, "a task runs on "+pod, func() (bool, string) {
		d := c.decision()
		if d == nil {
			return false, "no decision"
		}
		nodes := d.Nodes.Get()
		i := slices.IndexFunc(nodes, func(n scaler.NodeView) bool { return n.Name == pod })
		return i >= 0 && slices.Contains(nodes[i].Activity, "Busy workers on node."), fmt.Sprint(nodes)
	})
}

func (c *cluster) evict(pod string) {
	c.t.Helper()
	e := &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: pod, Namespace: c.namespace}}
	if err := kube.CoreV1().Pods(c.namespace).EvictV1(c.t.Context(), e); err != nil {
		c.t.Fatal(err)
	}
}

// TestHeadDeleted: without fault tolerance a head's pod is deleted. Nothing is
// lowered while the cluster is unknown; the workers, whose pods stay as they
// are, join the new head, and serve it (KubeRay's TestRayClusterAutoscalerGCSFT,
// without Redis).
func TestHeadDeleted(t *testing.T) {
	c := newCluster(t, workers("small", "idleTimeoutSeconds: 25\nmaxWorkers: 2"))
	c.start("one", "num_cpus=1")
	c.start("two", "num_cpus=1")
	c.becomes("small", 2)
	old, small, begin := names(c.live("small")), c.trace("small"), time.Now()
	c.kubectl("delete", "pod", "-l", "ray.io/node-type=head")
	c.headReady()
	t.Logf("a new head after %.1f s", time.Since(begin).Seconds())
	joined := strings.Fields(c.driver("while len(ray.nodes()) < 3:\n    time.sleep(0.2)\nprint(*sorted(n['NodeManagerHostname'] for n in ray.nodes()))\n"))
	t.Logf("both workers have joined it after %.1f s: %v", time.Since(begin).Seconds(), joined)
	if now := names(c.live("small")); fmt.Sprint(now) != fmt.Sprint(old) {
		t.Errorf("the workers' pods are %v, were %v", now, old)
	}
	if small.fell() {
		t.Errorf("small went %v while the head was away", small)
	}
	c.start("three", "num_cpus=1")
	c.becomes("small", 1)
	c.restarted(0)
	c.kill("three")
	c.becomes("small", 0)
	if small.most() > 2 {
		t.Errorf("small went %v", small)
	}
}

// restarted fails if a container of Ray's has been started again more often.
func (c *cluster) restarted(most int32) {
	c.t.Helper()
	for _, p := range c.pods("ray.io/node-type=worker") {
		for _, s := range p.Status.ContainerStatuses {
			if s.RestartCount > most {
				c.t.Errorf("container %s of %s was restarted %d times", s.Name, p.Name, s.RestartCount)
			}
		}
	}
}

// TestAgentKilled: an agent that ends is started again; Ray beside it and what
// runs there notice nothing, and the worker stays.
func TestAgentKilled(t *testing.T) {
	c := newCluster(t, workers("small", "idleTimeoutSeconds: 2\nmaxWorkers: 2"))
	c.start("one", "num_cpus=1")
	c.becomes("small", 1)
	old, small, begin := c.only("small").Name, c.trace("small"), time.Now()
	for i := range 2 {
		c.killAgent(old)
		eventually(t, "the agent has been started again", func() (bool, string) {
			p := c.only("small")
			n := p.Status.InitContainerStatuses[0].RestartCount
			return int(n) == i+1 && ready(p), fmt.Sprintf("%d restarts", n)
		})
		t.Logf("restarted and ready %.1f s after the first kill", time.Since(begin).Seconds())
	}
	if where := strings.TrimSpace(c.driver("print(ray.get(ray.get_actor('one').pod.remote()))\n")); where != old {
		t.Errorf("the actor is on %s, was on %s", where, old)
	}
	if fmt.Sprint(small.replicas()) != "[1]" {
		t.Errorf("small went %v", small)
	}
	c.restarted(0)
	c.kill("one")
	c.becomes("small", 0)
}

// killAgent kills the agent of a pod: the lab's pods are processes of this machine.
func (c *cluster) killAgent(pod string) {
	c.t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		c.t.Fatal(err)
	}
	for _, path := range paths {
		env, _ := os.ReadFile(path) // it may have ended
		command, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		if contains("\x00"+string(env), "\x00RAYBURST_CLUSTER="+c.namespace+"/", "\x00RAY_CLOUD_INSTANCE_ID="+pod+"\x00") && contains(string(command), "agent") {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				c.t.Fatal(err)
			}
			return
		}
	}
	c.t.Fatalf("no agent of pod %s", pod)
}
