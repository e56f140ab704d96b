package keda

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/scaler"
)

// step shows a nudger one decision. Targets are written type=workers/replicas;
// a type without a step is not in the decision.
type step struct {
	at      time.Duration
	targets string
	want    string // the types nudged, in order
}

func TestNudger(t *testing.T) {
	tests := map[string][]step{
		"a new scaler nudges only what is wrong": {
			{0, "a=5/5 b=7/5 c=0/0", "b"},
		},
		"once per change": {
			{0, "a=5/5", ""}, {time.Second, "a=6/5", "a"}, {2 * time.Second, "a=6/5", ""}, {2500 * time.Millisecond, "a=6/6", ""},
			{4 * time.Second, "a=6/6", ""}, {5 * time.Second, "a=5/6", "a"}, {6 * time.Second, "a=5/5", ""},
		},
		"every change, however fast": {
			{0, "a=5/5", ""}, {100 * time.Millisecond, "a=6/5", "a"}, {200 * time.Millisecond, "a=9/5", "a"}, {300 * time.Millisecond, "a=5/5", "a"},
		},
		"all changed types at once, scale-ups first, the largest first": {
			{0, "a=5/5 b=5/5 c=5/5 d=5/5 e=5/5 f=5/5", ""},
			{time.Second, "a=4/5 b=6/5 c=9/5 d=5/5 e=1/5 f=6/5", "c b f e a"},
		},
		"none for 0→1": {
			{0, "a=0/0", ""}, {time.Second, "a=1/0", ""}, {2 * time.Second, "a=1/1", ""}, {9 * time.Second, "a=1/1", ""},
		},
		"none to 0": {
			{0, "a=5/5", ""}, {time.Second, "a=0/5", ""}, {9 * time.Second, "a=0/5", ""}, {10 * time.Second, "a=0/0", ""},
		},
		"0→N waits for the first replica": {
			{0, "a=0/0", ""}, {time.Second, "a=8/0", ""}, {4 * time.Second, "a=8/0", ""}, {5 * time.Second, "a=8/1", "a"}, {6 * time.Second, "a=8/8", ""},
		},
		"0→N with the replicas written by somebody else": {
			{0, "a=0/0", ""}, {time.Second, "a=8/0", ""}, {2 * time.Second, "a=8/8", ""}, {9 * time.Second, "a=8/8", ""},
		},
		"0→1→N before the first replica is seen": {
			{0, "a=0/0", ""}, {time.Second, "a=1/0", ""}, {1100 * time.Millisecond, "a=8/0", ""}, {1200 * time.Millisecond, "a=8/1", "a"},
		},
		"ten types from zero wait": {
			{0, many(10, 0, 0), ""}, {time.Second, many(10, 5, 0), ""}, {2 * time.Second, many(10, 5, 1), "t00 t01 t02 t03 t04 t05 t06 t07 t08 t09"},
		},
		"eleven types from zero do not": {
			{0, many(11, 0, 0), ""}, {time.Second, many(11, 5, 0), "t00 t01 t02 t03 t04 t05 t06 t07 t08 t09 t10"},
			{2 * time.Second, many(11, 5, 1), ""}, {3 * time.Second, many(11, 5, 5), ""},
		},
		"eleven that go to one need none": {
			{0, many(11, 0, 0), ""}, {time.Second, many(11, 1, 0), ""}, {9 * time.Second, many(11, 1, 0), ""},
		},
		"again after 2 s, twice at most": {
			{0, "a=5/5", ""}, {time.Second, "a=6/5", "a"}, {2900 * time.Millisecond, "a=6/5", ""}, {3 * time.Second, "a=6/5", "a"},
			{4 * time.Second, "a=6/5", ""}, {5 * time.Second, "a=6/5", "a"}, {7 * time.Second, "a=6/5", ""}, {99 * time.Second, "a=6/5", ""},
		},
		"a new change may be repeated again": {
			{0, "a=5/5", ""}, {1 * time.Second, "a=6/5", "a"}, {3 * time.Second, "a=6/5", "a"}, {5 * time.Second, "a=6/5", "a"},
			{7 * time.Second, "a=7/5", "a"}, {9 * time.Second, "a=7/5", "a"},
		},
		"right once is right": {
			{0, "a=5/5", ""}, {time.Second, "a=6/5", "a"}, {3 * time.Second, "a=6/6", ""}, {9 * time.Second, "a=6/4", ""},
		},
		"no repeat at zero replicas": {
			{0, "a=5/5", ""}, {time.Second, "a=6/5", "a"}, {4 * time.Second, "a=6/0", ""}, {5 * time.Second, "a=6/1", "a"},
		},
		"no repeat while the HPA has not the last target": {
			{0, "late=5/5", ""}, {time.Second, "late=6/5", "late"}, {4 * time.Second, "late=6/5", ""}, {99 * time.Second, "late=6/5", ""},
		},
		"0 and back before the poll": {
			{0, "a=5/5", ""}, {time.Second, "a=0/5", ""}, {2 * time.Second, "a=5/5", "a"}, {3 * time.Second, "a=1/5", "a"},
		},
		"a type that comes back": {
			{0, "a=5/5", ""}, {time.Second, "b=1/1", ""}, {2 * time.Second, "a=6/6", ""}, {3 * time.Second, "a=7/6", "a"},
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			var g nudger
			for _, s := range steps {
				got := g.observe(time.Unix(0, 0).Add(s.at), targets(t, s.targets), func(nodeType string) bool { return nodeType != "late" })
				if diff := cmp.Diff(s.want, strings.Join(got, " ")); diff != "" {
					t.Errorf("at %v, %s: %s", s.at, s.targets, diff)
				}
			}
		})
	}
}

func many(n, workers, replicas int) string {
	var s []string
	for i := range n {
		s = append(s, fmt.Sprintf("t%02d=%d/%d", i, workers, replicas))
	}
	return strings.Join(s, " ")
}

func targets(t *testing.T, text string) (ts []scaler.Target) {
	for _, f := range strings.Fields(text) {
		name, rest, _ := strings.Cut(f, "=")
		target := scaler.Target{Type: name}
		if _, err := fmt.Sscanf(rest, "%d/%d", &target.Workers, &target.Replicas); err != nil {
			t.Fatal(err)
		}
		ts = append(ts, target)
	}
	return ts
}

// TestLed: where somebody else writes rises they are nudged only if they are not
// written; falls are as ever.
func TestLed(t *testing.T) {
	g := nudger{led: true}
	for _, s := range []step{
		{0, "a=0/0 b=5/5 c=5/5", ""},
		{time.Second, "a=8/0 b=6/5 c=4/5", "c"},
		{1100 * time.Millisecond, "a=8/8 b=7/6 c=9/4", ""},
		{2900 * time.Millisecond, "a=8/8 b=7/6 c=9/4", ""},
		{3200 * time.Millisecond, "a=8/8 b=7/6 c=9/9", "b"},
		{4 * time.Second, "a=8/8 b=7/7 c=9/9", ""},
		{9 * time.Second, "a=2/8 b=7/7 c=9/9", "a"},
	} {
		got := g.observe(time.Unix(0, 0).Add(s.at), targets(t, s.targets), func(string) bool { return true })
		if diff := cmp.Diff(s.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("at %v, %s: %s", s.at, s.targets, diff)
		}
	}
}

// TestNoNudge: where it is switched off no change moves the metric's target.
func TestNoNudge(t *testing.T) {
	g := nudger{off: true}
	for i, workers := range []int{0, 5, 50, 3} {
		got := g.observe(time.Unix(int64(i), 0), []scaler.Target{{Type: "a", Workers: workers, Replicas: 1}}, func(string) bool { return true })
		if len(got) > 0 {
			t.Errorf("nudged: %v", got)
		}
	}
}
