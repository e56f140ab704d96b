package nodetypes

import (
	"cmp"
	"slices"

	"github.com/rayburst/rayburst/demand"
)

// placeGangs places the placement groups one by one, each wholly or not at
// all. One that cannot be placed leaves no trace, not even in the order of the
// list (_sched_gang_resource_requests).
func (p *plan) placeGangs() {
	failed := make([]bool, len(p.Demand.Gangs))
	for _, i := range p.gangOrder() {
		s := p.newStep(bundles(p.Demand.Gangs[i]))
		if p.Demand.Gangs[i].Strategy == demand.StrictSpread {
			s.spread = i
		}
		o := p.place(s, func(s slot) *state { return s.state })
		if p.trace != nil {
			p.trace.gang(i, o)
		}
		if failed[i] = !s.done(); failed[i] {
			continue
		}
		p.commit(o, func(u *uses, n int64) { u.bundles = more(u.bundles, n) })
		for _, w := range o.opened {
			p.launch[w.state.kind.index].Gang += int(w.n)
		}
	}
	for i, g := range p.Demand.Gangs {
		if failed[i] {
			p.infeasible.Gangs = append(p.infeasible.Gangs, g)
		}
	}
}

// commit applies an outcome of the demand: its nodes keep what they took. After
// the last step nobody asks for their state.
func (p *plan) commit(o outcome, count func(u *uses, n int64)) {
	o.apply(p, func(s slot, t *trial) *state {
		if s.node != none {
			count(&p.used[s.node], t.placed())
		}
		if o.last {
			return s.state
		}
		return o.step.commit(t)
	})
}

// gangOrder is the order in which gangs are tried: descending by (placement
// constraints, bundles), equal ones as given. Every bundle of a strict gang
// has one constraint, so strict gangs come before others of any size.
func (p *plan) gangOrder() []int {
	order := make([]int, len(p.Demand.Gangs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		g, h := p.Demand.Gangs[a], p.Demand.Gangs[b]
		return -cmp.Or(compareBools(g.Strategy.Strict(), h.Strategy.Strict()), cmp.Compare(bundleCount(g), bundleCount(h)))
	})
	return order
}

func bundleCount(g demand.Gang) (n int64) {
	for _, b := range g.Bundles {
		n = addCounts(n, b.Count)
	}
	return n
}

// bundles is what a gang asks of nodes. STRICT_PACK: the bundles with the same
// selectors are one request, their sum; bundles with different selectors are
// not kept together (combine_requests_with_affinity).
func bundles(g demand.Gang) []demand.Shape {
	if g.Strategy != demand.StrictPack {
		return g.Bundles
	}
	var out []demand.Shape
	index := map[string]int{}
	for _, b := range g.Bundles {
		if b.Count == 0 {
			continue
		}
		key := selectorKey(b.Selectors)
		i, ok := index[key]
		if !ok {
			i, index[key] = len(out), len(out)
			out = append(out, demand.Shape{ResourceRequest: demand.ResourceRequest{Selectors: b.Selectors}, Count: 1})
		}
		out[i].Resources = addTimes(out[i].Resources, b.Resources, b.Count)
	}
	return out
}

// addTimes is a + n·b. Amounts that no node can hold saturate.
func addTimes(a, b demand.Resources, n int64) demand.Resources {
	sum := map[string]demand.Amount{}
	for _, e := range a {
		sum[e.Name] = e.Amount
	}
	for _, e := range b {
		sum[e.Name] = addAmounts(sum[e.Name], scaleAmount(e.Amount, n))
	}
	out := make(demand.Resources, 0, len(sum))
	for name, amount := range sum {
		out = append(out, demand.Resource{Name: name, Amount: amount})
	}
	slices.SortFunc(out, func(a, b demand.Resource) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
