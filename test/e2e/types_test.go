package e2e_test

import (
	"testing"
	"time"
)

// TestFakeGPU: an actor with a GPU makes the type with one grow and no other
// (KubeRay's TestRayClusterAutoscalerWithFakeGPU).
func TestFakeGPU(t *testing.T) {
	c := newCluster(t, workers("small", "idleTimeoutSeconds: 2\nmaxWorkers: 2", "gpu", "idleTimeoutSeconds: 2\nmaxWorkers: 2\nextraResources: {GPU: 1}"))
	c.becomes("small", 0, "gpu", 0)
	small, gpu := c.trace("small"), c.trace("gpu")
	c.start("one", "num_gpus=1, num_cpus=0")
	c.becomes("small", 0, "gpu", 1)
	c.kill("one")
	c.becomes("small", 0, "gpu", 0)
	if small.most() > 0 || gpu.most() > 1 {
		t.Errorf("one actor with a GPU: small went %v, gpu went %v", small, gpu)
	}
}

// TestCustomResource: the same with a resource that Ray does not know
// (KubeRay's TestRayClusterAutoscalerWithCustomResource).
func TestCustomResource(t *testing.T) {
	c := newCluster(t, workers("small", "idleTimeoutSeconds: 2\nmaxWorkers: 2", "special", "idleTimeoutSeconds: 2\nmaxWorkers: 2\nextraResources: {widget: 1}"))
	c.becomes("small", 0, "special", 0)
	small, special := c.trace("small"), c.trace("special")
	c.start("one", "num_cpus=0, resources={'widget': 1}")
	c.becomes("small", 0, "special", 1)
	c.kill("one")
	c.becomes("small", 0, "special", 0)
	if small.most() > 0 || special.most() > 1 {
		t.Errorf("one actor with a widget: small went %v, special went %v", small, special)
	}
}

// TestOnlyGPUs: a CPU's actor gets a GPU's worker where there is no other
// (KubeRay's TestRayClusterAutoscalerGPUNodesForCPUTasks).
func TestOnlyGPUs(t *testing.T) {
	c := newCluster(t, workers("gpu", "idleTimeoutSeconds: 2\nmaxWorkers: 2\nextraResources: {GPU: 1}"))
	c.becomes("gpu", 0)
	gpu := c.trace("gpu")
	c.start("one", "num_cpus=1")
	c.becomes("gpu", 1)
	c.kill("one")
	c.becomes("gpu", 0)
	if gpu.most() > 1 {
		t.Errorf("gpu went %v for one actor", gpu)
	}
}

// TestNobodyAsked: the replica with which a new Deployment begins is gone when the
// head is up, so that no machine comes for it, and again where a type is added.
func TestNobodyAsked(t *testing.T) {
	const far = "maxWorkers: 2\nnodeSelector: {example.com/zone: far}"
	c := newCluster(t, workers("one", far))
	if n := c.replicas("one"); n != 0 {
		t.Errorf("the head is up, and one has %d replicas", n)
	}
	c.upgrade(workers("one", far, "two", far))
	begin := time.Now()
	c.becomes("one", 0, "two", 0)
	if took := time.Since(begin); took > 8*time.Second { // it is withdrawn after 10 s otherwise
		t.Errorf("the replica of an added type was there for %v", took)
	}
}

// TestTypeAdded: a type that is added to a running cluster is used
// (KubeRay's TestRayClusterAutoscalerAddNewWorkerGroup).
func TestTypeAdded(t *testing.T) {
	const small, gpu = "idleTimeoutSeconds: 2\nmaxWorkers: 2", "idleTimeoutSeconds: 2\nmaxWorkers: 2\nextraResources: {GPU: 1}"
	c := newCluster(t, workers("small", small))
	c.start("one", "num_cpus=1")
	c.becomes("small", 1)
	c.upgrade(workers("small", small, "gpu", gpu))
	c.becomes("small", 1, "gpu", 0)
	c.start("two", "num_cpus=1, num_gpus=1")
	c.becomes("small", 1, "gpu", 1)
	c.start("three", "num_cpus=1")
	c.becomes("small", 2, "gpu", 1)
	c.kill("two")
	c.becomes("small", 2, "gpu", 0)
}
