package nodetypes

import "github.com/rayburst/rayburst/demand"

// arena hands out zero values side by side, many from one allocation, and
// takes them back all at once.
type arena[T any] struct {
	chunk []T
	at    int
	size  int // of all chunks since the last reset
	want  int // of the next chunk, at least
}

// smallestChunk is how many values an allocation is for at least; later ones
// are for half of what there is.
const smallestChunk = 24

// make is n zero values, until the arena is reset.
func (a *arena[T]) make(n int) []T {
	if len(a.chunk)-a.at < n {
		a.chunk, a.at = make([]T, max(n, smallestChunk, a.size/2, a.want)), 0
		a.size += len(a.chunk)
	}
	out := a.chunk[a.at : a.at+n : a.at+n]
	a.at += n
	clear(out)
	return out
}

// new is one zero value.
func (a *arena[T]) new() *T { return &a.make(1)[0] }

// clone is a copy.
func (a *arena[T]) clone(of []T) []T {
	out := a.make(len(of))
	copy(out, of)
	return out
}

// reset takes everything back: whoever still holds a value loses it. If it took
// several chunks, it will take one.
func (a *arena[T]) reset() {
	if a.at = 0; a.size > len(a.chunk) {
		a.want, a.size, a.chunk = a.size, 0, nil
	}
}

// scratch is the memory that the steps of a plan use one after another.
type scratch struct {
	takes   arena[take]
	terms   arena[term]
	trials  arena[trial]
	classes arena[class]
	lists   arena[*class]
	counts  arena[int64]
	places  arena[int32]
	flags   arena[bool]
	used    arena[demand.Amount]
	wins    []win
	class   []*class // of existing nodes
	equal   []*class
	tried   []*class
	trying  []take
	free    []demand.Amount
	known   []bool
	kinds   []bool

	precedents precedents
}

// expect sizes the first allocations.
func (s *scratch) expect(classes int) {
	s.takes.want, s.terms.want, s.trials.want, s.classes.want = classes, classes, classes, classes
}

func (s *scratch) reset() {
	s.takes.reset()
	s.terms.reset()
	s.trials.reset()
	s.classes.reset()
	s.lists.reset()
	s.counts.reset()
	s.places.reset()
	s.flags.reset()
	s.used.reset()
	s.precedents.list = s.precedents.list[:0]
	s.wins = s.wins[:0]
}
