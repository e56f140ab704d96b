package nodetypes

import (
	"slices"

	"github.com/rayburst/rayburst/demand"
)

// precedent is what a node takes of what is left now. Most nodes differ in
// amounts that decide nothing: they take the same without a try of their own.
type precedent struct {
	body  *body
	takes []take
	used  []demand.Amount // by resource
	// bound has a bit for each resource that has kept a run out or ended it.
	bound uint64
	// shrinks is false if the trial of one that takes this does not shrink. Then
	// it is not asked of others: it is always safe to say so.
	shrinks bool
}

// covers tells whether another node takes the same: of the resources that have
// decided something it has as much free, of the others as much as is used.
// Whatever else it has free would have decided nothing either.
func (p *precedent) covers(b *body) bool {
	for r, free := range b.free {
		if free != p.body.free[r] && (p.bound>>r&1 == 1 || free < p.used[r]) {
			return false
		}
	}
	for i, label := range b.labels {
		if (label > 0) != (p.body.labels[i] > 0) {
			return false
		}
	}
	return true
}

// precedents are those of one batch of tries, between which nothing is placed.
type precedents struct {
	list  []precedent
	n     int
	found int // how many more tries were spared than looked for in vain
	open  bool
	alone precedent // of a node, where none are kept
}

const (
	// fewestTries is how many a batch must have to look for precedents.
	fewestTries = 16
	// maxPrecedents bounds the search.
	maxPrecedents = 64
	// maxInVain ends it where nodes differ in what decides.
	maxInVain = 16
)

// begin begins a batch of so many tries, end ends it.
func (p *precedents) begin(tries, resources int) {
	p.n, p.found, p.open = 0, 0, tries >= fewestTries && resources <= 64
	if p.open {
		p.list = slices.Grow(p.list, maxPrecedents-len(p.list))
	}
}

func (p *precedents) end() { p.open = false }

// of is the precedent that covers a node, or nil.
func (p *precedents) of(b *body) *precedent {
	if !p.open {
		return nil
	}
	for i := range p.list[:p.n] {
		if p.list[i].covers(b) {
			p.found++
			return &p.list[i]
		}
	}
	p.found--
	p.open = p.found > -maxInVain
	return nil
}

// addPrecedent is a node's own: what it has just taken. In a batch it is kept.
func (s *step) addPrecedent(b *body, bound uint64) *precedent {
	p := &s.precedents
	if !p.open || p.n == maxPrecedents {
		p.alone = precedent{takes: s.trying, shrinks: true}
		return &p.alone
	}
	if p.n == len(p.list) {
		p.list = append(p.list, precedent{used: s.used.make(len(b.free))})
	}
	c := &p.list[p.n]
	p.n++
	if cap(c.takes) < len(s.trying) {
		c.takes = s.takes.make(len(s.trying))
	}
	c.body, c.bound, c.shrinks, c.takes = b, bound, true, append(c.takes[:0], s.trying...)
	for r, free := range b.free {
		c.used[r] = free - s.free[r]
	}
	return c
}
