package e2e_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// repeats is how often every step is measured: LATENCY=20 for the table.
func repeats(t *testing.T) int {
	t.Helper()
	s := os.Getenv("LATENCY")
	if s == "" {
		return 3
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("LATENCY: must be a number of repeats (got %q)", s)
	}
	return n
}

// TestLatency: how long it takes from a published report to spec.replicas. Up,
// from the report of the demand; down, from the moment at which the target
// falls, which is after the drain and the settle time.
func TestLatency(t *testing.T) {
	f := newFleet(t, 300)
	times := map[string][]time.Duration{}
	var order []string
	up := func(from, to int) {
		name := fmt.Sprintf("%d→%d", from, to)
		times[name] = append(times[name], f.up(to))
		order = append(order, name)
	}
	down := func(from, to int) {
		name := fmt.Sprintf("%d→%d", from, to)
		times[name] = append(times[name], f.down(to))
		order = append(order, name)
	}
	for range repeats(t) {
		up(0, 1)
		up(1, 20)
		up(20, 21)
		down(21, 20)
		down(20, 0)
		up(0, 10)
		down(10, 0)
		up(0, 100)
		f.up(200)
		f.settled(200)
		down(200, 199)
		down(199, 0)
	}
	slices.Sort(order)
	for _, name := range slices.Compact(order) {
		d := times[name]
		slices.Sort(d)
		t.Logf("%-8s p50 %.2f s, p99 %.2f s, n %d  %v", name, d[len(d)/2].Seconds(), d[len(d)*99/100].Seconds(), len(d), short(d))
	}
}

func short(d []time.Duration) string {
	out := make([]string, len(d))
	for i, x := range d {
		out[i] = fmt.Sprintf("%.2f", x.Seconds())
	}
	return strings.Join(out, " ")
}

// up raises the demand and waits for the pods.
func (f *fleet) up(n int) time.Duration {
	f.t.Helper()
	begin := f.wants(n)
	took := f.reached(n).Sub(begin)
	f.settled(n)
	return took
}

// down lowers the demand, and is the time from the fall of the target on.
func (f *fleet) down(n int) time.Duration {
	f.t.Helper()
	f.wants(n)
	fell := f.fell(n)
	took := f.reached(n).Sub(fell)
	f.settled(n)
	return max(took, 0)
}
