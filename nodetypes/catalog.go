package nodetypes

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/rayburst/rayburst/demand"
)

// implicitPrefix marks resources of which every node that does not state them
// has 1 (IMPLICIT_RESOURCE_PREFIX in ray/_raylet).
const implicitPrefix = "node:__internal_implicit_resource_"

// catalog numbers what the demand names: resources, lists of selectors, gangs
// that spread strictly. What it does not name cannot tell two nodes apart,
// except in the score.
type catalog struct {
	resources []string // sorted, so that numbers compare like names
	implicit  []bool   // by resource
	gpu       int      // the number of "GPU", or none
	selectors [][]demand.LabelSelector
	numbers   map[string]int // of selectors, by their canonical text
	gangs     map[string]int // STRICT_SPREAD gangs by name
	needs     arena[need]
}

const none = -1

func newCatalog(d demand.Demand) *catalog {
	c := &catalog{numbers: map[string]int{}, gangs: map[string]int{}}
	c.add(d.Tasks)
	c.add(d.Constraints)
	for i, g := range d.Gangs {
		c.add(g.Bundles)
		if g.Strategy == demand.StrictSpread {
			c.gangs[g.Name] = i
		}
	}
	slices.Sort(c.resources)
	c.resources = slices.Compact(c.resources)
	c.gpu = c.number("GPU")
	for _, name := range c.resources {
		c.implicit = append(c.implicit, strings.HasPrefix(name, implicitPrefix))
	}
	return c
}

func (c *catalog) add(shapes []demand.Shape) {
	for _, s := range shapes {
		for _, e := range s.Resources {
			c.resources = append(c.resources, e.Name)
		}
		if key := selectorKey(s.Selectors); key != "" {
			if _, ok := c.numbers[key]; !ok {
				c.numbers[key] = len(c.selectors)
				c.selectors = append(c.selectors, s.Selectors)
			}
		}
	}
}

// number is the number of a resource, or none.
func (c *catalog) number(resource string) int {
	if i, ok := slices.BinarySearch(c.resources, resource); ok {
		return i
	}
	return none
}

// selectorKey is equal for lists of selectors that mean the same; empty for
// no selectors.
func selectorKey(list []demand.LabelSelector) string {
	if len(list) == 0 {
		return ""
	}
	canonical := make([]demand.LabelSelector, len(list))
	for i, s := range list {
		canonical[i] = s.Canonical()
	}
	return demand.ResourceRequest{Selectors: canonical}.Key()
}

// requestKey is equal for requests that mean the same.
func requestKey(r demand.ResourceRequest) string {
	return demand.ResourceRequest{Resources: r.Resources.NonZero()}.Key() + selectorKey(r.Selectors)
}

// need is an amount (above 0) of one resource.
type need struct {
	resource int
	amount   demand.Amount
}

// run is a request with the number of times it is still wanted. A sorted list
// of runs is Ray's sorted list of requests.
type run struct {
	needs      []need // by resource
	selectors  int    // number of the list of selectors, or none
	conditions int    // of the first selector
	sum        sum
	gpu        bool // asks for GPU
	count      int64
	source     int // the index of its shape
}

// sum is the 128-bit sum of amounts.
type sum struct{ high, low uint64 }

func (s sum) add(a demand.Amount) sum {
	low, carry := bits.Add64(s.low, uint64(a), 0)
	return sum{s.high + carry, low}
}

func (s sum) compare(o sum) int {
	return cmp.Or(cmp.Compare(s.high, o.high), cmp.Compare(s.low, o.low))
}

// run numbers a shape.
func (c *catalog) run(s demand.Shape, source int) run {
	r := run{selectors: none, count: s.Count, source: source, needs: c.needs.make(len(s.Resources))[:0]}
	for _, e := range s.Resources {
		if e.Amount == 0 {
			continue
		}
		n := need{c.number(e.Name), e.Amount}
		r.needs = append(r.needs, n)
		r.sum = r.sum.add(e.Amount)
		r.gpu = r.gpu || n.resource == c.gpu
	}
	if len(s.Selectors) > 0 {
		r.selectors, r.conditions = c.numbers[selectorKey(s.Selectors)], len(s.Selectors[0])
	}
	return r
}

// addAmounts and addCounts saturate: a request above every node's total, or a
// count above every limit, stays one.
func addAmounts(a, b demand.Amount) demand.Amount {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

func addCounts(a, b int64) int64 { return int64(addAmounts(demand.Amount(a), demand.Amount(b))) }

func scaleAmount(a demand.Amount, n int64) demand.Amount {
	high, low := bits.Mul64(uint64(a), uint64(n))
	if high > 0 || low > math.MaxInt64 {
		return math.MaxInt64
	}
	return demand.Amount(low)
}
