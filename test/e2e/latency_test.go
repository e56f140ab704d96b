package e2e_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// repeats is how often every step is measured at least: LATENCY=20 for the table.
// Without it only the default way is tried, once.
func repeats(t *testing.T) int {
	t.Helper()
	s := os.Getenv("LATENCY")
	if s == "" {
		return 1
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("LATENCY: must be a number of repeats (got %q)", s)
	}
	return n
}

// modes are the ways in which a target reaches a Deployment, by the chart's
// values. Those that wait for HPA are measured less often.
var modes = []struct {
	name, nudge, headStart string
	every                  int
}{
	{"both", "auto", "auto", 1},
	{"nudge", "auto", "off", 1},
	{"head start", "off", "auto", 1},
	{"neither", "off", "off", 3},
}

// together is how many fleets are measured at once.
const together = 3

// TestLatency: how long it takes from a published report to spec.replicas. Up,
// from the report of the demand; down, from the moment at which the target
// falls, which is after the drain and the settle time. HPA's period is 15 s.
func TestLatency(t *testing.T) {
	t.Cleanup(func() { install(t, "scaler.nudge=auto,scaler.headStart=auto") })
	tried := modes
	if os.Getenv("LATENCY") == "" {
		tried = modes[:1] // the others are for the table: they wait for HPA
	}
	for _, m := range tried {
		install(t, "scaler.nudge="+m.nudge+",scaler.headStart="+m.headStart)
		s := &samples{}
		t.Run(m.name, func(t *testing.T) {
			n := (repeats(t) + m.every - 1) / m.every
			at := min(together, n)
			for i := range at {
				t.Run(fmt.Sprint(strings.ReplaceAll(m.name, " ", ""), i), func(t *testing.T) {
					t.Parallel()
					f := newFleet(t, 300)
					for range (n + at - 1) / at {
						f.steps(s)
					}
				})
			}
		})
		s.tell(t, m.name)
	}
}

// steps takes every step once.
func (f *fleet) steps(s *samples) {
	f.t.Helper()
	up := func(from, to int) { s.add(from, to, f.up(to)) }
	down := func(from, to int) { s.add(from, to, f.down(to)) }
	up(0, 1)
	up(1, 20)
	up(20, 21)
	down(21, 20)
	down(20, 0)
	up(0, 10)
	down(10, 0)
	up(0, 100)
	f.up(200)
	down(200, 199)
	down(199, 0)
}

// samples are times by step; all falls to zero are one step.
type samples struct {
	mu    sync.Mutex
	order []string
	times map[string][]time.Duration
}

func (s *samples) add(from, to int, d time.Duration) {
	name := fmt.Sprintf("%d→%d", from, to)
	if to == 0 {
		name = "N→0"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.times == nil {
		s.times = map[string][]time.Duration{}
	}
	if s.times[name] == nil {
		s.order = append(s.order, name)
	}
	s.times[name] = append(s.times[name], d)
}

// tell logs a row of the table for each step.
func (s *samples) tell(t *testing.T, mode string) {
	t.Helper()
	for _, name := range s.order {
		d := s.times[name]
		slices.Sort(d)
		t.Logf("| %-10s | %-7s | %2d | %5.2f | %5.2f | %5.2f |", mode, name, len(d), quantile(d, 0.5).Seconds(), quantile(d, 0.99).Seconds(), d[len(d)-1].Seconds())
	}
}

// quantile is the smallest of sorted times that so many are not above.
func quantile(d []time.Duration, q float64) time.Duration {
	return d[min(len(d)-1, int(q*float64(len(d))))]
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

// TestManyTypes: 60 node types rise from 0 to 5 at once, with head start and, for
// the table, without. The last one counts. The way back to zero, which takes minutes
// at KEDA's default limits of 20 requests a second, is between repeats only.
func TestManyTypes(t *testing.T) {
	t.Cleanup(func() { install(t, "scaler.headStart=auto") })
	types := make([]string, 60)
	for i := range types {
		types[i] = fmt.Sprintf("t%02d", i)
	}
	tried := []string{"auto", "off"}
	if os.Getenv("LATENCY") == "" {
		tried = tried[:1]
	}
	for _, headStart := range tried {
		install(t, "scaler.headStart="+headStart)
		t.Run("headStart-"+headStart, func(t *testing.T) {
			f, s := newFleet(t, 10, types...), &samples{}
			for i := range (repeats(t) + 3) / 4 {
				if i > 0 {
					f.wants(0)
					f.settled(0)
				}
				f.decides(time.Now())
				s.add(0, 5, f.up(5))
			}
			s.tell(t, "60 types, headStart "+headStart)
		})
	}
}

// queue makes so many tasks wait; with none the workers have done theirs, too.
func (f *fleet) queue(n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.queued = n; n == 0 {
		clear(f.busy)
	}
}

// TestThousand: a thousand workers come from nothing at once, 337 more for 13,315
// tasks, and all go again.
func TestThousand(t *testing.T) {
	const most = 1337
	f, s := newFleet(t, most), &samples{}
	begin := time.Now()
	s.add(0, 1000, f.up(1000))
	t.Logf("1000 workers have joined after %.1f s", time.Since(begin).Seconds())
	f.work()
	f.queue(13_315)
	begin = f.wants(1000)
	s.add(1000, most, f.reached(most).Sub(begin))
	f.settled(most)
	f.queue(0)
	begin = time.Now()
	s.add(most, 0, f.down(0))
	t.Logf("all are gone after %.1f s", time.Since(begin).Seconds())
	f.mu.Lock()
	defer f.mu.Unlock()
	if drained, gone := slices.Sorted(slices.Values(f.asked)), slices.Sorted(slices.Values(f.leaving)); len(gone) != most || !slices.Equal(drained, gone) {
		t.Errorf("%d workers went, %d were drained before", len(gone), len(drained))
	}
	s.tell(t, "1000")
}
