package e2e_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// TestHeadRestored: with Redis behind the GCS a head's pod goes, for longer than
// workers wait for a head without Redis. Actors live on where they are, their workers
// stay, and the new head scales on (KubeRay's TestRayClusterAutoscalerGCSFT).
func TestHeadRestored(t *testing.T) {
	t.Parallel()
	c := notInstalled(t)
	c.redis()
	c.upgrade(workers("small", "idleTimeoutSeconds: 4\nmaxWorkers: 3") + "head:\n  env: [{name: RAY_REDIS_ADDRESS, value: \"redis:6379\"}]\n")
	c.headReady()
	c.start("one", "num_cpus=1")
	c.start("two", "num_cpus=1")
	c.becomes("small", 2)
	const where = "print(*(ray.get(ray.get_actor(n).pod.remote()) for n in ('one', 'two')))\n"
	old, small, begin := c.driver(where), c.trace("small"), time.Now()
	c.kubectl("scale", "deployment/ray-head", "--replicas=0")
	c.kubectl("wait", "pod", "-l", "ray.io/node-type=head", "--for=delete", "--timeout=60s")
	time.Sleep(15 * time.Second)
	c.kubectl("scale", "deployment/ray-head", "--replicas=1")
	c.headReady()
	t.Logf("a new head after %.1f s", time.Since(begin).Seconds())
	if now := c.driver(where); now != old {
		t.Errorf("the actors are on %s, were on %s", now, old)
	}
	t.Logf("both actors have answered after %.1f s", time.Since(begin).Seconds())
	c.start("three", "num_cpus=1")
	c.becomes("small", 3)
	if got := fmt.Sprint(small.replicas()); got != "[2 3]" {
		t.Errorf("small went %v", got)
	}
	c.kill("one")
	c.becomes("small", 2)
	if now := c.driver("print(*(ray.get(ray.get_actor(n).pod.remote()) for n in ('two', 'three')))\n"); !strings.HasPrefix(now, strings.Fields(old)[1]) {
		t.Errorf("the actors are on %s, two was on %s", now, old)
	}
	c.kill("two")
	c.kill("three")
	c.becomes("small", 0)
	c.restarted(0)
}

// redis makes the cluster's namespace and runs a Redis there.
func (c *cluster) redis() {
	c.t.Helper()
	manifest, err := os.ReadFile("testdata/redis.yaml")
	if err != nil {
		c.t.Fatal(err)
	}
	c.must("", "kubectl", "create", "namespace", c.namespace)
	c.must(string(manifest), "kubectl", "-n", c.namespace, "apply", "-f", "-")
	c.kubectl("rollout", "status", "deployment/redis", "--timeout=60s")
}
