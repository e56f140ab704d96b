package kuberay

import (
	"maps"
	"math"
)

// Resource is the cluster as a RayCluster of rayburst.io: what Ray's cluster
// YAML can say in its words, in camelCase, and all else as the chart's values.
func (c Cluster) Resource() map[string]any {
	head, types := map[string]any{"resources": map[string]any{"CPU": math.Ceil(c.cluster.headCPUs)}}, map[string]any{}
	types["head"] = head
	for _, w := range c.cluster.groups {
		types[w.Name] = w.nodeType()
	}
	meta := map[string]any{"name": c.Name}
	if c.Namespace != "" {
		meta["namespace"] = c.Namespace
	}
	spec := map[string]any{
		"headNodeType": "head", "availableNodeTypes": types, "upscalingSpeed": c.cluster.speed, "values": c.overlay(),
	}
	if c.cluster.suspend {
		spec["suspend"] = true
	}
	return map[string]any{"apiVersion": "rayburst.io/v1alpha1", "kind": "RayCluster", "metadata": meta, "spec": spec}
}

// nodeType is a type of available_node_types.
func (w workers) nodeType() map[string]any {
	out := map[string]any{"maxWorkers": w.MaxWorkers, "minWorkers": w.MinWorkers}
	resources := w.Seen()
	maps.Copy(resources, w.ExtraResources)
	if w.otherGPU() {
		delete(resources, "GPU")
	}
	if len(resources) > 0 {
		out["resources"] = resources
	}
	if w.Idle != nil {
		out["idleTimeoutS"] = *w.Idle
	}
	if w.Priority != 0 {
		out["priority"] = w.Priority
	}
	if len(w.Labels) > 0 {
		out["labels"] = w.Labels
	}
	return out
}

// said are values of a type that available_node_types says.
var said = []string{"minWorkers", "maxWorkers", "idleTimeoutSeconds", "priority", "labels", "extraResources"}

// overlay are the values that lie over those of the cluster YAML.
func (c Cluster) overlay() map[string]any {
	out := maps.Clone(c.Values)
	delete(out, "upscalingSpeed")
	delete(out, "suspend")
	types := map[string]any{}
	all, _ := out["workers"].(map[string]any)
	for _, w := range c.cluster.groups {
		of, _ := all[w.Name].(map[string]any)
		of = maps.Clone(of)
		for _, key := range said {
			delete(of, key)
		}
		types[w.Name] = of
	}
	out["workers"] = types
	return out
}

// otherGPU tells whether the type's GPUs are not what a cluster YAML's are. The
// chart finds such in the pod's limits.
func (w workers) otherGPU() bool {
	_, nvidia := w.Resources.Limits["nvidia.com/gpu"]
	return w.Seen()["GPU"] > 0 && !nvidia
}
