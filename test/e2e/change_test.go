package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestMinimumChanged: workers come with a raised minReplicaCount, more with
// demand, and go with a lowered one (KubeRay's TestRayClusterAutoscalerMinReplicasUpdate).
func TestMinimumChanged(t *testing.T) {
	c := newCluster(t, workers("small", "idleTimeoutSeconds: 2\nmaxWorkers: 3"))
	c.becomes("small", 0)
	c.upgrade(workers("small", "idleTimeoutSeconds: 2\nminWorkers: 2\nmaxWorkers: 3"))
	c.becomes("small", 2)
	c.stays("small", 2, 6*time.Second)
	for _, name := range []string{"one", "two", "three"} {
		c.start(name, "num_cpus=1")
	}
	c.becomes("small", 3)
	c.driver("for name in ('one', 'two', 'three'):\n    ray.kill(ray.get_actor(name))\n")
	c.becomes("small", 2)
	c.upgrade(workers("small", "idleTimeoutSeconds: 2\nmaxWorkers: 3"))
	c.becomes("small", 0)
}

// TestMaximumChanged: a raised maxReplicaCount is used, and a lowered one obeyed
// (KubeRay's TestRayClusterAutoscalerMaxReplicasUpdate). HPA clamps to a lowered
// maximum itself, at once: idle workers go first only if we marked them sooner,
// which takes us about as long. A busy one that goes has preStop's time to end.
func TestMaximumChanged(t *testing.T) {
	most := func(n int) string { return workers("small", fmt.Sprintf("idleTimeoutSeconds: 60\nmaxWorkers: %d", n)) }
	c := newCluster(t, most(2))
	small := c.trace("small")
	for _, name := range []string{"one", "two", "three"} {
		c.start(name, "num_cpus=1")
	}
	c.becomes("small", 2)
	c.stays("small", 2, 5*time.Second)
	c.upgrade(most(3))
	c.becomes("small", 3)
	busy := c.driver("print(ray.get(ray.get_actor('two').pod.remote()))\nfor name in ('one', 'three'):\n    ray.kill(ray.get_actor(name))\n")
	begin := time.Now()
	c.upgrade(most(1))
	eventually(t, "one worker at most is left", func() (bool, string) {
		left := names(c.live("small"))
		return c.replicas("small") <= 1 && len(left) <= 1, fmt.Sprint(left)
	})
	t.Logf("%.1f s after the maximum became 1 there is %v; busy was %s", time.Since(begin).Seconds(), names(c.live("small")), strings.TrimSpace(busy))
	if small.most() > 3 {
		t.Errorf("small went %v", small)
	}
}

// TestIdleTimeoutChanged: an idle timeout that is changed in the ScaledObject
// itself is that of workers which are idle already, too. Without one they stay.
func TestIdleTimeoutChanged(t *testing.T) {
	c := newCluster(t, workers("small", "idleTimeoutSeconds: 60\nmaxWorkers: 1"))
	patch := func(operation string) {
		c.kubectl("patch", "scaledobject", release+"-small", "--type=json", "-p", `[{`+operation+`, "path": "/spec/triggers/0/metadata/idleTimeoutSeconds"}]`)
	}
	c.start("one", "num_cpus=1")
	c.becomes("small", 1)
	c.kill("one")
	c.stays("small", 1, 5*time.Second)
	patch(`"op": "remove"`)
	c.stays("small", 1, 5*time.Second)
	begin := time.Now()
	patch(`"op": "add", "value": "4"`)
	c.becomes("small", 0)
	t.Logf("the worker was gone %.1f s after its idle timeout became 4 s", time.Since(begin).Seconds())
}

// TestRollout: a changed pod template exchanges idle workers one by one, and we
// remove none meanwhile.
func TestRollout(t *testing.T) {
	of := func(env string) string {
		return workers("small", "idleTimeoutSeconds: 30\nmaxWorkers: 2\nenv: [{name: COLOUR, value: "+env+"}]")
	}
	c := newCluster(t, of("red"))
	c.start("one", "num_cpus=1")
	c.start("two", "num_cpus=1")
	c.becomes("small", 2)
	c.driver("for name in ('one', 'two'):\n    ray.kill(ray.get_actor(name))\n")
	small, old, begin := c.trace("small"), names(c.live("small")), time.Now()
	c.upgrade(of("blue"))
	none := false
	eventually(t, "all pods are exchanged", func() (bool, string) {
		up, blue := 0, 0
		for _, p := range c.live("small") {
			if ready(p) {
				up++
			}
			if p.Spec.Containers[0].Env[len(p.Spec.Containers[0].Env)-1].Value == "blue" && ready(p) {
				blue++
			}
		}
		none = none || up == 0
		return blue == 2, fmt.Sprintf("%d ready, %d of them new", up, blue)
	})
	if none {
		t.Error("at some moment no worker was ready")
	}
	if small.fell() {
		t.Errorf("small went %v during the rollout", small)
	}
	t.Logf("%v became %v in %.1f s", old, names(c.live("small")), time.Since(begin).Seconds())
	c.becomes("small", 0)
}

// TestPaused: nothing is changed while a ScaledObject is paused, not even by a
// head start.
func TestPaused(t *testing.T) {
	c := newCluster(t, workers("small", "idleTimeoutSeconds: 2\nmaxWorkers: 2"))
	c.becomes("small", 0)
	c.kubectl("annotate", "scaledobject", release+"-small", "autoscaling.keda.sh/paused=true")
	time.Sleep(2 * time.Second) // KEDA and we have seen it
	c.start("one", "num_cpus=1")
	c.stays("small", 0, 10*time.Second)
	begin := time.Now()
	c.kubectl("annotate", "scaledobject", release+"-small", "autoscaling.keda.sh/paused-")
	c.becomes("small", 1)
	t.Logf("a worker was ready %.1f s after the pause", time.Since(begin).Seconds())
	c.kubectl("annotate", "scaledobject", release+"-small", "autoscaling.keda.sh/paused=true")
	time.Sleep(2 * time.Second) // the same
	c.kill("one")
	c.stays("small", 1, 10*time.Second)
	c.kubectl("annotate", "scaledobject", release+"-small", "autoscaling.keda.sh/paused-")
	c.becomes("small", 0)
}

// TestDemandReturns: demand that comes while an idle worker has been drained is
// served without a step down: the pod is exchanged for a fresh one, as Ray
// takes no drain back.
func TestDemandReturns(t *testing.T) {
	c := newCluster(t, workers("small", "idleTimeoutSeconds: 4\nmaxWorkers: 2"))
	c.start("one", "num_cpus=1")
	c.becomes("small", 1)
	old := c.only("small").Name
	s := c.begin("ray.kill(ray.get_actor('one'))\nsay('killed')\npause()\na = Actor.options(name='two', lifetime='detached', num_cpus=1).remote()\nsay('asked')\nsay('runs', ray.get(a.pod.remote()))\n")
	s.says("killed")
	small := c.trace("small")
	eventually(t, "the worker is drained", func() (bool, string) {
		p := c.only("small")
		return p.Annotations["rayburst.io/drained"] != "", fmt.Sprint(p.Annotations)
	})
	begin := time.Now()
	s.tell()
	s.says("asked")
	by := s.says("runs")[0]
	t.Logf("the actor runs on %s %.1f s after the drain of %s; replicas: %v", by, time.Since(begin).Seconds(), old, small)
	if by == old {
		t.Errorf("the actor runs on the drained %s", old)
	}
	if small.fell() {
		t.Errorf("small went %v", small)
	}
	c.becomes("small", 1)
	c.kill("two")
	c.becomes("small", 0)
}

// TestSettingsChanged: a setting that is in the objects of all types is changed
// in one after another; no type is refused, and none changes its workers.
func TestSettingsChanged(t *testing.T) {
	values := workers("small", "idleTimeoutSeconds: 2\nmaxWorkers: 2\nextraResources: {solo: 1}", "gpu", "idleTimeoutSeconds: 2\nmaxWorkers: 2\nextraResources: {GPU: 1}")
	c := newCluster(t, values)
	c.start("one", "num_cpus=1, resources={'solo': 1}")
	c.start("two", "num_cpus=1, num_gpus=1")
	c.becomes("small", 1, "gpu", 1)
	small, gpu := c.trace("small"), c.trace("gpu")
	for _, speed := range []string{"2", "3", "1"} {
		c.upgrade(values + "upscalingSpeed: " + speed + "\n")
	}
	c.stays("small", 1, 5*time.Second)
	for _, nodeType := range []string{"small", "gpu"} {
		if said := c.events("InvalidTrigger", release+"-"+nodeType); said != "" {
			t.Errorf("%s was refused: %s", nodeType, said)
		}
	}
	if small.fell() || gpu.fell() {
		t.Errorf("small went %v, gpu went %v", small, gpu)
	}
}

// TestTypeRemoved: a type that is removed from a running cluster takes its
// workers along and leaves the others alone.
func TestTypeRemoved(t *testing.T) {
	const small, gpu = "idleTimeoutSeconds: 2\nmaxWorkers: 2\nextraResources: {solo: 1}", "idleTimeoutSeconds: 2\nmaxWorkers: 2\nextraResources: {GPU: 1}"
	c := newCluster(t, workers("small", small, "gpu", gpu))
	c.start("one", "num_cpus=1, resources={'solo': 1}")
	c.start("two", "num_cpus=1, num_gpus=1")
	c.becomes("small", 1, "gpu", 1)
	trace := c.trace("small")
	c.upgrade(workers("small", small))
	eventually(t, "the pods of the removed type are gone", func() (bool, string) {
		left := names(c.pods("ray.io/group=gpu"))
		return len(left) == 0, fmt.Sprint(left)
	})
	c.stays("small", 1, 3*time.Second)
	c.kill("one")
	c.becomes("small", 0)
	if trace.most() > 1 {
		t.Errorf("small went %v", trace)
	}
}
