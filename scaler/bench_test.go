package scaler_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/scaler"
)

// BenchmarkDecide is one changed report of a cluster, all of whose workers are
// in use and have tasks queued, and the decision after it. The goal is 0.5 ms for
// 1,000 workers:
//
//	go test -run='^$' -bench=Decide -count=10 ./scaler | tee new.txt && benchstat old.txt new.txt
//
// A full cluster is at its maximum; of a growing one nearly as many workers are
// joining; in a spare one every worker has a free CPU, so the plan uses them all.
func BenchmarkDecide(b *testing.B) {
	for _, kind := range []busy{{name: "full", room: 1}, {name: "spare", room: 1, spare: 1}, {name: "growing", room: 2}} {
		for _, nodes := range []int{10, 1000, 10_000} {
			b.Run(fmt.Sprintf("%s/workers=%d", kind.name, nodes), func(b *testing.B) { decide(b, nodes, kind) })
		}
	}
}

func decide(b *testing.B, nodes int, kind busy) {
	c := newBusy(nodes, kind)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		c.now = c.now.Add(100 * time.Microsecond)
		c.core.Report(c.report(i%nodes, uint64(i+1), int64(i%7)), c.now)
		if i%1000 == 0 {
			c.core.Report(c.head(uint64(i+1)), c.now)
		}
		if d := c.decide(); d.Unknown != "" {
			b.Fatal(d.Unknown)
		}
	}
}

// busy is a cluster that is full.
type busy struct {
	name  string
	room  int // maximum workers, as a multiple of those there
	spare float64
	core  *scaler.Core
	world scaler.World
	nodes []*demand.Node
	now   time.Time
}

func newBusy(workers int, kind busy) *busy {
	c := &kind
	c.core, c.now = scaler.NewCore(demand.Cluster{Namespace: "ml", Name: "train"}, demand.DefaultWindows()), time.Unix(1_800_000_000, 0)
	idle := 5 * time.Minute
	c.world.Settings = scaler.Settings{UpscalingSpeed: 1, MaxWorkers: c.room * workers, IdleTimeout: &idle}
	c.nodes = append(c.nodes, &demand.Node{ID: fmt.Sprintf("%056x", workers), InstanceID: "head", Type: "head", Head: true, Status: demand.NodeRunning})
	for i, name := range []string{"cpu", "gpu"} {
		r := demand.MustResources(map[string]float64{"CPU": 16, "GPU": float64(4 * i), "memory": 64 << 30})
		c.world.Types = append(c.world.Types, scaler.TypeState{
			NodeType: nodetypes.NodeType{Name: name, Resources: r.NonZero(), MaxWorkers: c.room * (workers + 1 - i) / 2}, Replicas: (workers + 1 - i) / 2,
		})
	}
	for i := range workers {
		t := c.world.Types[i%2]
		name := fmt.Sprintf("train-%s-%d", t.Name, i)
		c.world.Workers = append(c.world.Workers, scaler.Worker{Name: name, Type: t.Name, Started: true})
		c.nodes = append(c.nodes, &demand.Node{
			ID: fmt.Sprintf("%056x", i), InstanceID: name, Type: t.Name, Status: demand.NodeRunning, Total: c.total(i), Available: c.free(i),
			Labels: demand.NewLabels(map[string]string{"ray.io/node-id": fmt.Sprint(i)}),
		})
	}
	slices.SortFunc(c.world.Workers, func(a, b scaler.Worker) int { return strings.Compare(a.Name, b.Name) })
	c.core.Report(c.head(1), c.now)
	for i := range workers {
		c.core.Report(c.report(i, 1, 0), c.now)
	}
	c.now = c.now.Add(4 * time.Second)
	c.core.Report(c.head(2), c.now)
	for i := range workers {
		c.core.Report(c.report(i, 2, 0), c.now)
	}
	return c
}

func (c *busy) total(i int) demand.Resources {
	own := demand.MustResources(map[string]float64{fmt.Sprintf("node:10.0.%d.%d", i/250, i%250): 1})
	return c.world.Types[i%2].Resources.Add(own)
}

// free is all but the GPUs and the CPUs, of which some may be spare.
func (c *busy) free(i int) demand.Resources {
	var out demand.Resources
	for _, e := range c.total(i) {
		switch {
		case e.Name == "CPU" && c.spare > 0:
			out = append(out, demand.MustResources(map[string]float64{"CPU": c.spare})...)
		case e.Name != "CPU" && e.Name != "GPU":
			out = append(out, e)
		}
	}
	return out
}

func (c *busy) report(i int, sequence uint64, queued int64) *demand.Report {
	r := &demand.Report{
		NodeID: c.nodes[i+1].ID, Incarnation: 1, Sequence: sequence, InstanceID: c.nodes[i+1].InstanceID, NodeType: c.nodes[i+1].Type,
		Raylet: &demand.RayletLoad{Total: c.nodes[i+1].Total, Available: c.nodes[i+1].Available},
	}
	for k := range 5 {
		r.Raylet.Demand = append(r.Raylet.Demand, demand.QueuedDemand{
			ResourceRequest: demand.ResourceRequest{Resources: demand.MustResources(map[string]float64{"CPU": float64(1 + k)})},
			Queued:          1 + queued, Backlog: 10,
		})
	}
	return r
}

func (c *busy) head(sequence uint64) *demand.Report {
	return &demand.Report{
		NodeID: c.nodes[0].ID, Incarnation: 1, Sequence: sequence, InstanceID: "head", NodeType: "head",
		Raylet: &demand.RayletLoad{}, Cluster: &demand.ClusterState{Session: "s", Nodes: c.nodes},
	}
}

func (c *busy) decide() *scaler.Decision { return c.decideOn(c.world) }

func (c *busy) decideOn(w scaler.World) *scaler.Decision {
	w.Now = c.now
	return c.core.Decide(w)
}
