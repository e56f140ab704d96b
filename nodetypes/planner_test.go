package nodetypes_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

// TestPlannerLikeSchedule lets nodes, types and demand of a cluster change again
// and again, some at a time: a Planner, which remembers nodes, must answer as
// Schedule, which does not.
func TestPlannerLikeSchedule(t *testing.T) {
	for seed := range uint64(1000) {
		rng := rand.New(rand.NewPCG(seed, 13))
		planner, q := nodetypes.Planner{}, versioned(rng, randomRequest(rng))
		before := q
		for round := range 12 {
			want, got := nodetypes.Schedule(q), planner.Schedule(q)
			if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(demand.ResourceRequest{})); diff != "" {
				t.Fatalf("seed %d, round %d (-Schedule +Planner):\n%s", seed, round, diff)
			}
			if rng.IntN(5) == 0 {
				before.Nodes, q.Nodes = q.Nodes, before.Nodes
			}
			if next := changed(rng, q); next.Validate() == nil {
				before, q = q, next
			}
		}
	}
}

func versioned(rng *rand.Rand, q nodetypes.Request) nodetypes.Request {
	for i := range q.Nodes {
		q.Nodes[i].Version, q.Nodes[i].ID = new(i), fmt.Sprint(q.Nodes[i].ID, "-", rng.Uint32())
	}
	return q
}

// changed is another request, mostly of nodes that are the same.
func changed(rng *rand.Rand, q nodetypes.Request) nodetypes.Request {
	r, other := random{rng, false}, versioned(rng, randomRequest(rng))
	q.Nodes = slices.Clone(q.Nodes)
	for i := range q.Nodes {
		switch n := &q.Nodes[i]; {
		case r.chance(3):
			n.Type = "gone" // keeps its version: a type is no part of that
		case r.chance(3):
			n.Status = nodetypes.Joining
		case r.chance(3):
			n.Version = nil
		case r.chance(10) && i < len(other.Nodes):
			*n = other.Nodes[i]
		}
	}
	switch r.IntN(9) {
	case 0:
		q.Nodes = other.Nodes
	case 1:
		q.Nodes = q.Nodes[:r.IntN(len(q.Nodes)+1)]
	case 2:
		q.Nodes = append(q.Nodes, other.Nodes...)
	case 3:
		q.Demand = other.Demand
	case 4:
		q.NodeTypes = other.NodeTypes
	case 5:
		q.NodeTypes = shuffled(rng, q.NodeTypes)
	case 6:
		q.Demand.Tasks = shuffled(rng, q.Demand.Tasks) // numbers selectors anew
	case 7:
		q.Demand.Gangs = shuffled(rng, q.Demand.Gangs)
	case 8:
		q.Demand.Gangs = other.Demand.Gangs
	}
	return q
}

func shuffled[T any](rng *rand.Rand, in []T) []T {
	out := slices.Clone(in)
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// TestPlannerNamesNewThings lets a demand name what two nodes, until then alike,
// do not share.
func TestPlannerNamesNewThings(t *testing.T) {
	total := demand.MustResources(map[string]float64{"CPU": 4, "X": 2, "Y": 2})
	part := func(x, y float64) demand.Resources {
		return demand.MustResources(map[string]float64{"CPU": 4, "X": x, "Y": y})
	}
	need := func(name string, z ...string) demand.Shape {
		s := demand.Shape{Count: 1, ResourceRequest: demand.ResourceRequest{Resources: demand.MustResources(map[string]float64{name: 2})}}
		if len(z) > 0 {
			s.Selectors = []demand.LabelSelector{{{Key: "z", Values: z}}}
		}
		return s
	}
	q := nodetypes.Request{
		NodeTypes: []nodetypes.NodeType{{Name: "t", Resources: total, MaxWorkers: 2}}, MaxWorkers: 2,
		Nodes: []nodetypes.Node{
			{ID: "a", Type: "t", Total: total, Available: part(1, 2), Version: new(1), Gangs: []string{"g"}},
			{ID: "b", Type: "t", Total: total, Available: part(2, 1), Version: new(2), Labels: demand.NewLabels(map[string]string{"z": "b"})},
		},
	}
	var planner nodetypes.Planner
	for _, d := range []demand.Demand{
		{Tasks: []demand.Shape{need("CPU")}},
		{Tasks: []demand.Shape{need("X")}},
		{Tasks: []demand.Shape{need("CPU", "c")}},
		{Tasks: []demand.Shape{need("CPU", "b")}},
		{Gangs: []demand.Gang{{Name: "h", Strategy: demand.StrictSpread, Bundles: []demand.Shape{need("CPU")}}}},
		{Gangs: []demand.Gang{{Name: "g", Strategy: demand.StrictSpread, Bundles: []demand.Shape{need("CPU")}}}},
	} {
		q.Demand = d
		if diff := cmp.Diff(nodetypes.Schedule(q), planner.Schedule(q), cmpopts.IgnoreUnexported(demand.ResourceRequest{})); diff != "" {
			t.Errorf("demand %v (-Schedule +Planner):\n%s", d, diff)
		}
	}
}
