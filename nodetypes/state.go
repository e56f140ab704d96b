package nodetypes

import (
	"hash/maphash"
	"math/bits"
	"slices"

	"github.com/rayburst/rayburst/demand"
)

// kind is what a node's type adds to its rank.
type kind struct {
	index            int // in the order of the request; unlisted types follow
	recovered, cloud float64
	priority         int
}

// body is what decides which requests a node can take: two nodes with one
// body take the same. It is seen through the catalog: amounts are indexed by
// the resources that the demand names. Bodies are interned (equal ones are one
// pointer) and never change.
type body struct {
	kind    *kind
	running bool
	head    bool // told apart only before the node runs, as in Ray
	// total is 0 where the node has none; free is what can be taken; known
	// tells whether the availability names the resource (else it has no part
	// in the score).
	total, free []demand.Amount
	known       []bool
	gpuNode     bool
	rest        []term // of the resources that the demand does not name
	restUnused  int    // of those, the ones of which nothing is used
	// labels has, by list of selectors, (their number) − (index of the first
	// that holds), 0 if none does.
	labels []int
	// gangs with a bundle on the node: for a running node those it came with,
	// for others all of this pass.
	gangs []int

	number int   // in the order in which they were interned
	next   *body // another one with the same hash
	blank  state // with this body, before anything is placed
}

// state is a body with the history of this pass's demand on the node (gangs
// and tasks, not constraints). The history is part of the node's score.
type state struct {
	*body
	label int    // of the first placed request with selectors, else 0
	gpu   bool   // a placed request asks for GPU
	kinds []bool // by resource: placed, and in total
	next  *state // another one of this body

	class *class // of the step
	step  *step
}

// states interns bodies and states.
type states struct {
	catalog  *catalog
	bodies   map[uint64]*body // by hash
	interned int
	seed     uint64 // which nobody can guess
	noKinds  []bool // all false
	building body
	scratch  scratch

	body    arena[body]
	state   arena[state]
	amounts arena[demand.Amount]
	flags   arena[bool]
	terms   arena[term]
	numbers arena[int]
}

// start forgets all and has room for this many nodes, few of which are different.
func (s *states) start(c *catalog, nodes int) {
	n, classes := len(c.resources), min(nodes/16, 256)
	if s.bodies == nil {
		s.bodies, s.seed = make(map[uint64]*body, classes), maphash.String(maphash.MakeSeed(), "")
		s.body.want, s.terms.want = classes, classes
		s.amounts.want, s.flags.want = 2*n*(classes+2), n*(classes+4)
		s.scratch.expect(classes)
	}
	s.reset()
	s.catalog, s.noKinds = c, s.flags.make(n)
	s.building = body{total: s.amounts.make(n), free: s.amounts.make(n), known: s.flags.make(n), labels: s.numbers.make(len(c.selectors))}
	s.scratch.free, s.scratch.known, s.scratch.kinds = s.amounts.make(n), s.flags.make(n), s.flags.make(n)
}

func (s *states) reset() {
	clear(s.bodies)
	s.interned = 0
	s.body.reset()
	s.state.reset()
	s.amounts.reset()
	s.flags.reset()
	s.terms.reset()
	s.numbers.reset()
}

// fresh is the state of a node that does not run yet: wholly free.
func (s *states) fresh(k *kind, t NodeType, head bool) *state {
	s.begin(k, false, head)
	s.capacity(t.Resources, t.Resources)
	s.label(demand.NewLabels(t.Labels))
	return &s.intern(&s.building).blank
}

// running is the state of a node that runs, with this much available.
func (s *states) running(k *kind, n *Node, available demand.Resources) *state {
	s.begin(k, true, false)
	s.capacity(n.Total, available)
	s.label(n.Labels)
	for _, name := range n.Gangs {
		if g, ok := s.catalog.gangs[name]; ok {
			s.building.gangs = withGang(s.building.gangs, g)
		}
	}
	return &s.intern(&s.building).blank
}

func (s *states) begin(k *kind, running, head bool) {
	b := &s.building
	b.kind, b.running, b.head, b.gpuNode = k, running, head, false
	b.rest, b.restUnused, b.gangs = b.rest[:0], 0, b.gangs[:0]
	clear(b.total)
	clear(b.known)
	for i, implicit := range s.catalog.implicit {
		b.free[i] = 0
		if implicit {
			b.free[i] = demand.Unit
		}
	}
}

// capacity walks three sorted lists at once: the node's total, what of it is
// available, and the resources that the demand names. Names are mostly equal, so
// that is asked first.
func (s *states) capacity(total, available demand.Resources) {
	b, names := &s.building, s.catalog.resources
	named := 0
	for _, e := range total {
		for len(available) > 0 && available[0].Name != e.Name && available[0].Name < e.Name {
			s.offer(available[0])
			available = available[1:]
		}
		known := len(available) > 0 && available[0].Name == e.Name
		var free demand.Amount
		if known {
			free, available = available[0].Amount, available[1:]
		}
		for named < len(names) && names[named] != e.Name && names[named] < e.Name {
			named++
		}
		b.gpuNode = b.gpuNode || e.Amount > 0 && e.Name == "GPU"
		if named < len(names) && names[named] == e.Name {
			s.own(named, e.Amount, free, known)
		} else if known && e.Amount > 0 {
			b.use(e.Amount, free)
		}
	}
	for _, e := range available {
		s.offer(e)
	}
}

// own sets a resource of the demand that is in the node's total.
func (s *states) own(r int, total, free demand.Amount, known bool) {
	b := &s.building
	b.total[r] = total
	if known {
		b.free[r], b.known[r] = free, true
	} else if total > 0 {
		b.free[r] = min(b.free[r], total)
	}
}

// offer sets a resource that is available but not in the node's total: an
// implicit one of which something is taken.
func (s *states) offer(e demand.Resource) {
	if r := s.catalog.number(e.Name); r != none {
		s.building.free[r], s.building.known[r] = e.Amount, true
	}
}

// use adds a resource that no demand names to the score.
func (b *body) use(total, free demand.Amount) {
	if free == total {
		b.restUnused++
		return
	}
	b.rest = append(b.rest, term{used: total - free, total: total})
}

func (s *states) label(labels demand.Labels) {
	for i, list := range s.catalog.selectors {
		s.building.labels[i] = 0
		for j, selector := range list {
			if selector.Matches(labels) {
				s.building.labels[i] = len(list) - j
				break
			}
		}
	}
}

// intern returns the one body that equals b, which it copies if it is new.
func (s *states) intern(b *body) *body {
	hash := b.hash(s.seed)
	first := s.bodies[hash]
	for known := first; known != nil; known = known.next {
		if known.equal(b) {
			return known
		}
	}
	out := s.body.new()
	*out = *b
	out.total, out.free, out.known = s.amounts.clone(b.total), s.amounts.clone(b.free), s.flags.clone(b.known)
	out.rest, out.labels, out.gangs = s.terms.clone(b.rest), s.numbers.clone(b.labels), s.numbers.clone(b.gangs)
	out.number, out.next = s.interned, first
	s.interned++
	out.blank = state{body: out, kinds: s.noKinds}
	s.bodies[hash] = out
	return out
}

func (b *body) equal(o *body) bool {
	return b.kind == o.kind && b.running == o.running && b.head == o.head && b.gpuNode == o.gpuNode && b.restUnused == o.restUnused &&
		slices.Equal(b.free, o.free) && slices.Equal(b.total, o.total) && slices.Equal(b.known, o.known) && slices.Equal(b.rest, o.rest) &&
		slices.Equal(b.labels, o.labels) && slices.Equal(b.gangs, o.gangs)
}

// hash is equal for equal bodies of one catalog.
func (b *body) hash(h uint64) uint64 {
	h = mix(h, uint64(b.kind.index)<<8|uint64(flags(b.running, b.head, b.gpuNode)))
	for i, known := range b.known {
		h = mix(mix(h, uint64(b.total[i])), uint64(b.free[i])<<1|uint64(flags(known)))
	}
	for _, l := range b.labels {
		h = mix(h, uint64(l))
	}
	for _, g := range b.gangs {
		h = mix(h, uint64(g))
	}
	for _, t := range b.rest {
		h = mix(mix(h, uint64(t.total)), uint64(t.used))
	}
	return mix(h, uint64(b.restUnused))
}

// mix is a hash of a number behind others.
func mix(h, n uint64) uint64 {
	high, low := bits.Mul64(h^n, 0x9e3779b97f4a7c15)
	return high ^ low ^ n
}

func flags(bits ...bool) (f byte) {
	for i, b := range bits {
		if b {
			f |= 1 << i
		}
	}
	return f
}

// withGang is a sorted set with one more gang.
func withGang(set []int, gang int) []int {
	i, found := slices.BinarySearch(set, gang)
	if found {
		return set
	}
	return slices.Insert(set, i, gang)
}

// remember returns the one state with this body and history.
func (s *states) remember(b *body, label int, gpu bool, kinds []bool) *state {
	last := &b.blank
	for known := last; known != nil; known = known.next {
		if known.label == label && known.gpu == gpu && slices.Equal(known.kinds, kinds) {
			return known
		}
		last = known
	}
	last.next = s.state.new()
	*last.next = state{body: b, label: label, gpu: gpu, kinds: s.flags.clone(kinds)}
	return last.next
}

// kinds numbers the node types of a request, and the unlisted types of its
// nodes behind them.
func kinds(q *Request) (byName map[string]*kind) {
	byName = make(map[string]*kind, len(q.NodeTypes))
	for i, t := range q.NodeTypes {
		byName[t.Name] = &kind{index: i, priority: t.Priority, recovered: orOne(t.RecoveredAvailability), cloud: orOne(t.CloudAvailability)}
	}
	for i := range q.Nodes {
		name := q.Nodes[i].Type
		if i > 0 && name == q.Nodes[i-1].Type {
			continue
		}
		if byName[name] == nil {
			byName[name] = &kind{index: len(byName), recovered: 1, cloud: 1}
		}
	}
	return byName
}

func orOne(f *float64) float64 {
	if f == nil {
		return 1
	}
	return *f
}
