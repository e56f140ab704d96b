package nodetypes

import (
	"slices"

	"github.com/rayburst/rayburst/demand"
)

// trial is what a node in one state takes of the runs that are left, in
// sorted order, each as often as it fits, without backtracking: try_schedule
// of Ray, with counts.
//
// It holds as long as every run has at least what the trial takes of it: what
// a run may take depends on the runs before it alone, and is the lesser of
// what fits and what is left. So a trial is done again only when a run falls
// below takes, whatever the number of tasks.
type trial struct {
	state *state
	takes []take // in the order of the runs
	next  *state // the node's state afterwards; nil until asked for
	won   bool   // a node has kept it, so it must not change
	// shrinks tells that with less left the node could only take less of
	// everything, so that its rank could only fall.
	shrinks bool
}

// take is how often a node takes a run: at least once.
type take struct {
	run int32
	n   int64
}

// step is the placing of one list of runs: a constraint, a gang, or all tasks.
type step struct {
	*scratch
	states   *states
	conserve bool
	runs     []run
	left     []int64 // by run
	skip     []int32 // by run: where the next one may be of which something is left
	floors   floors
	// spread is the gang of which a node takes at most one bundle, or none.
	spread int
	// last tells that no step follows: the order of new nodes does not matter.
	last  bool
	trace *trace // nil: nobody asks why
}

// newStep begins a step; what the step before has found is gone.
func newStep(s *states, conserve bool, runs []run) *step {
	s.scratch.reset()
	out := &step{scratch: &s.scratch, states: s, conserve: conserve, runs: runs, spread: none, floors: newFloors(len(s.catalog.resources), runs),
		left: s.scratch.counts.make(len(runs)), skip: s.scratch.places.make(len(runs))}
	for i, r := range runs {
		out.left[i], out.skip[i] = r.count, int32(i)+1
	}
	return out
}

// from is the first run at or behind i of which something is left, or the
// number of runs. What is used up stays so within a step.
func (s *step) from(i int) int {
	j := i
	for j < len(s.left) && s.left[j] == 0 {
		j = int(s.skip[j])
	}
	for i < j {
		i, s.skip[i] = int(s.skip[i]), int32(j)
	}
	return j
}

// done tells whether nothing is left to place.
func (s *step) done() bool {
	return !slices.ContainsFunc(s.left, func(n int64) bool { return n > 0 })
}

// try fills a node with what is left, in the place of a trial that is not
// needed any more. It is nil if the node takes nothing.
func (s *step) try(st *state, old *trial) *trial {
	if s.spread != none && slices.Contains(st.gangs, s.spread) {
		return nil
	}
	p := s.precedentOf(st.body)
	if len(p.takes) == 0 {
		return nil
	}
	takes := p.takes
	if old == nil || old.won || cap(old.takes) < len(takes) {
		takes = s.takes.clone(takes)
	} else {
		takes = append(old.takes[:0], takes...)
	}
	out := s.trial(st, takes, old)
	out.shrinks = p.shrinks && s.shrinks(st, takes)
	p.shrinks = out.shrinks
	return out
}

// precedentOf is what a node takes of what is left, until the next call.
func (s *step) precedentOf(b *body) *precedent {
	if p := s.precedents.of(b); p != nil {
		return p
	}
	bound := s.fill(b)
	return s.addPrecedent(b, bound)
}

// fill takes what fits into s.trying. bound has a bit for each resource, of the
// first 64, that has kept a run out or ended it.
func (s *step) fill(b *body) (bound uint64) {
	copy(s.free, b.free)
	s.trying = s.trying[:0]
	for i := s.from(0); i < len(s.runs); i = s.from(i + 1) {
		if r := s.floors.above(s.free, i); r != none {
			return bound | 1<<r
		}
		k, by := s.fit(b, i)
		if by != none {
			bound |= 1 << by
		}
		if k == 0 {
			continue
		}
		s.trying = append(s.trying, take{int32(i), k})
		for _, n := range s.runs[i].needs {
			s.free[n.resource] -= n.amount * demand.Amount(k)
		}
		if s.spread != none {
			break
		}
	}
	return bound
}

func (s *step) trial(st *state, takes []take, old *trial) *trial {
	if old == nil || old.won {
		old = s.trials.new()
	}
	*old = trial{state: st, takes: takes}
	return old
}

// shrinks is trial.shrinks: each run that the node could ever take, but for
// the first, is taken whole, so nothing waits for what another leaves free.
// The label must not rise when its request is gone.
func (s *step) shrinks(st *state, takes []take) bool {
	first, label := true, st.label
	for i := s.from(0); i < len(s.runs); i = s.from(i + 1) {
		k := int64(0)
		if len(takes) > 0 && int(takes[0].run) == i {
			k, takes = takes[0].n, takes[1:]
		}
		switch {
		case k > 0 || s.couldTake(st.body, i):
		case len(takes) == 0 && s.floors.above(st.free, i) != none:
			return true
		default:
			continue
		}
		r := &s.runs[i]
		if k < s.left[i] && !first {
			return false
		}
		first = false
		if r.selectors != none && label == 0 {
			label = st.labels[r.selectors]
		}
		if r.selectors != none && st.label == 0 && st.labels[r.selectors] > label {
			return false
		}
		if slices.ContainsFunc(r.needs, func(n need) bool { return st.total[n.resource] > 0 && !st.known[n.resource] }) {
			return false
		}
	}
	return true
}

// couldTake tells whether an untouched node could take one of run i.
func (s *step) couldTake(b *body, i int) bool {
	r := &s.runs[i]
	return s.left[i] > 0 && (r.selectors == none || b.labels[r.selectors] > 0) &&
		!slices.ContainsFunc(r.needs, func(n need) bool { return b.free[n.resource] < n.amount })
}

// fit is how often run i fits into s.free, at most as often as it is left. by is
// the resource that does not let it be more often, or none.
func (s *step) fit(b *body, i int) (k int64, by int) {
	r := &s.runs[i]
	if s.left[i] == 0 || r.selectors != none && b.labels[r.selectors] == 0 {
		return 0, none
	}
	k, by = s.left[i], none
	if s.spread != none {
		k = 1
	}
	for _, n := range r.needs {
		free := s.free[n.resource]
		if free < n.amount {
			return 0, n.resource
		}
		if fits := int64(free / n.amount); fits < k {
			k, by = fits, n.resource
		}
	}
	return k, by
}

// after computes s.free and s.known for a node that took k.
func (s *step) after(b *body, takes []take) {
	copy(s.free, b.free)
	copy(s.known, b.known)
	for _, t := range takes {
		for _, n := range s.runs[t.run].needs {
			s.free[n.resource] -= n.amount * demand.Amount(t.n)
			s.known[n.resource] = true
		}
	}
}

// rank scores a node after a trial: over all that this pass's demand placed
// on it, earlier gangs included.
func (s *step) rank(t *trial, r *rank) {
	st := t.state
	s.after(st.body, t.takes)
	label, gpu := s.history(t)
	r.kind, r.label, r.kinds = st.kind, label, 0
	r.gpuOK = !s.conserve || !st.gpuNode || gpu
	for _, k := range s.kinds {
		if k {
			r.kinds++
		}
	}
	if r.terms == nil {
		r.terms = s.terms.make(len(st.rest) + len(st.total))
	}
	r.terms, r.unused = append(r.terms[:0], st.rest...), st.restUnused
	for i, total := range st.total {
		switch {
		case total == 0 || !s.known[i]:
		case s.free[i] == total:
			r.unused++
		default:
			r.terms = append(r.terms, term{total - s.free[i], total})
		}
	}
	r.settle()
}

// history is the node's history after a trial, its kinds in s.kinds.
func (s *step) history(t *trial) (label int, gpu bool) {
	label, gpu = t.state.label, t.state.gpu
	copy(s.kinds, t.state.kinds)
	for _, k := range t.takes {
		r := &s.runs[k.run]
		gpu = gpu || r.gpu
		if label == 0 && r.selectors != none {
			label = t.state.labels[r.selectors]
		}
		for _, n := range r.needs {
			s.kinds[n.resource] = s.kinds[n.resource] || t.state.total[n.resource] > 0
		}
	}
	return label, gpu
}

// commit is the state of a node that keeps what a trial took.
func (s *step) commit(t *trial) *state {
	if t.next != nil {
		return t.next
	}
	label, gpu := s.history(t)
	s.after(t.state.body, t.takes)
	b := *t.state.body
	b.free, b.known = s.free, s.known
	if s.spread != none && !b.running {
		b.gangs = withGang(slices.Clone(b.gangs), s.spread)
	}
	t.next = s.states.remember(s.states.intern(&b), label, gpu, s.kinds)
	return t.next
}
