package nodetypes

import (
	"cmp"
	"container/heap"
	"math"
	"slices"
)

// class is a set of nodes that take the same: they share the trial of the
// first of them, and only the first can win. For new nodes it is a type's
// candidate, with as many nodes as the type has room for.
type class struct {
	at    int    // position of the first: the first wins among equals
	n     int64  // how many stand there
	state *state // the first's
	last  int    // position of the last
	trial *trial
	rank  rank
	// group is that of another class only if their ranks are equal.
	group int
}

// queue is where existing nodes stand, and how those of a class follow on one
// another.
type queue struct {
	list []slot
	seen func(slot) *state
	next []int32 // by position: the next of the class, or none
}

// add puts a position behind the others of its class.
func (q *queue) add(c *class, at int, s *state) {
	q.next[at] = none
	if c.state == nil {
		c.at, c.n, c.state, c.last = at, q.list[at].n, s, at
		return
	}
	q.next[c.last], c.last = int32(at), at
}

// follows tells whether the next of a class is in the same state as the first.
func (q *queue) follows(c *class) bool {
	at := q.next[c.at]
	return at != none && q.seen(q.list[at]) == c.state
}

// advance makes the next position of a class its first; false: there is none.
func (q *queue) advance(c *class) bool {
	at := int(q.next[c.at])
	if at == none {
		return false
	}
	c.at, c.n, c.state = at, q.list[at].n, q.seen(q.list[at])
	return true
}

// win is n nodes, one after another at one position, that keep a trial.
type win struct {
	*trial
	at, n int32
}

// pool is a step's rounds over a list of classes (_sched_best_node): the
// class with the greatest rank wins and leaves the pool, until no class takes
// anything. It is a heap by rank, then position; ranks change only when a
// trial has to be done again. A trial that shrinks is done again only when its
// class comes to the top: until then its rank is too high, if anything.
type pool struct {
	*step
	queue   *queue // nil for new nodes
	classes []*class
	// high is at least the most that a trial takes of a run, shrinking trials
	// left aside; while every run has that much, those trials hold.
	high   []int64
	work   int64 // rounds that may still be done
	groups int
}

// maxRounds bounds the work of a step. Rounds depend on how much larger the
// largest node is than the one that wins, not on counts; only amounts that are
// chosen to do so (1e12 tasks, nodes of 1e14) reach it. What is left then is
// not placed.
const maxRounds = 1 << 20

func newPool(s *step, q *queue, classes []*class) *pool {
	p := &pool{step: s, queue: q, high: s.counts.make(len(s.runs)), work: maxRounds, classes: classes[:0]}
	s.precedents.begin(len(classes), len(s.free))
	for _, c := range classes {
		if c.trial = s.try(c.state, nil); c.trial != nil {
			p.score(c)
			p.classes = append(p.classes, c)
		}
	}
	s.precedents.end()
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
	if p.trace != nil && p.queue == nil {
		p.trace.won(p, c)
	}
	for _, t := range c.trial.takes {
		p.left[t.run] -= t.n * n
	}
	c.trial.won = true
	for n > 0 {
		now := min(n, math.MaxInt32)
		p.wins = append(p.wins, win{c.trial, int32(c.at), int32(now)})
		n -= now
	}
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
	p.precedents.begin(len(p.classes), len(p.free))
	p.classes = slices.DeleteFunc(p.classes, func(c *class) bool {
		return !c.trial.shrinks && !p.holds(c) && !p.renew(c)
	})
	p.precedents.end()
	p.raise()
}

// renew does the trial of a class again. It is false if the class takes
// nothing any more: it never will again in this step.
func (p *pool) renew(c *class) bool {
	if c.trial = p.try(c.state, c.trial); c.trial != nil {
		p.score(c)
	}
	return c.trial != nil
}

// score computes a class's rank anew.
func (p *pool) score(c *class) {
	p.rank(c.trial, &c.rank)
	p.groups++
	c.group = p.groups
}

// compare compares two classes' ranks. Equal ones become a group, as comparing
// them is what takes longest.
func compare(a, b *class) int {
	if a.group == b.group {
		return 0
	}
	c := a.rank.compare(&b.rank)
	if c == 0 {
		b.group = a.group
	}
	return c
}

// fill lets existing nodes win until nothing fits.
func (p *pool) fill() []win {
	before := len(p.wins)
	if len(p.classes) > 0 {
		p.wins = slices.Grow(p.wins, len(p.queue.list))
	}
	for c := p.best(); c != nil; c = p.best() {
		p.advance(c, p.winInRow(c))
		p.settle()
	}
	return p.wins[before:]
}

// winInRow lets the best class win as long as all trials hold: at one position,
// or, where no other class ties, from position to position. It returns how many
// have won at the position that it has come to.
func (p *pool) winInRow(c *class) int64 {
	rounds, alone := p.rounds(c.trial.takes, math.MaxInt64), !p.ties()
	for {
		n := min(rounds, c.n)
		p.win(c, n)
		if rounds -= n; rounds == 0 || !alone || !p.queue.follows(c) {
			return n
		}
		p.queue.advance(c)
	}
}

// ties tells whether the best class has an equal: it is next to it in the heap.
func (p *pool) ties() bool {
	return slices.ContainsFunc(p.classes[1:min(3, len(p.classes))], func(c *class) bool {
		return compare(c, p.classes[0]) == 0
	})
}

// advance drops the first n nodes of the best class. Nodes that do not run
// yet may have another history than the first of their class.
func (p *pool) advance(c *class, n int64) {
	if c.n -= n; c.n > 0 {
		return
	}
	if !p.queue.advance(c) {
		heap.Pop(p)
		return
	}
	if c.state != c.trial.state {
		c.trial = p.trial(c.state, p.takes.clone(c.trial.takes), nil)
		c.trial.shrinks = p.shrinks(c.state, c.trial.takes)
		p.score(c)
	}
	heap.Fix(p, 0)
}

// launch lets new nodes win, at most so many. The winner's next candidate
// goes to the end of the list, so equal types take turns.
func (p *pool) launch(most int64) []win {
	before := len(p.wins)
	for c := p.best(); c != nil && most > 0; c = p.best() {
		equal := p.equals()
		if n := p.turns(equal, most); n > 0 {
			most -= n * int64(len(equal))
			p.settle()
			continue
		}
		c = equal[0]
		n := min(p.rounds(c.trial.takes, c.n), most)
		if len(equal) > 1 {
			n = 1
		}
		most -= n
		p.win(c, n)
		p.toEnd(c, n)
		p.settle()
	}
	return p.wins[before:]
}

// toEnd moves a type behind the other candidates after n of its nodes won.
func (p *pool) toEnd(c *class, n int64) {
	i := slices.Index(p.classes, c)
	if c.n -= n; c.n == 0 {
		heap.Remove(p, i)
		return
	}
	for _, o := range p.classes {
		c.at = max(c.at, o.at+1)
	}
	heap.Fix(p, i)
}

// equals are the classes of the best rank, in list order, all trials up to
// date. There is at least one.
func (p *pool) equals() []*class {
	p.tried, p.equal = append(p.tried[:0], p.classes...), p.equal[:0]
	for _, c := range p.tried {
		if compare(c, p.classes[0]) != 0 {
			continue
		}
		if !p.holds(c) {
			p.refresh(c)
			return p.equals()
		}
		p.equal = append(p.equal, c)
	}
	slices.SortFunc(p.equal, func(a, b *class) int { return cmp.Compare(a.at, b.at) })
	return p.equal
}

// turns lets equal types win in turns, as many whole turns as all trials hold
// for. It returns their number.
func (p *pool) turns(equal []*class, most int64) int64 {
	if len(equal) < 2 {
		return 0
	}
	n := most / int64(len(equal))
	for _, c := range equal {
		n = min(n, c.n)
	}
	if n = min(n, p.rounds(sumOf(equal), n+1)-1); n <= 0 {
		return 0 // the others keep their places before and between these
	}
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
	if c := compare(a, b); c != 0 {
		return c > 0
	}
	return a.at < b.at
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
