package demand

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Amount is a quantity of one resource in units of 1/10,000, the unit in
// which Ray's raylets count (ray/src/ray/common/scheduling/fixed_point.h).
// One CPU is 10,000; memory is counted in bytes, so one byte is 10,000.
type Amount int64

// Unit is the amount 1: one CPU, one GPU, one byte.
const Unit Amount = 10_000

// MaxAmount is the largest amount a report may carry: 10¹⁴ whole units, the
// largest total that Ray itself accepts.
const MaxAmount = 100_000_000_000_000 * Unit

// ErrAmount is wrapped by every error about an amount that is negative, not a
// number, or above MaxAmount.
var ErrAmount = errors.New("bad resource amount")

// NewAmount rounds a number of whole units to the nearest 1/10,000. It fails
// with ErrAmount for negative numbers, NaN and numbers above MaxAmount.
func NewAmount(units float64) (Amount, error) {
	if math.IsNaN(units) || units < 0 || units > float64(MaxAmount/Unit) {
		return 0, fmt.Errorf("%w: %v is not within 0…1e14", ErrAmount, units)
	}
	return Amount(math.Round(units * float64(Unit))), nil
}

// Float is the amount in whole units, for humans and for Ray's wire format.
func (a Amount) Float() float64 { return float64(a) / float64(Unit) }

// String prints the amount in whole units without trailing zeros.
func (a Amount) String() string { return strconv.FormatFloat(a.Float(), 'f', -1, 64) }

// Resource is an amount of one named resource.
type Resource struct {
	Name   string
	Amount Amount
}

// Resources is a bundle of resources: sorted by name, each name once, every
// amount ≥ 0. An entry of 0 differs from no entry only where Ray makes that
// difference (a node's availability). Treat values as immutable.
type Resources []Resource

// NewResources builds a bundle from whole units. It fails with ErrAmount,
// naming the resource.
func NewResources(units map[string]float64) (Resources, error) {
	r := make(Resources, 0, len(units))
	for name, v := range units {
		a, err := NewAmount(v)
		if err != nil {
			return nil, fmt.Errorf("resource %q: %w", name, err)
		}
		r = append(r, Resource{name, a})
	}
	r.sort()
	return r, nil
}

// MustResources is NewResources for literals in tests and tables.
func MustResources(units map[string]float64) Resources {
	r, err := NewResources(units)
	if err != nil {
		panic(err)
	}
	return r
}

func (r Resources) sort() {
	slices.SortFunc(r, func(a, b Resource) int { return cmp.Compare(a.Name, b.Name) })
}

// Get is the amount of a resource, and whether the bundle names it.
func (r Resources) Get(name string) (Amount, bool) {
	i, ok := slices.BinarySearchFunc(r, name, func(e Resource, n string) int { return cmp.Compare(e.Name, n) })
	if !ok {
		return 0, false
	}
	return r[i].Amount, true
}

// Max is, for every resource that either bundle names, the larger amount.
func (r Resources) Max(o Resources) Resources {
	return r.merge(o, func(a, b Amount) Amount { return max(a, b) })
}

// Add is the sum of two bundles.
func (r Resources) Add(o Resources) Resources {
	return r.merge(o, func(a, b Amount) Amount { return a + b })
}

func (r Resources) merge(o Resources, f func(a, b Amount) Amount) Resources {
	out := make(Resources, 0, max(len(r), len(o)))
	for len(r) > 0 || len(o) > 0 {
		switch {
		case len(o) == 0 || len(r) > 0 && r[0].Name < o[0].Name:
			out, r = append(out, Resource{r[0].Name, f(r[0].Amount, 0)}), r[1:]
		case len(r) == 0 || o[0].Name < r[0].Name:
			out, o = append(out, Resource{o[0].Name, f(0, o[0].Amount)}), o[1:]
		default:
			out = append(out, Resource{r[0].Name, f(r[0].Amount, o[0].Amount)})
			r, o = r[1:], o[1:]
		}
	}
	return out
}

// Scale is the bundle n times.
func (r Resources) Scale(n int64) Resources {
	out := slices.Clone(r)
	for i := range out {
		out[i].Amount *= Amount(n)
	}
	return out
}

// Fits tells whether a node with this much available can hold the demand. A
// resource that is not named counts as 0.
func (r Resources) Fits(d Resources) bool {
	for _, e := range d {
		if a, _ := r.Get(e.Name); a < e.Amount {
			return false
		}
	}
	return true
}

// NonZero is the bundle without entries of 0.
func (r Resources) NonZero() Resources {
	return slices.DeleteFunc(slices.Clone(r), func(e Resource) bool { return e.Amount == 0 })
}

// Units is the bundle as a map of whole units: Ray's wire format.
func (r Resources) Units() map[string]float64 {
	m := make(map[string]float64, len(r))
	for _, e := range r {
		m[e.Name] = e.Amount.Float()
	}
	return m
}

// MarshalJSON writes the bundle as an object of amounts in units of 1/10,000.
// None at all is null, which differs from an empty bundle.
func (r Resources) MarshalJSON() ([]byte, error) {
	if r == nil {
		return []byte("null"), nil
	}
	m := make(map[string]Amount, len(r))
	for _, e := range r {
		m[e.Name] = e.Amount
	}
	return json.Marshal(m)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (r *Resources) UnmarshalJSON(b []byte) error {
	var m map[string]Amount
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	*r = nil
	if m == nil {
		return nil
	}
	*r = make(Resources, 0, len(m))
	for name, a := range m {
		*r = append(*r, Resource{name, a})
	}
	r.sort()
	return nil
}

// String prints the bundle as {CPU: 2, GPU: 1}.
func (r Resources) String() string {
	var b strings.Builder
	b.WriteByte('{')
	for i, e := range r {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(e.Name + ": " + e.Amount.String())
	}
	b.WriteByte('}')
	return b.String()
}
