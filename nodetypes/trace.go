package nodetypes

import "slices"

// trace notes what the steps of a plan do. Schedule has none.
type trace struct {
	plan       *plan
	contests   []*contest // of the step, by run
	constraint []Item
	gangs      [][]Item
	tasks      []Item
}

// contest is the round in which a new node first took a run.
type contest struct {
	winner int // node type
	best   Score
	lost   map[int]defeat // by node type
}

type defeat struct {
	score Score
	why   string
}

func (t *trace) begin(s *step) {
	s.trace, t.contests = t, make([]*contest, len(s.runs))
}

func (t *trace) items() []Item {
	return slices.Concat(t.constraint, slices.Concat(t.gangs...), t.tasks)
}

// won notes the contest for the runs that a new node is the first to take. It
// is asked before they are taken.
func (t *trace) won(p *pool, winner *class) {
	var here *contest
	for _, k := range winner.trial.takes {
		if t.contests[k.run] != nil {
			continue
		}
		if here == nil {
			here = t.contest(p, winner)
		}
		t.contests[k.run] = here
	}
}

// contest ranks all candidates anew: a rank that the pool keeps may be of more
// than is left.
func (t *trace) contest(p *pool, winner *class) *contest {
	best := rank{}
	p.rank(winner.trial, &best)
	out := &contest{winner: best.kind.index, best: best.score(), lost: map[int]defeat{}}
	name := t.plan.NodeTypes[out.winner].Name
	for _, c := range p.classes {
		if c == winner {
			continue
		}
		if tried := p.try(c.state, nil); tried != nil {
			r := rank{}
			p.rank(tried, &r)
			out.lost[r.kind.index] = defeat{r.score(), r.defeat(&best, name)}
		}
	}
	return out
}

func (t *trace) gang(i int, o outcome) {
	g := t.plan.Demand.Gangs[i]
	items := t.step(GangItem, bundles(g), o)
	for j := range items {
		items[j].Gang, items[j].Strategy = g.Name, g.Strategy
	}
	t.gangs[i] = items
}

// scoreOf is the type's score, nil if it was not compared.
func (c *contest) scoreOf(t int) *Score {
	if c != nil && c.winner == t {
		return &c.best
	}
	if d, ok := c.defeatOf(t); ok {
		return &d.score
	}
	return nil
}

func (c *contest) defeatOf(t int) (defeat, bool) {
	if c == nil {
		return defeat{}, false
	}
	d, ok := c.lost[t]
	return d, ok
}
