package nodetypes

import (
	"maps"
	"slices"
)

// Planner is [Schedule] for one cluster again and again: a node that has a Version
// is not looked at anew while it stays the same, at its place, and the demand names
// the same resources, labels and gangs. Its replies are those of Schedule. It is
// not safe for concurrent use; its zero value is ready.
type Planner struct {
	catalog    *catalog // of the last pass
	bodies     int      // of the last pass
	last, seen []sight  // by Request.Nodes of the last pass, and of this one
	alike      []*state // of this pass, by number of the last pass's body; nil: none yet

	// Room for the next pass.
	states      states
	list, spare []slot
	used        []uses
	terminated  []verdict
}

// sight is how a node was seen.
type sight struct {
	version  any // nil: it was not
	nodeType string
	body     int // its number
}

// Schedule is the function of that name.
func (l *Planner) Schedule(q Request) Reply {
	p := newPlan(&q, l)
	l.bodies = p.states.interned
	reply := p.run()
	l.list, l.spare, l.used, l.terminated = p.list, p.spare, p.used, p.terminated
	return reply
}

// begin forgets what a plan would see with other eyes.
func (l *Planner) begin(p *plan) {
	l.last, l.seen = l.seen, l.last[:0]
	if l.catalog == nil || !l.catalog.equal(p.catalog) {
		l.last = l.last[:0]
	}
	l.catalog, l.alike = p.catalog, make([]*state, l.bodies)
}

// stateOf is a node's state in a plan: that of the first one that was like it in
// the last plan, and is still, as it is itself.
func (l *Planner) stateOf(p *plan, at int) *state {
	n := &p.Nodes[at]
	if n.Version == nil || n.Status != Running {
		return p.stateOf(n, n.Available)
	}
	var out *state
	if at < len(l.last) && l.last[at].version == n.Version && l.last[at].nodeType == n.Type {
		of := &l.alike[l.last[at].body]
		if *of == nil {
			*of = p.stateOf(n, n.Available)
		}
		out = *of
	} else {
		out = p.stateOf(n, n.Available)
	}
	l.note(at, sight{n.Version, n.Type, out.number})
	return out
}

// note keeps how a node is seen; those before it that were not noted were not seen.
func (l *Planner) note(at int, s sight) {
	for len(l.seen) < at {
		l.seen = append(l.seen, sight{})
	}
	l.seen = append(l.seen, s)
}

// zeros are n zero values, in the room if it has enough.
func zeros[T any](room []T, n int) []T {
	room = slices.Grow(room[:0], n)[:n]
	clear(room)
	return room
}

// equal tells whether two catalogs number the same.
func (c *catalog) equal(o *catalog) bool {
	return slices.Equal(c.resources, o.resources) && maps.Equal(c.numbers, o.numbers) && maps.Equal(c.gangs, o.gangs)
}
