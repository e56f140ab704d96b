package rows

import (
	"encoding/json"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

type object map[string]any

// Encode is a request as a planning case (one line of JSON). It knows what the
// rows use: running nodes, resources, tasks, gangs.
func Encode(q nodetypes.Request) ([]byte, error) {
	out := object{"conserveGpuNodes": q.ConserveGPUNodes}
	var types, nodes, tasks, gangs []object
	for _, t := range q.NodeTypes {
		types = append(types, object{"name": t.Name, "resources": amounts(t.Resources)})
	}
	for _, n := range q.Nodes {
		nodes = append(nodes, object{"id": n.ID, "type": n.Type, "total": amounts(n.Total), "available": amounts(n.Available), "labels": n.Labels})
	}
	for _, s := range q.Demand.Tasks {
		tasks = append(tasks, object{"resources": amounts(s.Resources), "count": s.Count})
	}
	for _, g := range q.Demand.Gangs {
		var bundles []object
		for _, b := range g.Bundles {
			bundles = append(bundles, object{"resources": amounts(b.Resources), "count": b.Count})
		}
		gangs = append(gangs, object{"name": g.Name, "strategy": g.Strategy, "bundles": bundles})
	}
	out["nodeTypes"], out["nodes"], out["demand"] = types, nodes, object{"tasks": tasks, "gangs": gangs}
	return json.Marshal(out)
}

func amounts(r demand.Resources) map[string]json.Number {
	out := make(map[string]json.Number, len(r))
	for _, e := range r {
		out[e.Name] = json.Number(e.Amount.String())
	}
	return out
}
