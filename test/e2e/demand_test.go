package e2e_test

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestRequestResources: request_resources makes workers that stay beyond their
// idle timeout until the request is withdrawn (KubeRay's
// TestRayClusterAutoscalerSDKRequestResources).
func TestRequestResources(t *testing.T) {
	c := newCluster(t, workers("small", "idleTimeoutSeconds: 2\nmaxWorkers: 3"))
	c.becomes("small", 0)
	small := c.trace("small")
	request := func(bundles string) {
		c.driver("from ray.autoscaler.sdk import request_resources\nrequest_resources(bundles=" + bundles + ")\ntime.sleep(0.5)\n")
	}
	request("[{'CPU': 1}] * 2")
	c.becomes("small", 2)
	c.stays("small", 2, 10*time.Second)
	request("[]")
	c.becomes("small", 0)
	if small.most() != 2 {
		t.Errorf("small went %v for a request of two CPUs", small)
	}
}

// TestDesiredState: many short tasks bring a type to its maximum, once, and
// nothing flaps (KubeRay's TestRayClusterAutoscalerWithDesiredState).
func TestDesiredState(t *testing.T) {
	c := newCluster(t, workers("small", "idleTimeoutSeconds: 3\nmaxWorkers: 3"))
	c.becomes("small", 0)
	small := c.trace("small")
	begin := time.Now()
	c.driver("ray.get([task.remote(2) for _ in range(12)])\n")
	t.Logf("12 tasks of 2 s on at most 3 workers that had to start: %.1f s", time.Since(begin).Seconds())
	if small.most() != 3 || small.fell() {
		t.Errorf("small went %v while tasks waited, want up to 3 and no more", small)
	}
	c.becomes("small", 0)
	if small.most() != 3 {
		t.Errorf("small went %v", small)
	}
}

// TestBound: at most five workers join at once while none runs (KubeRay's
// TestRayClusterAutoscalerUpscalingModeConservative).
func TestBound(t *testing.T) {
	c := newCluster(t, workers("small", "idleTimeoutSeconds: 5\nmaxWorkers: 7"))
	c.becomes("small", 0)
	small := c.trace("small")
	s := c.begin("held = [Actor.options(num_cpus=1).remote() for _ in range(10)]\nsay('asked')\npause()\n")
	s.says("asked")
	eventually(t, "seven workers are asked for", func() (bool, string) { return small.most() == 7, small.String() })
	if first := small.replicas()[1]; first > 5 {
		t.Errorf("small went %v; at most 5 may join at once", small)
	}
	s.tell()
}

// TestIdleTimeouts: each type has its own (KubeRay's
// TestRayClusterAutoscalerV2IdleTimeout).
func TestIdleTimeouts(t *testing.T) {
	c := newCluster(t, workers("short", "idleTimeoutSeconds: 2\nmaxWorkers: 1\nextraResources: {s: 1}",
		"long", "idleTimeoutSeconds: 12\nmaxWorkers: 1\nextraResources: {l: 1}"))
	c.start("one", "num_cpus=0, resources={'s': 1}")
	c.start("two", "num_cpus=0, resources={'l': 1}")
	c.becomes("short", 1, "long", 1)
	c.driver("for name in ('one', 'two'):\n    ray.get(ray.get_actor(name).pod.remote())\n    ray.kill(ray.get_actor(name))\n")
	begin := time.Now()
	for _, nodeType := range []string{"short", "long"} {
		eventually(t, nodeType+" is wanted no more", func() (bool, string) { return c.replicas(nodeType) == 0, "it is still there" })
		t.Logf("%s was lowered %.1f s after its last use", nodeType, time.Since(begin).Seconds())
		if nodeType == "short" && c.replicas("long") != 1 {
			t.Error("both types went at once")
		}
	}
	if d := time.Since(begin); d < 12*time.Second {
		t.Errorf("a worker with an idle timeout of 12 s went after %v", d)
	}
	c.becomes("short", 0, "long", 0)
}

// TestPlacementGroups: each strategy gets the nodes it needs, and a group whose
// pods are deleted gets new ones (KubeRay's
// TestRayClusterAutoscalerPlacementGroup, four tests). Bundles that may share a
// node take a resource of the nodes of two CPUs.
func TestPlacementGroups(t *testing.T) {
	const double = "idleTimeoutSeconds: 3\nmaxWorkers: 2\nresources: {requests: {cpu: 20m, memory: 150Mi}, limits: {cpu: 2, memory: 1Gi}}\nextraResources: {pair: 2}"
	c := newCluster(t, workers("single", "idleTimeoutSeconds: 3\nmaxWorkers: 3\nextraResources: {alone: 1}", "double", double))
	c.becomes("single", 0, "double", 0)
	for _, g := range []struct {
		strategy, resource, nodeType string
		nodes                        int
	}{
		{"STRICT_PACK", "pair", "double", 1},
		{"PACK", "pair", "double", 1},
		{"STRICT_SPREAD", "alone", "single", 2},
		{"SPREAD", "alone", "single", 2},
	} {
		t.Run(g.strategy, func(t *testing.T) {
			c := c.of(t)
			single, double := c.trace("single"), c.trace("double")
			want := map[string]int{"single": 0, "double": 0}
			want[g.nodeType] = g.nodes
			s := c.begin(fmt.Sprintf("pg = placement_group([{'CPU': 1, %q: 1}] * 2, strategy=%q)\nfor _ in range(2):\n    ray.get(pg.ready())\n    say('ready')\n    pause()\nremove_placement_group(pg)\n", g.resource, g.strategy))
			s.says("ready")
			c.becomes("single", want["single"], "double", want["double"])
			old := names(c.live(g.nodeType))
			c.kubectl(append([]string{"delete", "pod", "--now", "--wait=false"}, old...)...)
			eventually(t, "the group's pods are new ones", func() (bool, string) {
				now := names(c.live(g.nodeType))
				return len(now) == g.nodes && !slices.ContainsFunc(now, func(n string) bool { return slices.Contains(old, n) }), fmt.Sprint(now)
			})
			c.becomes("single", want["single"], "double", want["double"])
			s.tell()
			s.says("ready")
			s.tell()
			c.becomes("single", 0, "double", 0)
			if single.most() > want["single"] || double.most() > want["double"] {
				t.Errorf("two bundles of %s: single went %v, double went %v", g.strategy, single, double)
			}
		})
	}
}
