package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/rayburst/rayburst/demand"
)

const implicit = "node:__internal_implicit_resource_"

func sorted[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// cluster draws a case without demand: at most so many types and nodes.
func (d *draw) cluster(types, nodes int) planCase {
	c := planCase{NodeTypes: d.nodeTypes(types)}
	if d.traits.allIdle = d.chance(d.percent.allIdle); d.traits.allIdle {
		c.IdleTimeout = new(oneOf[json.Number](d, "0", "5"))
	} else if d.chance(d.idle) {
		c.IdleTimeout = new(oneOf(d, timeouts...))
	}
	if d.chance(20) {
		c.Conserve = new(false)
	}
	if d.chance(d.limits) {
		c.MaxWorkers = new(1 + d.IntN(nodes+4))
	}
	c.Nodes = d.nodes(c.NodeTypes, oneOf(d, d.IntN(3), d.IntN(nodes+1), nodes))
	return c
}

// nodeTypes has types that are equal but for their order, their names or one
// amount, and types that are not alike.
func (d *draw) nodeTypes(most int) []nodeType {
	names := []string{"b", "a", "d", "c", "e"}
	if d.chance(50) {
		d.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	}
	base := d.bundle(capacity, d.types)
	var out []nodeType
	for i := range 1 + d.IntN(most) {
		t := d.nodeType(names[i])
		switch {
		case d.chance(d.alike):
			t.Resources = base
		case d.chance(40):
			t.Resources = d.changed(base)
		default:
			t.Resources = d.bundle(capacity, d.types)
		}
		out = append(out, t)
	}
	return out
}

// changed is a bundle with one amount more, other or 0.
func (d *draw) changed(base resources) resources {
	r := maps.Clone(base)
	name := oneOf(d, sorted(d.grid)...)
	r[name] = oneOf(d, d.grid[name]...) * oneOf[demand.Amount](d, 0, 1, 2, 3, 8)
	return r
}

func (d *draw) nodeType(name string) nodeType {
	t := nodeType{Name: name}
	if d.chance(d.limits) {
		t.MinWorkers = oneOf(d, 1, 1, 2, 3)
	}
	if d.chance(80) {
		t.MaxWorkers = new(t.MinWorkers + oneOf(d, d.IntN(5), 6, 10, 20, 100))
	}
	if d.chance(d.labels) {
		t.Labels = d.labelsOfNode()
	}
	t.IdleTimeout = d.maybe(d.idle/3, timeouts...)
	if d.chance(d.ranks) {
		t.Priority = oneOf(d, -1, 1, 1, 10)
	}
	t.Recovered = d.maybe(d.ranks, "0", "0.5", "1", "1")
	t.Cloud = d.maybe(d.ranks, "0", "0.5", "1", "1")
	return t
}

// nodes are mostly of one type. Their ids are not in the order of the list.
func (d *draw) nodes(types []nodeType, n int) []node {
	ids := d.Perm(n)
	most, head := oneOf(d, types...), d.chance(40)
	var out []node
	for i := range n {
		t := most
		if d.chance(40) {
			t = oneOf(d, types...)
		}
		x := d.node(fmt.Sprintf("n%02d", ids[i]), t)
		if head && x.Type == t.Name && d.chance(30) {
			x.Head, head = true, false
		}
		out = append(out, x)
	}
	return out
}

func (d *draw) node(id string, t nodeType) node {
	x := node{ID: id, Type: t.Name}
	switch {
	case d.chance(d.joining):
		x.Status = "joining"
	case d.chance(5):
		x.Status = "draining"
	case d.chance(10):
		x.Status = "running"
	}
	if d.chance(1) {
		x.Type = "unlisted"
	}
	if x.Status == "joining" || x.Status == "draining" {
		return x
	}
	d.fill(&x, t)
	switch {
	case d.traits.allIdle && d.chance(90):
		x.Idle = "61"
	case d.chance(d.idle):
		x.Idle = oneOf(d, idleTimes...)
	}
	if d.chance(d.running) {
		x.Labels = d.labelsOfNode()
	}
	for d.chance(min(2*d.running, 40)) {
		x.Gangs = append(x.Gangs, oneOf(d, "g0", "g1", "g2", "elsewhere"))
	}
	return x
}

// fill gives a running node its total and what of it is available.
func (d *draw) fill(x *node, t nodeType) {
	total := maps.Clone(t.Resources)
	if d.chance(d.running) {
		total = d.changed(total)
		x.Total = total
	}
	if d.own {
		total["node:10.0.0."+x.ID] = demand.Unit
		x.Total = total
	}
	if d.implicit && d.chance(30) {
		total[implicit+"a"] = oneOf[demand.Amount](d, 1, 2, 3) * demand.Unit
		x.Total = total
	}
	if x.Type != t.Name {
		x.Total = total
	}
	if d.chance(2 * d.busy) {
		x.Available = d.free(total)
	}
}

// free is what is left of a total. A resource that is wholly used is left out
// or 0: Ray tells these apart.
func (d *draw) free(total resources) resources {
	r := resources{}
	for _, name := range sorted(total) {
		a := total[name]
		switch {
		case !d.chance(d.busy):
			r[name] = a
		case d.chance(30):
		case d.chance(30):
			r[name] = 0
		default:
			r[name] = a - d.part(name, a)
		}
	}
	if d.chance(5) {
		r["GPU"] += 0 // nothing of what the node does not have
	}
	if d.implicit && d.chance(40) && total[implicit+"a"] == 0 {
		r[implicit+"a"] = oneOf[demand.Amount](d, 0, 1, 2, 4) * demand.Unit / 4
	}
	return r
}

// part is an amount within the total.
func (d *draw) part(name string, total demand.Amount) demand.Amount {
	grid := d.grid[name]
	if len(grid) == 0 || d.chance(20) {
		return total / demand.Amount(oneOf(d, 1, 2, 4, 5, 10))
	}
	return min(total, oneOf(d, grid...)*demand.Amount(d.upTo(4)))
}
