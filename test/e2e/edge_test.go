package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestRolloutBusy: a changed pod template exchanges busy workers, and what runs
// on them ends first, without a retry.
func TestRolloutBusy(t *testing.T) {
	of := func(env string) string {
		return workers("small", "idleTimeoutSeconds: 3\nmaxWorkers: 2\nenv: [{name: COLOUR, value: "+env+"}]")
	}
	c := newCluster(t, of("red"))
	s := c.begin("ray.get([task.remote(1), task.remote(1)])\nrefs = [task.remote(12), task.remote(12)]\nsay('asked')\nsay('done', *ray.get(refs))\n")
	s.says("asked")
	time.Sleep(time.Second) // both run
	old, small, begin := names(c.live("small")), c.trace("small"), time.Now()
	c.upgrade(of("blue"))
	done := s.says("done")
	t.Logf("tasks of 12 s on %v ended on %v %.1f s after the rollout began", old, done, time.Since(begin).Seconds())
	c.becomes("small", 0)
	if small.most() > 2 {
		t.Errorf("small went %v for two tasks", small)
	}
}

// TestMaximumBelowBusy tells what HPA does with a maximum below the busy
// workers: it clamps, and their pods end after what preStop grants them.
func TestMaximumBelowBusy(t *testing.T) {
	most := func(n int) string { return workers("small", fmt.Sprintf("idleTimeoutSeconds: 3\nmaxWorkers: %d", n)) }
	c := newCluster(t, most(2))
	s := c.begin("from ray.autoscaler.sdk import request_resources\nrequest_resources(bundles=[{'CPU': 1}] * 2)\npause()\n" +
		"ray.get([task.remote(1), task.remote(1)])\nrefs = [task.remote(10), task.remote(10)]\nrequest_resources(bundles=[])\nsay('asked')\nsay('done', *ray.get(refs))\n")
	c.becomes("small", 2)
	s.tell()
	s.says("asked")
	small, begin := c.trace("small"), time.Now()
	c.upgrade(most(1))
	s.says("done")
	t.Logf("both tasks of 10 s ended %.1f s after the maximum became 1; replicas: %v", time.Since(begin).Seconds(), small)
	c.becomes("small", 0)
}

// TestOneOfTwoReturns: two workers have been drained when demand for one comes:
// one is exchanged, the other goes, and there is always one.
func TestOneOfTwoReturns(t *testing.T) {
	c := newCluster(t, workers("small", "idleTimeoutSeconds: 4\nmaxWorkers: 2"))
	s := c.begin("from ray.autoscaler.sdk import request_resources\nrequest_resources(bundles=[{'CPU': 1}] * 2)\npause()\nrequest_resources(bundles=[])\npause()\na = Actor.options(name='two', lifetime='detached', num_cpus=1).remote()\nsay('runs', ray.get(a.pod.remote()))\n")
	c.becomes("small", 2)
	time.Sleep(5 * time.Second) // both are idle for longer than their timeout: one batch
	small := c.trace("small")
	s.tell()
	eventually(t, "both workers are drained", func() (bool, string) {
		n := 0
		for _, p := range c.live("small") {
			if p.Annotations["rayburst.io/drained"] != "" {
				n++
			}
		}
		return n == 2, fmt.Sprint(n)
	})
	begin := time.Now()
	s.tell()
	by := s.says("runs")[0]
	t.Logf("the actor runs on %s %.1f s after the drains; replicas: %v", by, time.Since(begin).Seconds(), small)
	c.becomes("small", 1)
	if small.least() < 1 {
		t.Errorf("small went %v", small)
	}
	if now := c.only("small").Name; now != by {
		t.Errorf("%s is left, the actor runs on %s", now, by)
	}
	c.kill("two")
	c.becomes("small", 0)
}

// TestDrainedBeforeNewHead: a worker that the old head has drained does not join
// the new one, and is not counted for ever.
func TestDrainedBeforeNewHead(t *testing.T) {
	c := newCluster(t, workers("small", "idleTimeoutSeconds: 3\nmaxWorkers: 2"))
	c.start("one", "num_cpus=1")
	c.becomes("small", 1)
	c.kill("one")
	small := c.trace("small")
	eventually(t, "the worker is drained", func() (bool, string) {
		live := c.live("small")
		return len(live) == 1 && live[0].Annotations["rayburst.io/drained"] != "", fmt.Sprint(len(live))
	})
	c.kubectl("delete", "pod", "-l", "ray.io/node-type=head", "--now")
	c.headReady()
	begin := time.Now()
	c.start("two", "num_cpus=1")
	c.driver("ray.get(ray.get_actor('two').pod.remote())\n")
	t.Logf("an actor of the new head runs %.1f s after that was ready; replicas: %v", time.Since(begin).Seconds(), small)
	c.becomes("small", 1)
	c.restarted(0)
	c.kill("two")
	c.becomes("small", 0)
	if small.most() > 1 {
		t.Errorf("small went %v for one actor", small)
	}
}

// TestRayletKilled: Ray that ends in its pod starts again there, without a
// restart of the container or another pod. Ray notices a killed raylet after 13 s
// and repeats its task then: the idle timeout is longer.
func TestRayletKilled(t *testing.T) {
	c := newCluster(t, workers("small", "idleTimeoutSeconds: 20\nmaxWorkers: 2"))
	s := c.begin("say('first', ray.get(task.remote(1)))\nref = task.options(max_retries=5).remote(8)\nsay('asked')\nsay('done', ray.get(ref))\n")
	old := s.says("first")[0]
	s.says("asked")
	time.Sleep(time.Second) // the task has begun
	small, begin := c.trace("small"), time.Now()
	c.kubectl("exec", old, "-c", "ray", "--", "/usr/bin/pkill", "-9", "-x", "raylet")
	by := s.says("done")[0]
	t.Logf("a task of 8 s ended %.1f s after its raylet was killed; replicas: %v", time.Since(begin).Seconds(), small)
	if by != old || small.most() > 1 {
		t.Errorf("the task of the killed raylet of %s ended on %s; small went %v", old, by, small)
	}
	c.restarted(0)
	c.becomes("small", 0)
}

// TestApplied: what is applied again while workers run and another is joining
// changes none of them.
func TestApplied(t *testing.T) {
	values := workers("small", "idleTimeoutSeconds: 2\nmaxWorkers: 3")
	c := newCluster(t, values)
	c.start("one", "num_cpus=1")
	c.start("two", "num_cpus=1")
	c.becomes("small", 2)
	small := c.trace("small")
	manifest := c.must("", "helm", "get", "manifest", release, "-n", c.namespace)
	c.start("three", "num_cpus=1")
	c.upgrade(values)
	c.must(manifest, "kubectl", "-n", c.namespace, "apply", "--server-side", "--force-conflicts", "-f", "-")
	c.becomes("small", 3)
	c.stays("small", 3, 5*time.Second)
	if fmt.Sprint(small.replicas()) != "[2 3]" {
		t.Errorf("small went %v", small)
	}
}

// TestIdleEvicted: an idle worker's pod ends at once when it is evicted, and a
// minimum brings another.
func TestIdleEvicted(t *testing.T) {
	c := newCluster(t, workers("small", "idleTimeoutSeconds: 2\nminWorkers: 1\nmaxWorkers: 2"))
	c.becomes("small", 1)
	old, begin := c.only("small").Name, time.Now()
	c.evict(old)
	eventually(t, "the evicted pod is gone", func() (bool, string) {
		all := strings.Join(names(c.pods("ray.io/group=small")), " ")
		return !strings.Contains(all, old), all
	})
	t.Logf("the pod was gone %.1f s after its eviction", time.Since(begin).Seconds())
	c.becomes("small", 1)
	t.Logf("another was ready %.1f s after it", time.Since(begin).Seconds())
}

// TestDemandAnytime: whenever demand comes back in an idle worker's end (before
// the drain, during it, as the target falls, as the pod ends), it is served by a
// worker that stays. Ray itself may lose an actor that it is creating in the very
// moment in which it accepts the drain ("the actor never ran"), so it may be
// started once more.
func TestDemandAnytime(t *testing.T) {
	c := newCluster(t, workers("small", "idleTimeoutSeconds: 2\nmaxWorkers: 3"))
	s := c.begin(`
for i in range(14):
    begin = time.time()
    a = Actor.options(num_cpus=1, max_restarts=1, max_task_retries=1).remote()
    where = ray.get(a.pod.remote())
    took = time.time() - begin
    time.sleep(2.5)
    assert ray.get(a.pod.remote()) == where
    say("served", where, f"{took:.1f}")
    ray.kill(a)
    time.sleep(1.5 + 0.8 * i)
`)
	small := c.trace("small")
	for i := range 14 {
		served := s.says("served")
		t.Logf("demand %.1f s after the last: on %s after %s s", 1.5+0.8*float64(i-1), served[0], served[1])
	}
	if small.most() > 2 {
		t.Errorf("small went %v for one actor at a time", small)
	}
	c.becomes("small", 0)
}

// TestActorEvicted: what does not end within preemptSeconds ends with its pod;
// an actor that may be restarted goes on elsewhere.
func TestActorEvicted(t *testing.T) {
	c := newCluster(t, workers("small", "idleTimeoutSeconds: 3\nmaxWorkers: 2"))
	c.start("one", "num_cpus=1, max_restarts=-1")
	c.becomes("small", 1)
	old, begin := c.only("small").Name, time.Now()
	c.evict(old)
	eventually(t, "the evicted pod is gone", func() (bool, string) {
		all := strings.Join(names(c.pods("ray.io/group=small")), " ")
		return !strings.Contains(all, old), all
	})
	t.Logf("the pod was gone %.1f s after its eviction", time.Since(begin).Seconds())
	where := strings.TrimSpace(c.driver("a = ray.get_actor('one')\nwhile True:\n    try:\n        print(ray.get(a.pod.remote()))\n        break\n    except ray.exceptions.RayError:\n        time.sleep(0.2)\n"))
	t.Logf("the actor runs on %s %.1f s after its eviction from %s", where, time.Since(begin).Seconds(), old)
	if where == old {
		t.Errorf("the actor runs on the evicted %s", old)
	}
	c.kill("one")
	c.becomes("small", 0)
}
