package nodetypes

import (
	"cmp"
	"container/heap"
	"slices"
)

// place is where nodes of a class stand: n equal ones at one position.
type place struct {
	at    int // position: the first wins among equals
	n     int64
	state *state
	next  *place // of the class, further back
}

// class is a set of nodes that take the same: they share the trial of the
// first of them, and only the first can win. For new nodes it is a type's
// candidate, with as many nodes as the type has room for.
type class struct {
	first, last *place // in list order; the first is in the trial
	trial       *trial
	rank        rank
}

// add puts a place behind the others.
func (c *class) add(p *place) {
	if c.last == nil {
		c.first, c.last = p, p
		return
	}
	c.last.next, c.last = p, p
}

// win is n nodes, one after another at one position, that keep a trial.
type win struct {
	*trial
	at int
	n  int64
}

// pool is a step's rounds over a list of classes (_sched_best_node): the
// class with the greatest rank wins and leaves the pool, until no class takes
// anything. It is a heap by rank, then position; ranks change only when a
// trial has to be done again. A trial that shrinks is done again only when its
// class comes to the top: until then its rank is too high, if anything.
type pool struct {
	*step
	classes []*class
	// high is at least the most that a trial takes of a run, shrinking trials
	// left aside; while every run has that much, those trials hold.
	high []int64
	wins []win
	work int64 // rounds that may still be done
}

// maxRounds bounds the work of a step. Rounds depend on how much larger the
// largest node is than the one that wins, not on counts; only amounts that are
// chosen to do so (1e12 tasks, nodes of 1e14) reach it. What is left then is
// not placed.
const maxRounds = 1 << 20

func newPool(s *step, classes []*class) *pool {
	p := &pool{step: s, high: make([]int64, len(s.runs)), work: maxRounds}
	for _, c := range classes {
		if c.trial = s.try(c.first.state); c.trial != nil {
			s.rank(c.trial, &c.rank)
			p.classes = append(p.classes, c)
		}
	}
	p.raise()
	return p
}

// raise computes high and orders the heap.
func (p *pool) raise() {
	clear(p.high)
	for _, c := range p.classes {
		if c.trial.shrinks {
			continue
		}
		p.lift(c.trial.takes)
	}
	heap.Init(p)
}

// rounds is how many times running a class that takes these can win before a
// trial may have to be done again: at least once.
func (p *pool) rounds(takes []take, most int64) int64 {
	for _, t := range takes {
		most = min(most, (p.left[t.run]-max(p.high[t.run], t.n))/t.n+1)
	}
	return most
}

// best is the class that wins the next round, its trial up to date, or nil if
// none takes anything.
func (p *pool) best() *class {
	for p.work--; len(p.classes) > 0 && p.work > 0; {
		c := p.classes[0]
		if p.holds(c) {
			return c
		}
		p.refresh(c)
	}
	return nil
}

// refresh does the trial of a class again and puts it in its place.
func (p *pool) refresh(c *class) {
	i := slices.Index(p.classes, c)
	if !p.renew(c) {
		heap.Remove(p, i)
		return
	}
	heap.Fix(p, i)
	if !c.trial.shrinks {
		p.lift(c.trial.takes)
	}
}

func (p *pool) lift(takes []take) {
	for _, t := range takes {
		p.high[t.run] = max(p.high[t.run], t.n)
	}
}

// holds tells whether there is still as much as the trial takes.
func (p *pool) holds(c *class) bool {
	for _, t := range c.trial.takes {
		if t.n > p.left[t.run] {
			return false
		}
	}
	return true
}

// win lets the first n nodes of the best class keep their trial.
func (p *pool) win(c *class, n int64) {
	for _, t := range c.trial.takes {
		p.left[t.run] -= t.n * n
	}
	p.wins = append(p.wins, win{c.trial, c.first.at, n})
}

// settle does the trials again that no longer hold, after the best class won.
func (p *pool) settle() {
	holds := true
	for i, n := range p.left {
		holds = holds && n >= p.high[i]
	}
	if holds {
		return
	}
	p.classes = slices.DeleteFunc(p.classes, func(c *class) bool {
		return !c.trial.shrinks && !p.holds(c) && !p.renew(c)
	})
	p.raise()
}

// renew does the trial of a class again. It is false if the class takes
// nothing any more: it never will again in this step.
func (p *pool) renew(c *class) bool {
	if c.trial = p.try(c.first.state); c.trial != nil {
		p.rank(c.trial, &c.rank)
	}
	return c.trial != nil
}

// fill lets existing nodes win until nothing fits.
func (p *pool) fill() []win {
	for c := p.best(); c != nil; c = p.best() {
		n := p.rounds(c.trial.takes, c.first.n)
		p.win(c, n)
		p.advance(c, n)
		p.settle()
	}
	return p.wins
}

// advance drops the first n nodes of the best class. Nodes that do not run
// yet may have another history than the first of their class.
func (p *pool) advance(c *class, n int64) {
	if c.first.n -= n; c.first.n > 0 {
		return
	}
	if c.first = c.first.next; c.first == nil {
		heap.Pop(p)
		return
	}
	if next := c.first.state; next != c.trial.state {
		c.trial = p.trial(next, c.trial.takes)
		p.rank(c.trial, &c.rank)
	}
	heap.Fix(p, 0)
}

// launch lets new nodes win, at most so many. The winner's next candidate
// goes to the end of the list, so equal types take turns.
func (p *pool) launch(most int64) []win {
	for c := p.best(); c != nil && most > 0; c = p.best() {
		equal := p.equals()
		if n := p.turns(equal, most); n > 0 {
			most -= n * int64(len(equal))
			p.settle()
			continue
		}
		c = equal[0]
		n := min(p.rounds(c.trial.takes, c.first.n), most)
		if len(equal) > 1 {
			n = 1
		}
		most -= n
		p.win(c, n)
		p.toEnd(c, n)
		p.settle()
	}
	return p.wins
}

// toEnd moves a type behind the other candidates after n of its nodes won.
func (p *pool) toEnd(c *class, n int64) {
	i := slices.Index(p.classes, c)
	if c.first.n -= n; c.first.n == 0 {
		heap.Remove(p, i)
		return
	}
	for _, o := range p.classes {
		c.first.at = max(c.first.at, o.first.at+1)
	}
	heap.Fix(p, i)
}

// equals are the classes of the best rank, in list order, all trials up to
// date. There is at least one.
func (p *pool) equals() []*class {
	var out []*class
	for _, c := range slices.Clone(p.classes) {
		if c.rank.compare(&p.classes[0].rank) != 0 {
			continue
		}
		if !p.holds(c) {
			p.refresh(c)
			return p.equals()
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b *class) int { return cmp.Compare(a.first.at, b.first.at) })
	return out
}

// turns lets equal types win in turns, as many whole turns as all trials hold
// for. It returns their number.
func (p *pool) turns(equal []*class, most int64) int64 {
	if len(equal) < 2 {
		return 0
	}
	n := most / int64(len(equal))
	for _, c := range equal {
		n = min(n, c.first.n)
	}
	n = min(n, p.rounds(sumOf(equal), n+1)-1)
	p.winInTurns(equal, n)
	for _, c := range equal {
		p.toEnd(c, n)
	}
	return n
}

// sumOf is what one turn of all classes takes.
func sumOf(classes []*class) []take {
	var out []take
	for _, c := range classes {
		out = append(out, c.trial.takes...)
	}
	slices.SortFunc(out, func(a, b take) int { return cmp.Compare(a.run, b.run) })
	sum := out[:0]
	for _, t := range out {
		if n := len(sum); n > 0 && sum[n-1].run == t.run {
			sum[n-1].n += t.n
		} else {
			sum = append(sum, t)
		}
	}
	return sum
}

// winInTurns records n turns. Where their order cannot matter any more it
// records them by class, so that the cost does not grow with n.
func (p *pool) winInTurns(equal []*class, n int64) {
	turns, each := n, int64(1)
	if p.last {
		turns, each = min(n, 1), n
	}
	for range turns {
		for _, c := range equal {
			p.win(c, each)
		}
	}
}

func (p *pool) Len() int { return len(p.classes) }

func (p *pool) Less(i, j int) bool {
	a, b := p.classes[i], p.classes[j]
	if c := a.rank.compare(&b.rank); c != 0 {
		return c > 0
	}
	return a.first.at < b.first.at
}

func (p *pool) Swap(i, j int) { p.classes[i], p.classes[j] = p.classes[j], p.classes[i] }

// Push is never called: classes only leave.
func (p *pool) Push(any) {}

func (p *pool) Pop() any {
	last := len(p.classes) - 1
	c := p.classes[last]
	p.classes = p.classes[:last]
	return c
}
