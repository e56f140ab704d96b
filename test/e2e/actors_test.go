package e2e_test

import (
	"fmt"
	"testing"
)

// size is a worker's pod: small for Kubernetes, one CPU for Ray.
const size = `resources: {requests: {cpu: 20m, memory: 150Mi}, limits: {cpu: 1, memory: 1Gi}}`

// workers are values with one type.
func workers(name, more string) string {
	return fmt.Sprintf("workers:\n  cpu: null\n  %s:\n    %s\n    %s\n", name, size, more)
}

// start starts a detached actor that takes what options say.
func (c *cluster) start(name, options string) {
	c.t.Helper()
	c.driver(fmt.Sprintf("@ray.remote\nclass A: pass\nA.options(name=%q, lifetime='detached', %s).remote()\ntime.sleep(0.2)\n", name, options))
}

// kill kills a detached actor.
func (c *cluster) kill(name string) {
	c.t.Helper()
	c.driver(fmt.Sprintf("ray.kill(ray.get_actor(%q))\n", name))
}

// TestActors: workers come and go with detached actors, one by one
// (KubeRay's TestRayClusterAutoscaler).
func TestActors(t *testing.T) {
	c := newCluster(t, workers("small", "idleTimeoutSeconds: 2\n    maxWorkers: 3"))
	c.becomes("small", 0)
	c.start("one", "num_cpus=1")
	c.becomes("small", 1)
	c.start("two", "num_cpus=1")
	c.becomes("small", 2)
	c.kill("one")
	c.becomes("small", 1)
	c.kill("two")
	c.becomes("small", 0)
}
