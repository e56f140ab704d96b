package demandpb_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/demandpb"
)

// BenchmarkReport decodes and applies the reports of a cluster of 1,000 nodes
// that each have five shapes queued, every report with other counts than the
// one before. The goal is 300,000 a second on one core:
//
//	go test -run='^$' -bench=Report -count=10 ./demand/demandpb | tee new.txt && benchstat old.txt new.txt
func BenchmarkReport(b *testing.B) {
	const nodes, rounds = 1000, 4
	var messages [][]byte
	for round := range rounds {
		for node := range nodes {
			m, err := demandpb.MarshalReport(queued(node, round))
			if err != nil {
				b.Fatal(err)
			}
			messages = append(messages, m)
		}
	}
	s := demand.NewState(demand.DefaultWindows())
	var d demandpb.Decoder
	at, i := time.Unix(0, 0), 0
	b.ReportAllocs()
	for b.Loop() {
		r, err := d.Report(messages[i%len(messages)])
		if err != nil {
			b.Fatal(err)
		}
		r.Sequence = uint64(i + 1)
		at = at.Add(100 * time.Microsecond)
		if !s.Apply(r, at) {
			b.Fatal("a newer report was refused")
		}
		i++
	}
	b.ReportMetric(float64(i)/b.Elapsed().Seconds(), "reports/s")
}

func queued(node, round int) *demand.Report {
	total := demand.MustResources(map[string]float64{
		"CPU": 16, "GPU": 4, "memory": 64 << 30, "object_store_memory": 19 << 30, fmt.Sprintf("node:10.0.%d.%d", node/250, node%250): 1,
	})
	r := &demand.Report{
		NodeID: fmt.Sprintf("%056x", node), Incarnation: 1, Sequence: 1, InstanceID: fmt.Sprint("worker-", node), NodeType: "gpu",
		AgentVersion: "1", Raylet: &demand.RayletLoad{Total: total, Available: total},
	}
	for i := range 5 {
		shape := map[string]float64{"CPU": float64(1 + i)}
		if i%2 == 1 {
			shape["GPU"] = 1
		}
		r.Raylet.Demand = append(r.Raylet.Demand, demand.QueuedDemand{
			ResourceRequest: demand.ResourceRequest{Resources: demand.MustResources(shape)}, Queued: int64(1 + round), Backlog: int64(10 * i),
		})
	}
	return r
}
