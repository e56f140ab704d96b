package nodetypes_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

// TestScheduleLikeTwin compares with the scheduler that takes every request
// and every node one by one.
func TestScheduleLikeTwin(t *testing.T) {
	const cases = 2000
	used := map[string]int{}
	for seed := range uint64(cases) {
		q := randomRequest(rand.New(rand.NewPCG(seed, 7)))
		if err := q.Validate(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		got := nodetypes.Schedule(q)
		if diff := cmp.Diff(twinSchedule(q), got); diff != "" {
			t.Fatalf("seed %d: %+v\ntwin -, schedule +:\n%s", seed, q, diff)
		}
		countCases(used, got)
	}
	for _, what := range []string{"minimum", "constraint", "gang", "task", "infeasible tasks", "infeasible gangs", "infeasible constraints",
		"used by constraints", "used by bundles", "used by tasks", "outdated", "idle", "max-workers", "max-workers-of-type"} {
		if used[what] < cases/100 {
			t.Errorf("%d of %d cases have %s", used[what], cases, what)
		}
	}
}

// TestCrowdLikeTwin does so with clusters of many nodes of which hardly two are
// alike, but most take the same.
func TestCrowdLikeTwin(t *testing.T) {
	for seed := range uint64(400) {
		r := random{rand.New(rand.NewPCG(seed, 11)), seed%6 == 0}
		q := r.crowd()
		if err := q.Validate(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if diff := cmp.Diff(twinSchedule(q), nodetypes.Schedule(q)); diff != "" {
			t.Fatalf("seed %d: %+v\ntwin -, schedule +:\n%s", seed, q, diff)
		}
	}
}

func (r random) crowd() nodetypes.Request {
	q := r.request()
	for minimumsAboveMaximum(q) {
		q = r.request()
	}
	q.MaxWorkers, q.Nodes = nodetypes.NoLimit, nil
	for i := range q.NodeTypes {
		q.NodeTypes[i].MinWorkers, q.NodeTypes[i].MaxWorkers = 0, nodetypes.NoLimit
	}
	for i := range 20 + r.IntN(30) {
		n := r.node(i, q.NodeTypes)
		n.Available = slices.Clone(n.Available)
		for j, e := range n.Available {
			if e.Name != "CPU" || r.chance(30) {
				n.Available[j].Amount = demand.Amount(r.Int64N(int64(e.Amount) + 1))
			}
		}
		q.Nodes = append(q.Nodes, n)
	}
	for i := range q.Demand.Tasks {
		q.Demand.Tasks[i].Count *= int64(1 + r.IntN(6))
	}
	return q
}

// countCases notes what a reply shows, so that the test cannot lose its sense.
func countCases(used map[string]int, r nodetypes.Reply) {
	seen := map[string]bool{}
	for _, l := range r.Launch {
		seen["minimum"] = seen["minimum"] || l.Minimum > 0
		seen["constraint"] = seen["constraint"] || l.Constraint > 0
		seen["gang"] = seen["gang"] || l.Gang > 0
		seen["task"] = seen["task"] || l.Task > 0
	}
	for _, u := range r.Used {
		seen["used by constraints"] = seen["used by constraints"] || u.Constraints > 0
		seen["used by bundles"] = seen["used by bundles"] || u.Bundles > 0
		seen["used by tasks"] = seen["used by tasks"] || u.Tasks > 0
	}
	for _, x := range r.Terminate {
		seen[string(x.Reason)] = true
	}
	seen["infeasible tasks"] = len(r.Infeasible.Tasks) > 0
	seen["infeasible gangs"] = len(r.Infeasible.Gangs) > 0
	seen["infeasible constraints"] = len(r.Infeasible.Constraints) > 0
	for what, yes := range seen {
		if yes {
			used[what]++
		}
	}
}

// TestScheduleIsDeterministic asks again and again with maps made anew.
func TestScheduleIsDeterministic(t *testing.T) {
	for seed := range uint64(20) {
		q := randomRequest(rand.New(rand.NewPCG(seed, 8)))
		want := fmt.Sprintf("%+v", nodetypes.Schedule(q))
		for range 100 {
			for i := range q.NodeTypes {
				q.NodeTypes[i].Labels = anew(q.NodeTypes[i].Labels)
			}
			for i := range q.Nodes {
				q.Nodes[i].Labels = demand.NewLabels(q.Nodes[i].Labels.Map())
			}
			if got := fmt.Sprintf("%+v", nodetypes.Schedule(q)); got != want {
				t.Fatalf("seed %d:\n%s\n%s", seed, want, got)
			}
		}
	}
}

func anew(m map[string]string) map[string]string {
	keys := slices.Collect(maps.Keys(m))
	rand.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	out := map[string]string{}
	for _, k := range keys {
		out[k] = m[k]
	}
	return out
}

// TestScheduleKeepsItsRequest plans twice: the request must not change.
func TestScheduleKeepsItsRequest(t *testing.T) {
	for seed := range uint64(200) {
		q := randomRequest(rand.New(rand.NewPCG(seed, 9)))
		before := randomRequest(rand.New(rand.NewPCG(seed, 9)))
		nodetypes.Schedule(q)
		if diff := cmp.Diff(before, q); diff != "" {
			t.Fatalf("seed %d: the request changed:\n%s", seed, diff)
		}
	}
}

// random makes small requests in which much is equal, for ties.
type random struct {
	*rand.Rand
	decimals bool
}

func randomRequest(rng *rand.Rand) nodetypes.Request {
	r := random{rng, rng.IntN(6) == 0}
	for {
		if q := r.request(); !minimumsAboveMaximum(q) {
			return q
		}
	}
}

// minimumsAboveMaximum is where the plan is not specified.
func minimumsAboveMaximum(q nodetypes.Request) bool {
	kept, head, missing := 0, 0, 0
	for _, t := range q.NodeTypes {
		have, most := 0, t.MaxWorkers
		for _, n := range q.Nodes {
			if n.Type == t.Name && n.Status != nodetypes.Draining {
				have++
				if n.Head && most < nodetypes.NoLimit {
					head, most = 1, most+1
				}
			}
		}
		missing += max(0, t.MinWorkers-have)
		kept += max(min(have, most), t.MinWorkers)
	}
	return missing > 0 && q.MaxWorkers < nodetypes.NoLimit && kept > q.MaxWorkers+head
}

func (r random) chance(percent int) bool { return r.IntN(100) < percent }

func oneOf[T any](r random, list ...T) T { return list[r.IntN(len(list))] }

func (r random) request() nodetypes.Request {
	q := nodetypes.Request{MaxWorkers: nodetypes.NoLimit, ConserveGPUNodes: !r.chance(20), IdleTimeout: r.timeout()}
	if r.chance(40) {
		q.MaxWorkers = r.IntN(12) + 1
	}
	base := r.resources(8)
	for i := range 1 + r.IntN(4) {
		q.NodeTypes = append(q.NodeTypes, r.nodeType(i, base))
	}
	head := r.chance(40)
	for i := range r.IntN(10) {
		n := r.node(i, q.NodeTypes)
		if head && n.Type != "gone" && n.Status != nodetypes.Draining {
			n.Head, head = true, false
		}
		q.Nodes = append(q.Nodes, n)
	}
	q.Demand = r.demand()
	return q
}

func (r random) timeout() *time.Duration {
	if r.chance(40) {
		return nil
	}
	return new(oneOf[time.Duration](r, 0, 5, 60) * time.Second)
}

func (r random) amount(most int) float64 {
	if r.decimals && r.chance(50) {
		return oneOf(r, 0.1, 0.2, 0.5, 0.0001, 1.3)
	}
	return float64(1 + r.IntN(most))
}

func (r random) resources(most int) demand.Resources {
	m := map[string]float64{}
	for i, name := range []string{"CPU", "GPU", "X", "memory"} {
		if !r.chance([]int{90, 25, 25, 25}[i]) {
			continue
		}
		if m[name] = r.amount(most); name == "memory" {
			m[name] = float64(1+r.IntN(most)) * (1 << 30)
		}
	}
	return demand.MustResources(m)
}

func (r random) labels() map[string]string {
	m := map[string]string{}
	for _, k := range []string{"w", "z"} {
		if r.chance(50) {
			m[k] = oneOf(r, "a", "b", "c")
		}
	}
	return m
}

func (r random) nodeType(i int, base demand.Resources) nodetypes.NodeType {
	t := nodetypes.NodeType{Name: fmt.Sprint("t", i), Resources: base, MinWorkers: oneOf(r, 0, 0, 1, 2)}
	if r.chance(60) {
		t.Resources = r.resources(8)
	}
	t.MaxWorkers = t.MinWorkers + r.IntN(6)
	if r.chance(10) {
		t.MaxWorkers = nodetypes.NoLimit
	}
	if r.chance(40) {
		t.Labels = r.labels()
	}
	if r.chance(15) {
		t.Priority = r.IntN(3) - 1
	}
	if r.chance(15) {
		t.RecoveredAvailability = new(oneOf(r, 0.0, 0.5, 1.0))
	}
	if r.chance(15) {
		t.CloudAvailability = new(oneOf(r, 0.0, 0.5, 1.0))
	}
	if r.chance(20) {
		t.IdleTimeout = r.timeout()
	}
	return t
}

func (r random) node(i int, types []nodetypes.NodeType) nodetypes.Node {
	t := types[r.IntN(len(types))]
	n := nodetypes.Node{ID: fmt.Sprintf("n%02d", i), Type: t.Name, Labels: demand.NewLabels(t.Labels), Total: t.Resources}
	n.Status = oneOf(r, nodetypes.Running, nodetypes.Running, nodetypes.Running, nodetypes.Joining)
	if r.chance(5) {
		n.Status = nodetypes.Draining
	}
	if r.chance(6) {
		n.Type = "gone"
	}
	if n.Status != nodetypes.Running {
		n.Total, n.Labels = nil, nil
		return n
	}
	if r.chance(10) {
		n.Total = r.resources(8)
	}
	n.Available = n.Total
	if r.chance(60) {
		n.Available = r.part(n.Total)
	}
	n.Idle = oneOf[time.Duration](r, 0, 0, 1, 61, 99) * time.Second
	if r.chance(20) {
		n.Labels = demand.NewLabels(r.labels())
	}
	if r.chance(20) {
		n.Gangs = []string{oneOf(r, "g0", "g1", "g2"), "g9"}
	}
	return n
}

func (r random) part(total demand.Resources) demand.Resources {
	var out demand.Resources
	for _, e := range total {
		switch r.IntN(4) {
		case 0:
			continue
		case 1:
			e.Amount = 0
		case 2:
			e.Amount = demand.Amount(r.Int64N(int64(e.Amount/demand.Unit)+1)) * demand.Unit
		}
		out = append(out, e)
	}
	return out
}

func (r random) demand() demand.Demand {
	d := demand.Demand{}
	pool := []demand.Resources{r.resources(3), r.resources(3)}
	if r.chance(85) {
		d.Tasks = r.shapes(pool, 5, 0, 12, true)
	}
	if r.chance(45) {
		for i := range 1 + r.IntN(4) {
			d.Gangs = append(d.Gangs, demand.Gang{Name: fmt.Sprint("g", i), Bundles: r.shapes(pool, 3, 1, 4, false),
				Strategy: oneOf(r, demand.Pack, demand.Spread, demand.StrictPack, demand.StrictSpread, demand.StrictSpread)})
		}
	}
	if r.chance(30) {
		d.Constraints = r.shapes(pool, 3, 0, 5, false)
	}
	return d
}

func (r random) shapes(pool []demand.Resources, most, low, high int, fallbacks bool) []demand.Shape {
	var out []demand.Shape
	for range 1 + r.IntN(most) {
		s := demand.Shape{Count: int64(low + r.IntN(high-low+1))}
		s.Resources = oneOf(r, pool[0], pool[1], r.resources(3))
		if r.chance(5) {
			s.Resources = s.Resources.Add(demand.MustResources(map[string]float64{"node:__internal_implicit_resource_a": 0.5}))
		}
		if r.chance(25) {
			s.Selectors = append(s.Selectors, r.selector())
			for fallbacks && r.chance(40) {
				s.Selectors = append(s.Selectors, r.selector())
			}
		}
		out = append(out, s)
	}
	return out
}

func (r random) selector() demand.LabelSelector {
	var s demand.LabelSelector
	for _, k := range []string{"w", "z"} {
		if r.chance(60) {
			s = append(s, demand.LabelConstraint{Key: k, NotIn: r.chance(30), Values: oneOf(r, []string{"a"}, []string{"b"}, []string{"a", "b"})})
		}
	}
	return s
}
