package main

import (
	"encoding/json"
	"math/rand/v2"
	"strings"

	"github.com/rayburst/rayburst/demand"
)

// draw makes one random case. It has few distinct amounts, labels and shapes,
// so that much of the case is equal and ties have to be decided.
type draw struct {
	*rand.Rand
	// grid has the amounts of each resource of the case: nodes and requests
	// have small multiples of them.
	grid   map[string][]demand.Amount
	shapes []resources // of requests so far; requests repeat them
	traits
	percent
}

// traits are what a whole case is like.
type traits struct {
	allIdle  bool            // running nodes go unless they are needed, which shows who took demand
	own      bool            // every running node has a resource of its own, as real ones have
	implicit bool            // implicit resources are asked for and stated
	types    []demand.Amount // the grid's multiples that node types have
	requests []demand.Amount // and that requests have
}

// percent says how often something is so.
type percent struct {
	busy      int // a running node's resource is partly or wholly used
	joining   int // a node has not started
	running   int // a node's total, labels or gangs are its own
	labels    int // a node type has labels
	selectors int // a request has selectors
	allIdle   int // a case has that trait
	idle      int // otherwise: a running node is idle, a timeout is set
	ranks     int // a node type has a priority or an availability
	limits    int // the cluster has a maximum, a type a minimum
	repeats   int // a request is like an earlier one
	alike     int // a type's resources are like the others'
}

// newDraw draws the amounts of a case with these resources.
func newDraw(rng *rand.Rand, names ...string) *draw {
	d := &draw{Rand: rng, grid: map[string][]demand.Amount{}, percent: percent{
		busy: 30, joining: 15, running: 20, labels: 15, selectors: 12, allIdle: 70, idle: 30, ranks: 15, limits: 25, repeats: 45, alike: 45,
	}}
	d.traits = traits{own: d.chance(25), implicit: d.chance(10),
		types: []demand.Amount{1, 2, 3, 4, 8}, requests: []demand.Amount{1, 1, 1, 2, 3}}
	fine := d.chance(25)
	common := d.amounts("", fine) // for sums that tie
	for _, name := range names {
		d.grid[name] = common
		if strings.Contains(name, "memory") || d.chance(40) {
			d.grid[name] = d.amounts(name, fine)
		}
	}
	return d
}

// amounts are a resource's: whole ones, binary or decimal fractions.
func (d *draw) amounts(name string, fine bool) []demand.Amount {
	const unit, gib = demand.Unit, demand.Unit << 30
	switch {
	case strings.Contains(name, "memory"):
		return oneOf(d, []demand.Amount{gib}, []demand.Amount{4 * gib}, []demand.Amount{gib, 4 * gib}, []demand.Amount{1e9 * unit},
			[]demand.Amount{1_234_567_891 * unit}) // no power of 2: quotients round
	case fine:
		return oneOf(d, []demand.Amount{unit / 10}, []demand.Amount{unit / 5, unit / 10}, []demand.Amount{3 * unit / 10, unit},
			[]demand.Amount{1, unit}, []demand.Amount{13 * unit / 10, 7 * unit / 10}, []demand.Amount{unit / 3, unit})
	case d.chance(25):
		return oneOf(d, []demand.Amount{unit / 2}, []demand.Amount{unit / 4, unit / 2, unit}, []demand.Amount{3 * unit / 2})
	}
	return oneOf(d, []demand.Amount{unit}, []demand.Amount{unit}, []demand.Amount{unit, 2 * unit}, []demand.Amount{unit, 3 * unit},
		[]demand.Amount{2 * unit, 4 * unit})
}

func (d *draw) chance(percent int) bool { return d.IntN(100) < percent }

func oneOf[T any](d *draw, list ...T) T { return list[d.IntN(len(list))] }

// upTo is 1…most, small numbers more often.
func (d *draw) upTo(most int) int { return 1 + min(d.IntN(most), d.IntN(most)) }

// maybe is one of the numbers, or none.
func (d *draw) maybe(percent int, list ...json.Number) *json.Number {
	if !d.chance(percent) {
		return nil
	}
	return new(oneOf(d, list...))
}

// request and capacity are how many in a hundred requests and node types name
// a resource.
var (
	request  = map[string]int{"CPU": 92, "GPU": 30, "memory": 40, "object_store_memory": 20, "X": 30, "Y": 20}
	capacity = map[string]int{"CPU": 95, "GPU": 60, "memory": 75, "object_store_memory": 60, "X": 60, "Y": 50}
)

// bundle has some of the resources, in multiples of the grid.
func (d *draw) bundle(share map[string]int, times []demand.Amount) resources {
	r := resources{}
	for _, name := range sorted(d.grid) {
		if d.chance(share[name]) {
			r[name] = oneOf(d, d.grid[name]...) * oneOf(d, times...)
		}
	}
	return r
}

func (d *draw) labelsOfNode() map[string]string {
	m := map[string]string{}
	for _, key := range []string{"w", "z"} {
		if d.chance(60) {
			m[key] = oneOf(d, "a", "b", "c")
		}
	}
	return m
}

// selector may be empty.
func (d *draw) selector() map[string]string {
	m := map[string]string{}
	for _, key := range []string{"w", "z", "nowhere"} {
		if d.chance(map[string]int{"w": 40, "z": 70, "nowhere": 5}[key]) {
			m[key] = oneOf(d, "a", "a", "b", "!a", "!b", "in(a)", "in(a,b)", "in( b , a )", "in(c,a,c)", "!in(a)", "!in(b,c)", "!in( c )")
		}
	}
	return m
}
