package main

import (
	"fmt"

	"github.com/rayburst/rayburst/demand"
)

// tasks draws at most so many entries with counts up to most; some are 0.
func (d *draw) tasks(entries, most int) []shape {
	var out []shape
	most = d.upTo(most)
	for range 1 + d.IntN(entries) {
		s := d.shape(most)
		if d.chance(5) {
			s.Count = new(0)
		}
		for s.Selector != nil && d.chance(45) {
			s.Fallback = append(s.Fallback, d.selector())
		}
		out = append(out, s)
	}
	return out
}

// bundles draws entries without fallbacks.
func (d *draw) bundles(entries, most int) []shape {
	var out []shape
	for range 1 + d.IntN(entries) {
		out = append(out, d.shape(most))
	}
	return out
}

func (d *draw) shape(most int) shape {
	s := shape{Resources: d.needs()}
	if n := d.upTo(most); n > 1 || d.chance(30) {
		s.Count = new(n)
	}
	if d.chance(d.selectors) {
		if selector := d.selector(); len(selector) > 0 {
			s.Selector = selector
		}
	}
	return s
}

// needs are those of an earlier request, or new ones.
func (d *draw) needs() resources {
	if len(d.shapes) > 0 && d.chance(d.repeats) {
		return oneOf(d, d.shapes...)
	}
	r := d.bundle(request, d.requests)
	switch {
	case len(d.shapes) > 0 && d.chance(15):
		r = d.shifted(oneOf(d, d.shapes...))
	case d.chance(4):
		clear(r)
	case d.chance(2):
		r[oneOf(d, sorted(d.grid)...)] = 0
	}
	if d.implicit && d.chance(40) {
		r[implicit+oneOf(d, "a", "b")] = oneOf[demand.Amount](d, 1, 2, 4, 5) * demand.Unit / 4
	}
	if d.own && d.chance(10) {
		r[fmt.Sprintf("node:10.0.0.n%02d", d.IntN(5))] = demand.Unit / oneOf[demand.Amount](d, 1, 2, 1000)
	}
	d.shapes = append(d.shapes, r)
	return r
}

// shifted has the amounts of a bundle under other names: as many, the same sum.
func (d *draw) shifted(r resources) resources {
	out, names := resources{}, sorted(d.grid)
	for i, name := range names {
		if a, ok := r[name]; ok {
			out[names[(i+1)%len(names)]] = a
		}
	}
	return out
}

// gangs draws at most so many, each of entries with counts up to bundles.
func (d *draw) gangs(most, entries, bundles int, strategies ...string) []gang {
	var out []gang
	for i := range 1 + d.IntN(most) {
		g := gang{Name: fmt.Sprint("g", i), Strategy: oneOf(d, strategies...), Bundles: d.bundles(entries, bundles)}
		if d.chance(10) {
			g.Name = ""
		}
		out = append(out, g)
	}
	return out
}
