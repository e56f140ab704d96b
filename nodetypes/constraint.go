package nodetypes

import (
	"slices"

	"github.com/rayburst/rayburst/demand"
)

// placeConstraint holds request_resources() against the totals, as if the
// cluster were empty: all of it, or nothing is kept and all of it is
// infeasible (_enforce_resource_constraints). It takes nothing from gangs and
// tasks; what it launches stays for them, and what it touches is not idle.
func (p *plan) placeConstraint() {
	s := p.newStep(p.Demand.Constraints)
	o := p.place(s, p.asIfEmpty)
	if p.trace != nil {
		p.trace.constraint = p.trace.step(ConstraintItem, p.Demand.Constraints, o)
	}
	if !s.done() {
		p.infeasible.Constraints = slices.DeleteFunc(slices.Clone(p.Demand.Constraints),
			func(s demand.Shape) bool { return s.Count == 0 })
		return
	}
	o.apply(p, func(s slot, t *trial) *state {
		if s.node != none {
			u := &p.used[s.node]
			u.constraints = more(u.constraints, t.placed())
		}
		return s.state
	})
	for _, w := range o.opened {
		p.launch[w.state.kind.index].Constraint += int(w.n)
	}
}

// asIfEmpty is a node's state with all of its total available.
func (p *plan) asIfEmpty(s slot) *state {
	if n := p.running(s); n != nil {
		return p.stateOf(n, n.Total)
	}
	return s.state
}
