package nodetypes

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/rayburst/rayburst/demand"
)

// TestCompareMeans: the comparison in 64 bits says what big numbers say, also
// where it has to give up.
func TestCompareMeans(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	units := []demand.Amount{1, 2500, demand.Unit, demand.Unit << 30, 1e14 * demand.Unit / 100}
	equal, large := 0, 0
	for range 20_000 {
		list := func() []term {
			out := make([]term, r.IntN(4))
			for i := range out {
				unit := units[r.IntN(len(units))]
				total := 1 + r.Int64N(40)
				out[i] = term{demand.Amount(1+r.Int64N(total)) * unit, demand.Amount(total) * unit}
			}
			return out
		}
		a, b := list(), list()
		if r.IntN(3) == 0 {
			b = append([]term(nil), a...)
			r.Shuffle(len(b), func(i, j int) { b[i], b[j] = b[j], b[i] })
		}
		n, m := len(a)+1, len(b)+1+r.IntN(2)
		x, y := exactSum(a), exactSum(b)
		want := x.Mul(x, big.NewRat(1, int64(n))).Cmp(y.Mul(y, big.NewRat(1, int64(m))))
		if got := compareMeans(a, n, b, m); got != want {
			t.Fatalf("%v / %d against %v / %d: %d, want %d", a, n, b, m, got, want)
		}
		if want == 0 {
			equal++
		}
		if unit := divisorOf(divisorOf(0, a), b); len(a) > 0 && !sumUp(a, unit).ok {
			large++
		}
	}
	if equal < 500 || large < 500 {
		t.Errorf("only %d equal pairs and %d with large numbers were compared", equal, large)
	}
}

// TestWithout: terms that both lists have do not count, however they stand.
func TestWithout(t *testing.T) {
	a, b, c := term{1, 2}, term{1, 3}, term{2, 3}
	for _, s := range []struct {
		a, b         []term
		ours, theirs int
	}{
		{nil, nil, 0, 0},
		{[]term{a}, nil, 1, 0},
		{nil, []term{a}, 0, 1},
		{[]term{a, b}, []term{b, a}, 0, 0},
		{[]term{a, a}, []term{a}, 1, 0},
		{[]term{a, b}, []term{c, a}, 1, 1},
	} {
		if ours, theirs := without(s.a, s.b); ours != s.ours || theirs != s.theirs {
			t.Errorf("%v and %v: %d and %d, want %d and %d", s.a, s.b, ours, theirs, s.ours, s.theirs)
		}
	}
}
