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
	o := outcome{step: s, list: p.list, exhausted: s.flags.make(len(p.list))}
	if s.done() {
		return o
	}
	q := queue{p.list, seen, s.places.make(len(p.list))}
	o.wins = newPool(s, &q, o.classes(&q)).fill()
	if !s.done() {
		o.opened = newPool(s, nil, p.candidates(s)).launch(p.roomOfCluster())
	}
	return o
}

// classes groups the list. Running nodes are alike if body and history are;
// of others Ray looks at the first of equal bodies alone (NodeStateCache),
// whatever the history of those behind it. Running nodes that are too small
// for every request, labels aside, are exhausted.
func (o *outcome) classes(q *queue) []*class {
	out := o.class[:0]
	for i, s := range o.list {
		state := q.seen(s)
		key := state
		if !key.running {
			key = &key.blank
		}
		if key.step != o.step {
			key.step, key.class = o.step, o.step.classes.new()
			out = append(out, key.class)
		}
		q.add(key.class, i, state)
	}
	o.class = out
	return slices.DeleteFunc(out, func(c *class) bool { return o.exhaust(q, c) })
}

func (o *outcome) exhaust(q *queue, c *class) bool {
	b := c.state.body
	if !b.running || o.holdsAny(b) {
		return false
	}
	for at := int32(c.at); at != none; at = q.next[at] {
		o.exhausted[at] = true
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
func (p *plan) candidates(s *step) []*class {
	count := p.countByType(func(slot) bool { return true })
	out := s.lists.make(len(p.NodeTypes))[:0]
	for i := range p.NodeTypes {
		if room := p.maxOfType(i) - count[i]; room > 0 {
			c := s.classes.new()
			c.at, c.n, c.state = i, room, p.fresh[i]
			out = append(out, c)
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
	list := p.spare[:0]
	for _, w := range o.wins {
		s := o.list[w.at]
		o.list[w.at].n -= int64(w.n) // the list is not needed any more
		list = appendSlot(list, slot{after(s, w.trial), s.node, int64(w.n)})
	}
	for _, exhausted := range []bool{false, true} {
		for i, s := range o.list {
			if s.n > 0 && o.exhausted[i] == exhausted {
				list = append(list, s)
			}
		}
	}
	for _, w := range o.opened {
		list = appendSlot(list, slot{after(slot{state: w.state, node: none}, w.trial), none, int64(w.n)})
	}
	p.list, p.spare = list, p.list
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
	s := newStep(p.states, p.ConserveGPUNodes, p.catalog.sortedRuns(shapes))
	if p.trace != nil {
		p.trace.begin(s)
	}
	return s
}
