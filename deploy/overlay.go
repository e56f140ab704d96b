package deploy

import "maps"

// Overlay lays values over others, as Helm does with several files: maps are
// merged, anything else replaces what was there. Neither is changed.
func Overlay(under, over map[string]any) map[string]any {
	out := make(map[string]any, len(under)+len(over))
	for k, v := range under {
		out[k] = v
	}
	for k, v := range over {
		below, isMap := out[k].(map[string]any)
		above, both := v.(map[string]any)
		if isMap && both {
			v = Overlay(below, above)
		}
		out[k] = v
	}
	return out
}

// Own are a user's values for the cluster, its types called as in the chart where
// they are called as in the YAML. The argument is not changed.
func (c *Cluster) Own(values map[string]any) map[string]any {
	workers, ok := values["workers"].(map[string]any)
	if !ok {
		return values
	}
	called := maps.Clone(workers)
	for _, t := range c.Types {
		if v, ok := workers[t.Name]; ok {
			delete(called, t.Name)
			called[KubeName(t.Name)] = v
		}
	}
	out := maps.Clone(values)
	out["workers"] = called
	return out
}

// Held are values that hold every node type at a number of workers: at none, or
// at its minimum.
func (c *Cluster) Held(atMinimum bool) map[string]any {
	workers := map[string]any{}
	for _, t := range c.Types {
		if t.MaxWorkers > 0 {
			n := 0
			if atMinimum {
				n = t.MinWorkers
			}
			workers[KubeName(t.Name)] = map[string]any{"replicas": n}
		}
	}
	return map[string]any{"workers": workers}
}
