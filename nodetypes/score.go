package nodetypes

import (
	"cmp"
	"math/bits"

	"github.com/rayburst/rayburst/demand"
)

// term is the utilization of one resource of a node. Its value is
// total·(used/total)³ = used³/total².
type term struct{ used, total demand.Amount }

func (t term) approx() float64 {
	u, v := float64(t.used), float64(t.total)
	return u * u * u / (v * v)
}

// rank decides which node wins a round; the greatest does, and among equals
// the first in list order. Compared in this order (_compute_score and
// _sched_best_node): label, gpuOK, kinds, the least utilization of a resource,
// their mean, then the type's recovered availability, priority and cloud
// availability.
type rank struct {
	label int
	gpuOK bool
	kinds int
	// terms has the resources in use; unused counts the others that the
	// availability names.
	terms     []term
	unused    int
	least     term // used 0 if unused > 0 or there is no resource
	leastNear float64
	meanNear  float64
	kind      *kind
}

// settle computes what is compared of the terms.
func (r *rank) settle() {
	r.least = term{0, 1}
	sum := 0.0
	for i, t := range r.terms {
		sum += t.approx()
		if r.unused == 0 && (i == 0 || compareTerms(t, r.least) < 0) {
			r.least = t
		}
	}
	r.leastNear, r.meanNear = r.least.approx(), 0
	if len(r.terms) > 0 {
		r.meanNear = sum / float64(len(r.terms)+r.unused)
	}
}

func (r *rank) compare(o *rank) int {
	if r.label != o.label || r.gpuOK != o.gpuOK || r.kinds != o.kinds {
		return cmp.Or(cmp.Compare(r.label, o.label), compareBools(r.gpuOK, o.gpuOK), cmp.Compare(r.kinds, o.kinds))
	}
	if r.least != o.least {
		if c := r.compareLeast(o); c != 0 {
			return c
		}
	}
	if c := r.compareMean(o); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(r.kind.recovered, o.kind.recovered), cmp.Compare(r.kind.priority, o.kind.priority),
		cmp.Compare(r.kind.cloud, o.kind.cloud))
}

func compareBools(a, b bool) int { return int(flags(a)) - int(flags(b)) }

func (r *rank) compareLeast(o *rank) int {
	if r.leastNear != o.leastNear && !near(r.leastNear, o.leastNear, 1) {
		return cmp.Compare(r.leastNear, o.leastNear)
	}
	return compareTerms(r.least, o.least)
}

func compareTerms(a, b term) int {
	if a == b || a.used == 0 && b.used == 0 {
		return 0
	}
	if x, y := a.approx(), b.approx(); !near(x, y, 1) {
		return cmp.Compare(x, y)
	}
	return compareMeans([]term{a}, 1, []term{b}, 1)
}

func (r *rank) compareMean(o *rank) int {
	n := max(len(r.terms), len(o.terms))
	if n == 0 {
		return 0
	}
	if !near(r.meanNear, o.meanNear, n) {
		return cmp.Compare(r.meanNear, o.meanNear)
	}
	counts := [2]int{len(r.terms) + r.unused, len(o.terms) + o.unused}
	if ours, theirs := without(r.terms, o.terms); counts[0] == counts[1] && (ours == 0 || theirs == 0) {
		return cmp.Compare(ours, theirs) // every term is above 0
	}
	return compareMeans(r.terms, counts[0], o.terms, counts[1])
}

// without is how many terms each of two lists has that the other has not.
func without(a, b []term) (ours, theirs int) {
	if len(b) > bits.UintSize {
		return len(a), len(b)
	}
	var taken uint
	for _, t := range a {
		i := 0
		for i < len(b) && (b[i] != t || taken>>i&1 == 1) {
			i++
		}
		if i == len(b) {
			ours++
		}
		taken |= 1 << i
	}
	return ours, len(b) - bits.OnesCount(taken<<(bits.UintSize-len(b)))
}

// near tells whether two sums of n positive terms, each computed in a few
// operations, are too close for float64 to tell which is greater. The true
// bound is below (n+16)·2⁻⁵³ relative; this is a thousand times more.
func near(a, b float64, n int) bool {
	d := a - b
	if d < 0 {
		d = -d
	}
	return d <= (a+b)*float64(n+16)*0x1p-43
}
