// Package sim is a whole Ray cluster in virtual time: drivers, raylets, the
// GCS, agents, a network that loses and reorders, pods, and Kubernetes' or the
// local last hop. It drives the real demand.State and scaler.Loop and checks
// the product's invariants after every decision. A run is made from its seed
// alone, so a seed that fails can be run again.
package sim

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// epoch is when every run begins.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// clock is virtual time: what is to happen, in order.
type clock struct {
	now    time.Duration // since epoch
	events events
	count  uint64
	rng    *rand.Rand
	trace  strings.Builder
	quiet  bool
}

type event struct {
	at    time.Duration
	order uint64
	do    func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].order < e[j].order
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	last := old[len(old)-1]
	*e = old[:len(old)-1]
	return last
}

func newClock(seed uint64) *clock {
	return &clock{rng: rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // a run is made from its seed
}

// time is the moment as the scaler sees it.
func (c *clock) time() time.Time { return epoch.Add(c.now) }

// after does something later.
func (c *clock) after(d time.Duration, do func()) {
	c.count++
	heap.Push(&c.events, event{c.now + d, c.count, do})
}

// every does something at a period, from a random phase on, until it says no.
func (c *clock) every(period time.Duration, do func() bool) {
	var again func()
	again = func() {
		if do() {
			c.after(period, again)
		}
	}
	c.after(c.upTo(period), again)
}

// step lets the next event happen and tells whether there was one.
func (c *clock) step(limit time.Duration) bool {
	if len(c.events) == 0 || c.events[0].at > limit {
		return false
	}
	e := heap.Pop(&c.events).(event)
	c.now = e.at
	e.do()
	return true
}

// upTo is a random duration below d.
func (c *clock) upTo(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(c.rng.Int64N(int64(d)))
}

func (c *clock) between(a, b time.Duration) time.Duration { return a + c.upTo(b-a) }

// chance is true with probability p.
func (c *clock) chance(p float64) bool { return p > 0 && c.rng.Float64() < p }

// logf writes a line of the trace.
func (c *clock) logf(format string, args ...any) {
	if c.quiet {
		return
	}
	fmt.Fprintf(&c.trace, "%8.3f  ", c.now.Seconds())
	fmt.Fprintf(&c.trace, format, args...)
	c.trace.WriteByte('\n')
}
