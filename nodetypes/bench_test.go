package nodetypes_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

// fleet is a request with this many running nodes and this many tasks in this
// many shapes. Free tells how much of a node's total is available.
func fleet(nodes, tasks, shapes int, free func(*rand.Rand, demand.Resources) demand.Resources) nodetypes.Request {
	rng := rand.New(rand.NewPCG(1, 2))
	q := nodetypes.Request{MaxWorkers: nodetypes.NoLimit, ConserveGPUNodes: true}
	for i, r := range []map[string]float64{
		{"CPU": 8, "memory": 32 << 30, "object_store_memory": 9 << 30},
		{"CPU": 32, "memory": 128 << 30, "object_store_memory": 38 << 30},
		{"CPU": 16, "GPU": 4, "memory": 256 << 30, "object_store_memory": 76 << 30},
	} {
		q.NodeTypes = append(q.NodeTypes, nodetypes.NodeType{Name: fmt.Sprint("type-", i), Resources: demand.MustResources(r),
			MaxWorkers: nodetypes.NoLimit})
	}
	for i := range nodes {
		t := q.NodeTypes[i%len(q.NodeTypes)]
		total := t.Resources.Add(demand.MustResources(map[string]float64{fmt.Sprint("node:10.0.0.", i): 1}))
		q.Nodes = append(q.Nodes, nodetypes.Node{ID: fmt.Sprint("n", i), Type: t.Name, Total: total, Available: free(rng, total),
			Labels: demand.NewLabels(map[string]string{"ray.io/node-id": fmt.Sprint(i)})})
	}
	for i := range shapes {
		r := map[string]float64{"CPU": float64(1 + i%4)}
		if i%3 == 1 {
			r["memory"] = float64((1 + i) << 30)
		}
		if i%5 == 2 {
			r["GPU"] = 1
		}
		q.Demand.Tasks = append(q.Demand.Tasks, demand.Shape{ResourceRequest: demand.ResourceRequest{Resources: demand.MustResources(r)},
			Count: int64(tasks/shapes + 1)})
	}
	return q
}

func allFree(_ *rand.Rand, total demand.Resources) demand.Resources { return total }

// full leaves out what is used up, as Ray does.
func full(_ *rand.Rand, total demand.Resources) demand.Resources {
	var out demand.Resources
	for _, e := range total {
		if e.Name != "CPU" && e.Name != "GPU" {
			out = append(out, e)
		}
	}
	return out
}

// uneven makes hardly any two nodes alike.
func uneven(rng *rand.Rand, total demand.Resources) demand.Resources {
	out := append(demand.Resources(nil), total...)
	for i, e := range out {
		switch e.Name {
		case "CPU", "GPU":
			out[i].Amount = demand.Amount(rng.Int64N(int64(e.Amount/demand.Unit)+1)) * demand.Unit
		case "memory", "object_store_memory":
			out[i].Amount = demand.Amount(rng.Int64N(int64(e.Amount)))
		}
	}
	return out
}

func BenchmarkSchedule(b *testing.B) {
	for _, c := range []struct {
		name                 string
		nodes, tasks, shapes int
		free                 func(*rand.Rand, demand.Resources) demand.Resources
	}{
		{"0nodes/20000tasks/10shapes", 0, 20_000, 10, allFree},
		{"0nodes/20000000tasks/10shapes", 0, 20_000_000, 10, allFree},
		{"1337full/13315tasks/5shapes", 1337, 13_315, 5, full},
		{"1337spare/13315tasks/5shapes", 1337, 13_315, 5, allFree},
		{"1337uneven/13315tasks/5shapes", 1337, 13_315, 5, uneven},
		{"2000spare/50000tasks/10shapes", 2000, 50_000, 10, allFree},
		{"2000uneven/50000tasks/10shapes", 2000, 50_000, 10, uneven},
	} {
		b.Run(c.name, func(b *testing.B) {
			q := fleet(c.nodes, c.tasks, c.shapes, c.free)
			b.ReportAllocs()
			for b.Loop() {
				nodetypes.Schedule(q)
			}
		})
	}
}
