package plancase

import (
	"math"
	"strconv"
	"strings"
)

// decimal is a JSON number without rounding: digits × 10^exponent, digits
// without zeros at either end.
type decimal struct {
	negative bool
	digits   string
	exponent int
}

// maxExponent is beyond every limit; larger exponents are cut to it.
const maxExponent = 1 << 20

func parseDecimal(number string) decimal {
	d := decimal{}
	number, d.negative = strings.CutPrefix(number, "-")
	if i := strings.IndexAny(number, "eE"); i >= 0 {
		d.exponent = clampedExponent(number[i+1:])
		number = number[:i]
	}
	whole, fraction, _ := strings.Cut(number, ".")
	d.exponent -= len(fraction)
	d.digits = strings.TrimLeft(whole+fraction, "0")
	trimmed := strings.TrimRight(d.digits, "0")
	d.exponent += len(d.digits) - len(trimmed)
	d.digits = trimmed
	if d.digits == "" {
		return decimal{}
	}
	return d
}

func clampedExponent(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil && strings.HasPrefix(s, "-") {
		return -maxExponent
	}
	if err != nil {
		return maxExponent
	}
	return min(max(n, -maxExponent), maxExponent)
}

// times is the absolute value × 10^decimals, cut to an integer. It saturates
// at math.MaxInt64, and tells whether nothing was cut off.
func (d decimal) times(decimals int) (n int64, exact bool) {
	e := d.exponent + decimals
	switch {
	case d.digits == "":
		return 0, true
	case len(d.digits)+e > 19:
		return math.MaxInt64, true
	case len(d.digits)+e <= 0:
		return 0, false
	case e < 0:
		n, _ := strconv.ParseInt(d.digits[:len(d.digits)+e], 10, 64)
		return n, false
	}
	n, err := strconv.ParseInt(d.digits+strings.Repeat("0", e), 10, 64)
	if err != nil {
		return math.MaxInt64, true
	}
	return n, true
}
