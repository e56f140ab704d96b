package keda

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/scaler"
)

// TestEffects: a nudge is timed until the HPA has it and until the replicas are
// right, from its first time on.
func TestEffects(t *testing.T) {
	var said []string
	e, hpa := effects{}, false
	show := func(at time.Duration, workers, replicas int, nudged ...string) {
		now := time.Unix(0, 0).Add(at)
		targets := []scaler.Target{{Type: "a", Workers: workers, Replicas: replicas}}
		e.see(now, targets, func(string) bool { return hpa }, func(s Stage, d time.Duration) { said = append(said, fmt.Sprint(s, " ", d)) })
		e.begin(now, nudged, targets)
	}
	show(0, 5, 5)
	show(1*time.Second, 6, 5, "a")
	show(3*time.Second, 6, 5, "a") // repeated
	hpa = true
	show(4*time.Second, 6, 5)
	show(5*time.Second, 6, 6)
	show(6*time.Second, 6, 6)
	show(7*time.Second, 9, 6, "a")
	show(8*time.Second, 5, 6) // overtaken, not nudged
	show(9*time.Second, 5, 5)
	show(10*time.Second, 7, 5, "a")
	show(11*time.Second, 7, 7)
	want := "hpa 3s; replicas 4s; hpa 1s; replicas 1s"
	if diff := cmp.Diff(want, strings.Join(said, "; ")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if len(e) > 0 {
		t.Errorf("left: %v", e)
	}
}
