package local

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/scaler"
)

// Timeline records a run for its summary. It is safe for concurrent use.
type Timeline struct {
	mu      sync.Mutex
	begin   time.Time
	last    time.Time // of the last decision
	targets map[string]int
	samples []sample
	lines   []string
	bursts  []burst
	waiting map[string]bool // nodes whose raylets have demand
	quiet   time.Time       // since when none has
	nodes   nodeSeconds
	counts  map[What]int
	most    int
}

// burst is one time at which demand came to a cluster whose workers did not
// suffice.
type burst struct{ seen, decided, joined time.Time }

// nodeSeconds are what the workers cost.
type nodeSeconds struct{ used, idle, joining time.Duration }

type sample struct {
	at      time.Time
	workers map[string]int // by type: running
}

// NewTimeline begins now.
func NewTimeline(now time.Time) *Timeline {
	return &Timeline{begin: now, targets: map[string]int{}, counts: map[What]int{}, waiting: map[string]bool{}}
}

// calmBetween is how long no raylet may have demand for the next demand to be
// a burst of its own: leases leave one queue before they reach another.
const calmBetween = time.Second

// Reported notes when demand is first seen in an agent's report.
func (t *Timeline) Reported(r *demand.Report, at time.Time) {
	waits := r.Raylet != nil && len(r.Raylet.Demand) > 0 ||
		r.Cluster != nil && len(r.Cluster.Gangs)+len(r.Cluster.Constraints) > 0
	t.mu.Lock()
	defer t.mu.Unlock()
	before := len(t.waiting)
	if waits {
		t.waiting[r.NodeID] = true
	} else {
		delete(t.waiting, r.NodeID)
	}
	switch {
	case before > 0 && len(t.waiting) == 0:
		t.quiet = at
	case before == 0 && len(t.waiting) > 0 && at.Sub(t.quiet) > calmBetween:
		t.bursts = append(t.bursts, burst{seen: at})
	}
}

// Decided notes a decision, and returns its changes as lines for people.
func (t *Timeline) Decided(d *scaler.Decision) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if d.Unknown != "" {
		return nil
	}
	t.integrate(d)
	var out []string
	for _, g := range d.Targets {
		old := t.targets[g.Type]
		if g.Workers > old {
			t.raised(d.At)
		}
		if g.Workers != old {
			out = append(out, t.line(d.At, fmt.Sprintf("%s %d → %d (%s): %s", g.Type, old, g.Workers, g.Reason, g.Detail)))
		}
		t.targets[g.Type] = g.Workers
	}
	return out
}

func (t *Timeline) raised(at time.Time) {
	if n := len(t.bursts); n > 0 && t.bursts[n-1].decided.IsZero() {
		t.bursts[n-1].decided = at
	}
}

// integrate adds what the workers cost since the last decision.
func (t *Timeline) integrate(d *scaler.Decision) {
	var since time.Duration
	if !t.last.IsZero() {
		since = d.At.Sub(t.last)
	}
	t.last = d.At
	s := sample{at: d.At, workers: map[string]int{}}
	total := 0
	for _, n := range d.Nodes.Get() {
		if n.Head {
			continue
		}
		total++
		switch n.State {
		case scaler.StateRunning:
			t.nodes.used += since
			s.workers[n.Type]++
		case scaler.StateIdle:
			t.nodes.idle += since
			s.workers[n.Type]++
		case scaler.StateJoining:
			t.nodes.joining += since
		}
	}
	t.most = max(t.most, total)
	t.samples = append(t.samples, s)
}

// Happened notes a worker's change, and returns it as a line for people.
func (t *Timeline) Happened(e Event) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[e.What]++
	if n := len(t.bursts); e.What == Joined && n > 0 && !t.bursts[n-1].decided.IsZero() && t.bursts[n-1].joined.IsZero() {
		t.bursts[n-1].joined = e.At
	}
	return t.line(e.At, strings.TrimSpace(fmt.Sprintf("%s %s %s", e.Worker, e.What, e.Detail)))
}

func (t *Timeline) line(at time.Time, text string) string {
	l := fmt.Sprintf("%+8.2fs  %s", at.Sub(t.begin).Seconds(), text)
	t.lines = append(t.lines, l)
	return l
}

// Summary is the run in text: a timeline, the latencies, the node-seconds.
func (t *Timeline) Summary() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	b.WriteString("Running workers over time\n")
	t.draw(&b)
	fmt.Fprintf(&b, "\nDemand to decision       %s\n", latencies(t.bursts, func(u burst) (time.Time, time.Time) { return u.seen, u.decided }))
	fmt.Fprintf(&b, "Demand to joined worker  %s\n", latencies(t.bursts, func(u burst) (time.Time, time.Time) { return u.seen, u.joined }))
	n := t.nodes
	fmt.Fprintf(&b, "Node-seconds             %.1f used, %.1f idle, %.1f joining\n", n.used.Seconds(), n.idle.Seconds(), n.joining.Seconds())
	fmt.Fprintf(&b, "Workers                  %d started, %d joined, %d drained, %d removed, %d ended by themselves, %d at most at once\n",
		t.counts[Started], t.counts[Joined], t.counts[Drained], t.counts[Removed], t.counts[Ended], t.most)
	return b.String()
}

func latencies(bursts []burst, f func(burst) (time.Time, time.Time)) string {
	var d []time.Duration
	for _, u := range bursts {
		if from, to := f(u); !to.IsZero() {
			d = append(d, to.Sub(from))
		}
	}
	if len(d) == 0 {
		return "nothing had to be started"
	}
	slices.SortFunc(d, func(a, b time.Duration) int { return cmp.Compare(a, b) })
	return fmt.Sprintf("median %.2f s, most %.2f s (%d bursts)", d[len(d)/2].Seconds(), d[len(d)-1].Seconds(), len(d))
}

const (
	columns = 60
	blocks  = " ▁▂▃▄▅▆▇█"
)

// draw draws each type's running workers as a row of blocks.
func (t *Timeline) draw(b *strings.Builder) {
	peak, types := 1, map[string]int{}
	for _, s := range t.samples {
		for name, n := range s.workers {
			types[name] = max(types[name], n)
			peak = max(peak, n)
		}
	}
	span := max(t.last.Sub(t.begin), time.Second)
	for _, name := range slices.Sorted(maps.Keys(types)) {
		row := t.row(name, span)
		fmt.Fprintf(b, "  %-12s %s  at most %d\n", name, bar(row, peak), types[name])
	}
	if len(types) == 0 {
		b.WriteString("  none ran\n")
		return
	}
	fmt.Fprintf(b, "  %-12s 0 s%*.0f s\n", "", columns-4, span.Seconds())
}

// row is a type's largest number of running workers in each column; a column
// in which nothing was decided is as the one before.
func (t *Timeline) row(name string, span time.Duration) []int {
	row := make([]int, columns)
	last, now := 0, 0
	for _, s := range t.samples {
		i := min(int(int64(columns)*int64(s.at.Sub(t.begin))/int64(span)), columns-1)
		for ; last < i; last++ {
			row[last+1] = now
		}
		now = s.workers[name]
		row[i] = max(row[i], now)
	}
	return row
}

func bar(row []int, peak int) string {
	levels := []rune(blocks)
	out := make([]rune, len(row))
	for i, n := range row {
		out[i] = levels[(n*(len(levels)-1)+peak-1)/peak]
	}
	return string(out)
}
