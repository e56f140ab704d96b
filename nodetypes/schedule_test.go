package nodetypes_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

// TestInfeasibleTasksAreAddedTogether: also those whose selectors are not
// canonical, as Ray sends them.
func TestInfeasibleTasksAreAddedTogether(t *testing.T) {
	cpu := demand.MustResources(map[string]float64{"CPU": 1})
	zones := func(values ...string) []demand.LabelSelector {
		return []demand.LabelSelector{{{Key: "zone", Values: values}}}
	}
	q := nodetypes.Request{MaxWorkers: nodetypes.NoLimit}
	q.Demand.Tasks = []demand.Shape{
		{ResourceRequest: demand.ResourceRequest{Resources: cpu, Selectors: zones("b", "a")}, Count: 2},
		{ResourceRequest: demand.ResourceRequest{Resources: cpu, Selectors: zones("a")}, Count: 3},
		{ResourceRequest: demand.ResourceRequest{Resources: cpu, Selectors: zones("a", "b")}, Count: 4},
	}
	want := []demand.Shape{q.Demand.Tasks[0], q.Demand.Tasks[1]}
	want[0].Count = 6
	if diff := cmp.Diff(want, nodetypes.Schedule(q).Infeasible.Tasks); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

// TestNoMaximum: a MaxWorkers that was forgotten is refused, and does no harm.
func TestNoMaximum(t *testing.T) {
	cpu := demand.MustResources(map[string]float64{"CPU": 1})
	q := nodetypes.Request{
		NodeTypes: []nodetypes.NodeType{{Name: "a", Resources: cpu, MaxWorkers: nodetypes.NoLimit}},
		Nodes:     []nodetypes.Node{{ID: "n", Type: "a", Total: cpu}},
		Demand:    demand.Demand{Tasks: []demand.Shape{{ResourceRequest: demand.ResourceRequest{Resources: cpu}, Count: 1}}},
	}
	if err := q.Validate(); err == nil || err.Error() != "maxWorkers: must be at least 1 (0)" {
		t.Errorf("error %v", err)
	}
	if diff := cmp.Diff(nodetypes.Reply{Infeasible: q.Demand}, nodetypes.Schedule(q)); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

// TestLaunch adds the causes up.
func TestLaunch(t *testing.T) {
	l := nodetypes.Launch{Minimum: 1, Constraint: 20, Gang: 300, Task: 4000}
	if l.Count() != 4321 || l.Exempt() != 321 {
		t.Errorf("count %d, exempt %d", l.Count(), l.Exempt())
	}
}

// TestValidate has what the planning case cannot say.
func TestValidate(t *testing.T) {
	for want, r := range map[string]demand.Resources{
		"nodeTypes[0].resources.CPU: must be within 0…1e14 (-1)":              {{Name: "CPU", Amount: -demand.Unit}},
		"nodeTypes[0].resources.CPU: must be within 0…1e14 (100000000000001)": {{Name: "CPU", Amount: demand.MaxAmount + demand.Unit}},
		"nodeTypes[0].resources: must be sorted by name, each once (CPU)":     {{Name: "GPU", Amount: 1}, {Name: "CPU", Amount: 1}},
	} {
		q := nodetypes.Request{MaxWorkers: 1, NodeTypes: []nodetypes.NodeType{{Name: "a", Resources: r}}}
		if err := q.Validate(); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
