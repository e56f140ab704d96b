package nodetypes

import (
	"slices"

	"github.com/rayburst/rayburst/demand"
)

// slot is one node of the list or, for nodes to launch, n equal neighbours.
type slot struct {
	state *state
	node  int // index in Request.Nodes, or none for nodes to launch
	n     int64
}

// outcome is what a step would do to the list. Nothing is done until apply.
type outcome struct {
	*step
	list      []slot
	exhausted []bool // by slot
	wins      []win  // of slots
	opened    []win  // of node types
}

// place is Ray's _try_schedule: existing nodes first, all of them, then new
// ones while the type and the cluster have room. seen is the state in which
// the step sees a slot.
func (p *plan) place(s *step, seen func(slot) *state) outcome {
	o := outcome{step: s, list: p.list, exhausted: make([]bool, len(p.list))}
	if s.done() {
		return o
	}
	o.wins = newPool(s, o.classes(seen)).fill()
	if !s.done() {
		o.opened = newPool(s, p.candidates()).launch(p.roomOfCluster())
	}
	return o
}

// classes groups the list. Running nodes are alike if body and history are;
// of others Ray looks at the first of equal bodies alone (NodeStateCache),
// whatever the history of those behind it. Running nodes that are too small
// for every request, labels aside, are exhausted.
func (o *outcome) classes(seen func(slot) *state) []*class {
	var out []*class
	byState := map[*state]*class{}
	places := make([]place, len(o.list))
	for i, s := range o.list {
		places[i] = place{at: i, n: s.n, state: seen(s)}
		key := places[i].state
		if !key.running {
			key = &key.blank
		}
		c := byState[key]
		if c == nil {
			c = o.heads.next()
			byState[key] = c
			out = append(out, c)
		}
		c.add(&places[i])
	}
	return slices.DeleteFunc(out, o.exhaust)
}

func (o *outcome) exhaust(c *class) bool {
	b := c.first.state.body
	if !b.running || o.holdsAny(b) {
		return false
	}
	for p := c.first; p != nil; p = p.next {
		o.exhausted[p.at] = true
	}
	return true
}

// holdsAny tells whether some request fits by resources alone
// (_can_fit_any_request).
func (s *step) holdsAny(b *body) bool {
	return slices.ContainsFunc(s.runs, func(r run) bool {
		return !slices.ContainsFunc(r.needs, func(n need) bool { return b.free[n.resource] < n.amount })
	})
}

// candidates has every type with room, in configuration order.
func (p *plan) candidates() []*class {
	count := p.countByType(func(slot) bool { return true })
	var out []*class
	for i := range p.NodeTypes {
		if room := p.maxOfType(i) - count[i]; room > 0 {
			out = append(out, &class{first: &place{at: i, n: room, state: p.fresh[i]}})
		}
	}
	return out
}

func (p *plan) roomOfCluster() int64 {
	n := p.maxOfCluster()
	for _, s := range p.list {
		n -= s.n
	}
	return n
}

// apply makes the outcome the new list: winners in order of winning, then
// untouched nodes, then exhausted ones, each in list order, then new nodes.
// after is a node's state when it has won.
func (o outcome) apply(p *plan, after func(slot, *trial) *state) {
	list := make([]slot, 0, len(o.list)+len(o.opened))
	taken := make([]int64, len(o.list))
	for _, w := range o.wins {
		s := o.list[w.at]
		taken[w.at] += w.n
		list = appendSlot(list, slot{after(s, w.trial), s.node, w.n})
	}
	for _, exhausted := range []bool{false, true} {
		for i, s := range o.list {
			if s.n -= taken[i]; s.n > 0 && o.exhausted[i] == exhausted {
				list = append(list, s)
			}
		}
	}
	for _, w := range o.opened {
		list = appendSlot(list, slot{after(slot{state: w.state, node: none}, w.trial), none, w.n})
	}
	p.list = list
}

// appendSlot joins equal neighbours that are to be launched.
func appendSlot(list []slot, s slot) []slot {
	if n := len(list); n > 0 && s.node == none && list[n-1].node == none && list[n-1].state == s.state {
		list[n-1].n += s.n
		return list
	}
	return append(list, s)
}

// unplaced is what is left of the shapes from which the step was made, by
// index; neighbouring equal shapes are counted with the first of them.
func (s *step) unplaced() map[int]int64 {
	out := map[int]int64{}
	for i, r := range s.runs {
		if s.left[i] > 0 {
			out[r.source] = addCounts(out[r.source], s.left[i])
		}
	}
	return out
}

// placed is how many requests a trial places on each node.
func (t *trial) placed() (n int64) {
	for _, k := range t.takes {
		n = addCounts(n, k.n)
	}
	return n
}

// newStep is a step over shapes of the demand.
func (p *plan) newStep(shapes []demand.Shape) *step {
	return newStep(p.states, p.ConserveGPUNodes, p.catalog.sortedRuns(shapes))
}
