package ray

import (
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/rayburst/rayburst/demand"
)

// TestRhythm: whenever they begin, the agents of a cluster poll at the same
// moments, and what says nothing new they say at the same ones, once in a beat.
func TestRhythm(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	spoken := func(c demand.Cluster) map[int64]bool {
		now, b := time.Unix(1_000_000, rng.Int64N(int64(time.Minute))), &bus{}
		a := &Agent{Mode: Worker, Bus: b, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler), rhythm: rhythmOf(c)}
		p, at := publication{agent: a}, map[int64]bool{}
		for end := time.Unix(1_000_180, 0); now.Before(end); now = now.Add(a.rhythm.next(now, pollInterval)) {
			said := len(b.all())
			if p.setRaylet(&demand.RayletLoad{}); len(b.all()) > said && now.After(time.Unix(1_000_120, 0)) {
				at[now.UnixNano()] = true
			}
		}
		return at
	}
	train := demand.Cluster{Namespace: "ml", Name: "train"}
	first, second, other := spoken(train), spoken(train), spoken(demand.Cluster{Namespace: "ml", Name: "serve"})
	if len(first) != 30 || len(other) != 30 {
		t.Errorf("%d and %d reports in a minute, want one every 2 s", len(first), len(other))
	}
	for at := range first {
		if !second[at] || other[at] {
			t.Errorf("at %d: the cluster's other agent speaks too: %v; another cluster's: %v", at, second[at], other[at])
		}
	}
}

// TestRhythmBefore1970: a clock that is wrong makes an agent speak all the same.
func TestRhythmBefore1970(t *testing.T) {
	r := rhythmOf(demand.Cluster{})
	for _, at := range []time.Time{time.Unix(-100, 5), time.Unix(0, 0), time.Unix(100, 5)} {
		if d := r.next(at, pollInterval); d <= 0 || d > 2*pollInterval {
			t.Errorf("at %v the next poll is in %v", at, d)
		}
	}
}
