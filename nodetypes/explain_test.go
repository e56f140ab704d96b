package nodetypes_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

// TestExplainAddsUp: an explanation has the reply of Schedule, and its numbers
// are those of the reply.
func TestExplainAddsUp(t *testing.T) {
	const cases = 1500
	seen := map[nodetypes.Verdict]int{}
	for seed := range uint64(cases) {
		q := randomRequest(rand.New(rand.NewPCG(seed, 10)))
		e := nodetypes.Explain(q)
		if diff := cmp.Diff(nodetypes.Schedule(q), e.Reply); diff != "" {
			t.Fatalf("seed %d: schedule -, explain +:\n%s", seed, diff)
		}
		if diff := cmp.Diff(numbersOf(q, e.Reply), sumsOf(q, e.Items)); diff != "" {
			t.Fatalf("seed %d: %+v\nreply -, items +:\n%s", seed, q, diff)
		}
		for _, i := range e.Items {
			checkItem(t, seed, q, i)
			for _, c := range i.Types {
				seen[c.Verdict]++
			}
		}
	}
	for _, v := range []nodetypes.Verdict{nodetypes.Chosen, nodetypes.Lacking, nodetypes.TypeFull, nodetypes.ClusterFull,
		nodetypes.Outscored, nodetypes.NotNeeded, nodetypes.NotPlaced} {
		if seen[v] < cases/100 {
			t.Errorf("%d types are %s in %d cases", seen[v], v, cases)
		}
	}
}

// numbers are what a reply and its explanation both tell.
type numbers struct {
	Used       map[string]nodetypes.Use
	Opened     map[string]nodetypes.Launch
	Asked      map[string]int64 // requests by kind
	Infeasible map[string]int64 // tasks by key, gangs by name
	Constraint bool
}

func newNumbers() numbers {
	return numbers{map[string]nodetypes.Use{}, map[string]nodetypes.Launch{}, map[string]int64{}, map[string]int64{}, false}
}

func numbersOf(q nodetypes.Request, r nodetypes.Reply) numbers {
	n := newNumbers()
	for _, u := range r.Used {
		n.Used[q.Nodes[u.Node].ID] = u
	}
	for _, l := range r.Launch {
		if l.Minimum = 0; l.Count() > 0 {
			n.Opened[l.Type] = l
		}
	}
	for _, s := range q.Demand.Tasks {
		if s.Count > 0 {
			n.Asked["task"] += s.Count
		}
	}
	for _, s := range q.Demand.Constraints {
		if s.Count > 0 {
			n.Asked["constraint"] += s.Count
		}
	}
	for _, s := range r.Infeasible.Tasks {
		n.Infeasible[s.Key()] += s.Count
	}
	for _, g := range r.Infeasible.Gangs {
		n.Infeasible[g.Name] = 1
	}
	n.Constraint = len(r.Infeasible.Constraints) > 0
	return n
}

func sumsOf(q nodetypes.Request, items []nodetypes.Item) numbers {
	n := newNumbers()
	for _, i := range items {
		if i.Kind != nodetypes.GangItem {
			n.Asked[string(i.Kind)] += i.Count
		}
		for _, on := range i.Nodes {
			u := n.Used[on.ID]
			u.Node = slices.IndexFunc(q.Nodes, func(n nodetypes.Node) bool { return n.ID == on.ID })
			*countOf(i.Kind, &u.Constraints, &u.Bundles, &u.Tasks) += on.Count
			n.Used[on.ID] = u
		}
		for _, on := range i.New {
			if on.Nodes > 0 {
				l := n.Opened[on.Type]
				l.Type = on.Type
				*countOf(i.Kind, &l.Constraint, &l.Gang, &l.Task) += int(on.Nodes)
				n.Opened[on.Type] = l
			}
		}
		switch {
		case i.Infeasible == 0:
		case i.Kind == nodetypes.TaskItem:
			n.Infeasible[i.Key()] += i.Infeasible
		case i.Kind == nodetypes.GangItem:
			n.Infeasible[i.Gang] = 1
		default:
			n.Constraint = true
		}
	}
	return n
}

func countOf[T any](k nodetypes.Kind, constraint, gang, task *T) *T {
	switch k {
	case nodetypes.ConstraintItem:
		return constraint
	case nodetypes.GangItem:
		return gang
	}
	return task
}

func checkItem(t *testing.T, seed uint64, q nodetypes.Request, i nodetypes.Item) {
	t.Helper()
	sum := i.Infeasible
	for _, on := range i.Nodes {
		sum += on.Count
	}
	onNew := map[string]int64{}
	for _, on := range i.New {
		sum += on.Count
		onNew[on.Type] = on.Count
	}
	if sum != i.Count || i.Missing > i.Infeasible {
		t.Errorf("seed %d: %+v: placed and infeasible are %d", seed, i, sum)
	}
	if len(i.Types) != len(q.NodeTypes) {
		t.Errorf("seed %d: %+v: not every type is considered", seed, i)
	}
	for _, c := range i.Types {
		if (c.Verdict == nodetypes.Chosen) != (onNew[c.Type] > 0) || c.Detail == "" || c.Detail == "the plan has reached its limit of rounds" {
			t.Errorf("seed %d: %+v of %+v, %d on new nodes", seed, c, i, onNew[c.Type])
		}
	}
}

// TestNearest: a resource that is not there at all weighs more than too little.
func TestNearest(t *testing.T) {
	types := []nodetypes.NodeType{
		{Name: "cpu", Resources: demand.MustResources(map[string]float64{"CPU": 64})},
		{Name: "gpu", Resources: demand.MustResources(map[string]float64{"CPU": 4, "GPU": 1})},
	}
	want := demand.ResourceRequest{Resources: demand.MustResources(map[string]float64{"CPU": 4, "GPU": 8, "node:__internal_implicit_resource_x": 1})}
	if i := nodetypes.Nearest(types, want); i != 1 {
		t.Errorf("the nearest is %d, want 1", i)
	}
	if got := types[1].Lacks(want); len(got) != 1 || got[0].String() != "GPU: has 1, needs 8" {
		t.Errorf("it lacks %v", got)
	}
	if i := nodetypes.Nearest(nil, want); i != -1 {
		t.Errorf("of no types %d, want -1", i)
	}
}
