package e2e_test

import (
	"fmt"
	"strings"
	"testing"
)

// size is a worker's pod: small for Kubernetes, one CPU for Ray.
const size = `resources: {requests: {cpu: 20m, memory: 150Mi}, limits: {cpu: 1, memory: 1Gi}}`

// workers are values of node types: a name and what else is said of it, in turn.
func workers(types ...string) string {
	out := "workers:\n  cpu: null\n"
	for i := 0; i < len(types); i += 2 {
		out += fmt.Sprintf("  %s:\n", types[i])
		for line := range strings.SplitSeq(types[i+1], "\n") {
			out += "    " + strings.TrimSpace(line) + "\n"
		}
		if !strings.Contains(types[i+1], "resources:") {
			out += "    " + size + "\n"
		}
		out += "    rayStartParams: {include-log-monitor: \"false\"}\n"
	}
	return out
}

// start starts a detached actor that takes what options say.
func (c *cluster) start(name, options string) {
	c.t.Helper()
	c.driver(fmt.Sprintf("Actor.options(name=%q, lifetime='detached', %s).remote()\ntime.sleep(0.2)\n", name, options))
}

// kill kills a detached actor.
func (c *cluster) kill(name string) {
	c.t.Helper()
	c.driver(fmt.Sprintf("ray.kill(ray.get_actor(%q))\n", name))
}

// TestActors: workers come and go with detached actors, one by one
// (KubeRay's TestRayClusterAutoscaler).
func TestActors(t *testing.T) {
	c := newCluster(t, workers("small", "idleTimeoutSeconds: 2\nmaxWorkers: 3"))
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
