package nodetypes

import (
	"math/big"
	"math/bits"

	"github.com/rayburst/rayburst/demand"
)

// compareMeans compares Σ used³/total² of two lists of terms, divided by n and
// by m, exactly.
func compareMeans(a []term, n int, b []term, m int) int {
	unit := divisorOf(divisorOf(0, a), b)
	x, y := sumUp(a, unit), sumUp(b, unit)
	left, ok := product(x.num, y.den, uint64(m))
	right, fits := product(y.num, x.den, uint64(n))
	if x.ok && y.ok && ok && fits {
		return left.compare(right)
	}
	l, r := exactSum(a), exactSum(b)
	return l.Mul(l, big.NewRat(int64(m), 1)).Cmp(r.Mul(r, big.NewRat(int64(n), 1)))
}

func exactSum(terms []term) *big.Rat {
	sum := new(big.Rat)
	for _, t := range terms {
		u, v := big.NewInt(int64(t.used)), big.NewInt(int64(t.total))
		cube := new(big.Int).Mul(u, new(big.Int).Mul(u, u))
		sum.Add(sum, new(big.Rat).SetFrac(cube, v.Mul(v, v)))
	}
	return sum
}

// fraction is exact where it is ok.
type fraction struct {
	num, den uint64
	ok       bool
}

// sumUp is Σ used³/total² in the unit, where 64 bits are enough: for whole
// numbers of CPUs and GiB they are. With used = g·u and total = g·v a term is
// g·u³/v².
func sumUp(terms []term, unit demand.Amount) fraction {
	out := fraction{0, 1, true}
	for _, t := range terms {
		g := divisor(t.used, t.total)
		u, v := uint64(t.used/g), uint64(t.total/g)
		square, fits := small(product(v, v))
		here, ok := small(product(uint64(g/unit), u, u, u))
		a, fitsA := small(product(out.num, square))
		b, fitsB := small(product(here, out.den))
		den, fitsDen := small(product(out.den, square))
		num, carry := bits.Add64(a, b, 0)
		out = fraction{num, den, out.ok && fits && ok && fitsA && fitsB && fitsDen && carry == 0}
	}
	return out
}

// divisorOf is the greatest common divisor of n and all amounts of terms.
func divisorOf(n demand.Amount, terms []term) demand.Amount {
	for _, t := range terms {
		n = divisor(n, divisor(t.used, t.total))
	}
	return n
}

func divisor(a, b demand.Amount) demand.Amount {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// product is not ok where it has more than 128 bits.
func product(factors ...uint64) (out sum, ok bool) {
	out.low = 1
	for _, f := range factors {
		over, high := bits.Mul64(out.high, f)
		carry, low := bits.Mul64(out.low, f)
		var more uint64
		if high, more = bits.Add64(high, carry, 0); over+more > 0 {
			return sum{}, false
		}
		out = sum{high, low}
	}
	return out, true
}

func small(n sum, ok bool) (uint64, bool) { return n.low, ok && n.high == 0 }
