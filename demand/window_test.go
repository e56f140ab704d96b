package demand

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// history is the dumb twin of a window: everything that ever was.
type history[V any] struct {
	at    []time.Time
	value []V
}

func (h *history[V]) set(v V, at time.Time) { h.at, h.value = append(h.at, at), append(h.value, v) }

// within are the values of the window that ends now: those in force at its
// start or later, and first for the time before the first set.
func (h *history[V]) within(first V, window time.Duration, now time.Time) []V {
	from := now.Add(-window)
	var out []V
	if len(h.at) == 0 || !h.at[0].Before(from) {
		out = append(out, first)
	}
	for i, v := range h.value {
		if i+1 == len(h.value) || !h.at[i+1].Before(from) {
			out = append(out, v)
		}
	}
	return out
}

// changes is a random sequence of moments, at most steps apart.
func changes(r *rand.Rand, step time.Duration) []time.Time {
	now := time.Unix(1_767_225_600, 0)
	out := make([]time.Time, 1+r.IntN(60))
	for i := range out {
		if r.IntN(4) > 0 { // else two at one moment
			now = now.Add(time.Duration(r.Int64N(int64(step))))
		}
		out[i] = now
	}
	return out
}

// TestLeast compares with the twin. A grain may make a window longer, never
// shorter, so the answer lies between the twin's of both lengths.
func TestLeast(t *testing.T) {
	for seed := range uint64(4000) {
		r := rand.New(rand.NewPCG(seed, 1))
		window := time.Duration(1+r.IntN(1200)) * time.Millisecond
		step := time.Duration(1+r.IntN(300)) * time.Millisecond
		l, twin := least{window: window}, history[int64]{}
		for i, at := range changes(r, step) {
			v := r.Int64N(1 + r.Int64N(20))
			l.set(v, at)
			twin.set(v, at)
			now := at.Add(time.Duration(r.Int64N(int64(step))))
			if i%3 == 0 {
				now = at.Add(time.Duration(r.Int64N(int64(2 * window))))
			}
			probe := least{l.window, l.now, slices.Clone(l.past)} // over forgets, and time does not go back
			next := probe.next()
			got := probe.over(now)
			most, fewest := slices.Min(twin.within(0, window, now)), slices.Min(twin.within(0, window+grain, now))
			if got > most || got < fewest {
				t.Fatalf("seed %d, change %d: over = %d, want %d…%d", seed, i, got, fewest, most)
			}
			if !next.IsZero() && !now.Before(next) {
				continue
			}
			if before := (&least{l.window, l.now, slices.Clone(l.past)}).over(at); got != before {
				t.Fatalf("seed %d, change %d: over rose from %d to %d before next", seed, i, before, got)
			}
		}
	}
}

// TestLeastSparse: where changes are a grain apart, the answer is exact.
func TestLeastSparse(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 2))
		window := time.Duration(100+r.IntN(1200)) * time.Millisecond
		l, twin := least{window: window}, history[int64]{}
		at := time.Unix(1_767_225_600, 0)
		for i := range 40 {
			at = at.Add(grain + time.Duration(r.IntN(200))*time.Millisecond)
			v := r.Int64N(10)
			l.set(v, at)
			twin.set(v, at)
			if got, want := l.over(at), slices.Min(twin.within(0, window, at)); got != want {
				t.Fatalf("seed %d, change %d: over = %d, want %d", seed, i, got, want)
			}
		}
	}
}

// TestMost compares with the twin, resource by resource.
func TestMost(t *testing.T) {
	for seed := range uint64(4000) {
		r := rand.New(rand.NewPCG(seed, 3))
		window := time.Duration(1+r.IntN(1200)) * time.Millisecond
		step := time.Duration(1+r.IntN(300)) * time.Millisecond
		m, twin := most{window: window}, history[Resources]{}
		for i, at := range changes(r, step) {
			v := randomResources(r)
			m.set(v, at)
			twin.set(v, at)
			now := at.Add(time.Duration(r.Int64N(int64(window + step))))
			probe := most{m.window, m.now, slices.Clone(m.past)}
			next, before, got := probe.next(), probe.over(at), probe.over(now)
			low, high := largest(twin.within(nil, window, now)), largest(twin.within(nil, window+grain, now))
			if !got.Fits(low) || !high.Fits(got) {
				t.Fatalf("seed %d, change %d: over = %v, want %v…%v", seed, i, got, low, high)
			}
			if (next.IsZero() || now.Before(next)) && got.String() != before.String() {
				t.Fatalf("seed %d, change %d: over fell from %v to %v before next", seed, i, before, got)
			}
		}
	}
}

func randomResources(r *rand.Rand) Resources {
	var out Resources
	for _, name := range []string{"CPU", "GPU", "memory"} {
		if r.IntN(3) > 0 {
			out = append(out, Resource{name, Amount(r.IntN(9)) * Unit})
		}
	}
	return out
}

func largest(in []Resources) Resources {
	var out Resources
	for _, r := range in {
		out = out.Max(r)
	}
	return out
}

// TestWindowMemory changes a value a thousand times a second: what is kept is
// bounded by the window's length in grains.
func TestWindowMemory(t *testing.T) {
	for name, value := range map[string]func(i int) int64{
		"rising":  func(i int) int64 { return int64(i) },
		"falling": func(i int) int64 { return int64(100_000 - i) },
		"saw":     func(i int) int64 { return int64(i % 977) },
		"random":  func(i int) int64 { return int64(uint32(i) * 2654435761 >> 8) },
	} {
		t.Run(name, func(t *testing.T) {
			const window = 1200 * time.Millisecond
			l, m := least{window: window}, most{window: window}
			at, limit := time.Unix(1_767_225_600, 0), int(window/grain)+2
			for i := range 60_000 {
				at = at.Add(time.Millisecond)
				l.set(value(i), at)
				m.set(Resources{{"CPU", Amount(value(i))}}, at)
				if len(l.past) > limit || len(m.past) > limit || cap(l.past) > 4*limit || cap(m.past) > 4*limit {
					t.Fatalf("after %d changes %d (%d) and %d (%d) steps are held, want at most %d",
						i, len(l.past), cap(l.past), len(m.past), cap(m.past), limit)
				}
			}
		})
	}
}

// TestStateMemory: what nobody asks for any more is forgotten, however many
// shapes and nodes there have been.
func TestStateMemory(t *testing.T) {
	s, at := NewState(DefaultWindows()), time.Unix(1_767_225_600, 0)
	head := fmt.Sprintf("%056x", 1)
	for i := range uint64(3000) {
		at = at.Add(100 * time.Millisecond)
		worker := fmt.Sprintf("%056x", i+2)
		s.Apply(&Report{NodeID: worker, Incarnation: 1, Sequence: i + 1, Raylet: &RayletLoad{Demand: []QueuedDemand{
			{ResourceRequest{Resources: Resources{{fmt.Sprint("custom", i), Unit}}}, 1, 1},
		}}}, at)
		s.Apply(&Report{NodeID: head, Incarnation: 1, Sequence: i + 1, Raylet: &RayletLoad{}, Cluster: &ClusterState{
			Session: "s", Nodes: []*Node{{ID: head, Head: true, Status: NodeRunning}, {ID: worker, Status: NodeRunning}},
			Pending: []Shape{{ResourceRequest{Resources: Resources{{fmt.Sprint("custom", i), Unit}}}, 1}},
		}}, at)
	}
	for what, n := range map[string]int{"queued": len(s.queued.by), "pending": len(s.pending.by), "nodes": len(s.nodes), "gone": len(s.gone)} {
		if limit := map[string]int{"gone": 601}[what]; n > max(limit, 60) {
			t.Errorf("%d %s are held", n, what)
		}
	}
}
