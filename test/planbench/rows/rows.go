// Package rows has the planning cases by which the planner is measured, and
// the real one beside it: of the sizes that Ray's users run.
//
// Node types: cpu has 16 CPU, gpu 32 CPU and 4 GPU, small 4 CPU. A node's total
// has, as Ray's has, memory, an object store and its own node:<address>.
// "Full" nodes have no CPU and no GPU free, "spare" ones some of each, "mixed"
// ones are of both kinds. Everything is the same in every run.
package rows

import (
	"fmt"
	"math/rand/v2"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

// Row is one line of the table.
type Row struct {
	Name    string
	Request nodetypes.Request
	// GoalMS is how many milliseconds the plan may take.
	GoalMS float64
	// Slow tells that the real planner needs more than a minute.
	Slow bool
}

// All is the table.
func All() []Row {
	return []Row{
		{"0 nodes, 20,000 tasks of 10 shapes", fleet(0, 20_000, 10, spare), 1, false},
		{"1,000 spare nodes, 1,000 tasks of 3 shapes", fleet(1000, 1000, 3, spare), 1, false},
		{"668 spare nodes, 6,658 tasks of 5 shapes", fleet(668, 6658, 5, spare), 1, true},
		{"1,337 full nodes, 13,315 tasks of 5 shapes", fleet(1337, 13_315, 5, full), 2, false},
		{"1,337 spare nodes, 13,315 tasks of 5 shapes", fleet(1337, 13_315, 5, spare), 2, true},
		{"2,000 spare nodes, 50,000 tasks of 10 shapes", fleet(2000, 50_000, 10, spare), 5, true},
		{"10,000 mixed nodes, 1,000,000 tasks of 100 shapes", fleet(10_000, 1_000_000, 100, mixed), 100, true},
		{"200 nodes, 100 STRICT_SPREAD gangs of 8", gangs(200, 100, 8), 5, false},
		{"2,000 nodes all different, 2,000 tasks all different", different(2000, 2000), 1000, true},
	}
}

const gib = 1 << 30

var types = []nodetypes.NodeType{
	nodeType("cpu", map[string]float64{"CPU": 16, "memory": 64 * gib, "object_store_memory": 19 * gib}),
	nodeType("gpu", map[string]float64{"CPU": 32, "GPU": 4, "memory": 256 * gib, "object_store_memory": 76 * gib}),
	nodeType("small", map[string]float64{"CPU": 4, "memory": 16 * gib, "object_store_memory": 4 * gib}),
}

func nodeType(name string, r map[string]float64) nodetypes.NodeType {
	return nodetypes.NodeType{Name: name, Resources: demand.MustResources(r), MaxWorkers: nodetypes.NoLimit}
}

// free is what of a node's total is available.
type free func(r *rand.Rand, i int, total demand.Resources) demand.Resources

func fleet(nodes, tasks, shapes int, f free) nodetypes.Request {
	q := cluster(nodes, f)
	for i := range shapes {
		q.Demand.Tasks = append(q.Demand.Tasks, demand.Shape{ResourceRequest: shape(i), Count: int64(tasks/shapes + min(1, max(0, tasks%shapes-i)))})
	}
	return q
}

func cluster(nodes int, f free) nodetypes.Request { return clusterOf(types, nodes, f) }

// clusterOf has nodes of these types in turn.
func clusterOf(of []nodetypes.NodeType, nodes int, f free) nodetypes.Request {
	r := rand.New(rand.NewPCG(1, 2))
	q := nodetypes.Request{NodeTypes: types, MaxWorkers: nodetypes.NoLimit, ConserveGPUNodes: true}
	for i := range nodes {
		t := of[i%len(of)]
		address := demand.MustResources(map[string]float64{fmt.Sprintf("node:10.0.%d.%d", i/250, i%250+1): 1})
		total := t.Resources.Add(address)
		q.Nodes = append(q.Nodes, nodetypes.Node{
			ID: fmt.Sprintf("n%05d", i), Type: t.Name, Total: total, Available: f(r, i, total),
			Labels: demand.NewLabels(map[string]string{"ray.io/node-id": fmt.Sprint(i)}),
		})
	}
	return q
}

// shape is a task's request: CPU, some with memory, some with a GPU or half of one.
func shape(i int) demand.ResourceRequest {
	r := map[string]float64{"CPU": float64(1 + i%4)}
	if i%3 == 1 {
		r["memory"] = float64((1 + i%16) * gib)
	}
	if i%5 == 2 {
		r["GPU"] = []float64{1, 0.5, 2}[i%3]
	}
	if i >= 20 {
		r[fmt.Sprint("custom-", i%7)] = 0.01
	}
	return demand.ResourceRequest{Resources: demand.MustResources(r)}
}

// full leaves out what is used up, as Ray does.
func full(_ *rand.Rand, _ int, total demand.Resources) demand.Resources {
	var out demand.Resources
	for _, e := range total {
		if e.Name != "CPU" && e.Name != "GPU" {
			out = append(out, e)
		}
	}
	return out
}

// spare has whole CPUs and GPUs in use, at least one CPU free.
func spare(r *rand.Rand, _ int, total demand.Resources) demand.Resources {
	out := append(demand.Resources(nil), total...)
	for i, e := range out {
		switch whole := int64(e.Amount / demand.Unit); e.Name {
		case "CPU":
			out[i].Amount = demand.Amount(1+r.Int64N(whole)) * demand.Unit
		case "GPU":
			out[i].Amount = demand.Amount(1+r.Int64N(whole)) * demand.Unit
		}
	}
	return out
}

func mixed(r *rand.Rand, i int, total demand.Resources) demand.Resources {
	if i%2 == 0 {
		return full(r, i, total)
	}
	return spare(r, i, total)
}

func gangs(nodes, n, bundles int) nodetypes.Request {
	q := cluster(nodes, spare)
	for i := range n {
		q.Demand.Gangs = append(q.Demand.Gangs, demand.Gang{
			Name: fmt.Sprintf("%032x", i), Strategy: demand.StrictSpread,
			Bundles: []demand.Shape{{ResourceRequest: demand.ResourceRequest{Resources: demand.MustResources(map[string]float64{"CPU": 1})}, Count: int64(bundles)}},
		})
	}
	return q
}

// different has no two nodes and no two tasks alike.
func different(nodes, tasks int) nodetypes.Request {
	q := cluster(nodes, func(r *rand.Rand, i int, total demand.Resources) demand.Resources {
		out := spare(r, i, total)
		for j, e := range out {
			if e.Name == "memory" {
				out[j].Amount -= demand.Amount(1+i) * demand.Unit
			}
		}
		return out
	})
	for i := range tasks {
		q.Demand.Tasks = append(q.Demand.Tasks, demand.Shape{Count: 1, ResourceRequest: demand.ResourceRequest{
			Resources: demand.MustResources(map[string]float64{"CPU": float64(1 + i%4), "memory": float64(gib + i)}),
		}})
	}
	return q
}

// Tasks is so many spare nodes and so many equal tasks.
func Tasks(nodes int, tasks int64) nodetypes.Request {
	q := cluster(nodes, spare)
	q.Demand.Tasks = []demand.Shape{{ResourceRequest: shape(0), Count: tasks}}
	return q
}

// Classes is so many small nodes that are of so many classes, and as many equal
// tasks.
func Classes(nodes, classes int) nodetypes.Request {
	q := clusterOf(types[2:], nodes, func(_ *rand.Rand, i int, total demand.Resources) demand.Resources {
		out := append(demand.Resources(nil), total...)
		for j, e := range out {
			if e.Name == "memory" {
				out[j].Amount -= demand.Amount(i%classes) * demand.Unit
			}
		}
		return out
	})
	q.Demand.Tasks = []demand.Shape{{ResourceRequest: demand.ResourceRequest{
		Resources: demand.MustResources(map[string]float64{"CPU": 1, "memory": gib}),
	}, Count: int64(nodes)}}
	return q
}
