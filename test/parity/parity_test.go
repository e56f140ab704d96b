package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rayburst/rayburst/nodetypes/plancase"
)

var (
	seed   = flag.Uint64("seed", rand.Uint64N(1_000_000_000), "of the random cases")
	python string
)

func TestMain(m *testing.M) {
	var err error
	if python, err = findPython(); err != nil {
		fmt.Fprintln(os.Stderr, "these tests compare with Ray's own scheduler: run them with `make test`.", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// ray is Ray's scheduler, for a few cases one by one.
func ray(t *testing.T, args ...string) planner {
	t.Helper()
	ask, stop := lazily(t.Context(), python, args...)
	t.Cleanup(func() { _ = stop() }) // the context has ended it
	return ask
}

// TestRandomCases compares new cases every time.
func TestRandomCases(t *testing.T) {
	const n = 1000
	var out strings.Builder
	t.Logf("seed %d; again with: go test ./test/parity -run %s -seed %d", *seed, t.Name(), *seed)
	r, start := newReport(ray(t, exact)), time.Now()
	if err := compare(t.Context(), python, 1, rayburst, randomQuestions(*seed, n, ""), r.take); err != nil {
		t.Fatal(err)
	}
	r.print(&out, time.Since(start))
	t.Log("\n" + out.String())
	if len(r.differences) > 0 {
		if err := printShrunk(t.Context(), python, r, &out); err != nil {
			t.Error(err)
		}
		t.Errorf("seed %d:\n%s", *seed, out.String())
	}
	for _, what := range []string{"launch", "idle", "outdated", "max-workers", "max-workers-of-type", "infeasible task", "infeasible gang",
		"infeasible constraint"} {
		if r.shows[what] < n/100 {
			t.Errorf("%d of %d plans have %s", r.shows[what], n, what)
		}
	}
	if r.shows["error"] > 0 {
		t.Errorf("Ray raised in %d cases", r.shows["error"])
	}
}

// TestExamples: both give the written answers.
func TestExamples(t *testing.T) {
	rays := ray(t)
	for _, q := range examples(t) {
		if v, err := ask(q, rayburst, rays); err != nil || !v.same() {
			t.Errorf("%v: %s", err, line(v))
		}
	}
}

func examples(t *testing.T) []question {
	t.Helper()
	f, err := os.Open("../../nodetypes/testdata/examples.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	list, err := readQuestions(f)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 78 || list[0].written == nil {
		t.Fatalf("read %d examples only, or no answers", len(list))
	}
	return list
}

// TestGenerated: a seed gives the same cases again; all levels give valid ones.
func TestGenerated(t *testing.T) {
	for i := range 10 * len(levels) {
		a, b := generated(*seed, i, ""), generated(*seed, i, "")
		if string(a.raw) != string(b.raw) {
			t.Fatalf("two cases:\n%s\n%s", a.raw, b.raw)
		}
		if _, err := plancase.Decode(a.raw); err != nil {
			t.Errorf("%s: %v", a.raw, err)
		}
	}
}

// TestBadCase: what Ray raises is an answer, and the process goes on.
func TestBadCase(t *testing.T) {
	ask := ray(t)
	bad := `{"nodeTypes": [{"name": "a", "resources": {"CPU": 1}}], "nodes": [{"id": "n", "type": "a", "available": {"CPU": 3}}],
		"demand": {"tasks": [{"resources": {"CPU": 1}}]}}`
	if a, err := ask([]byte(bad)); err != nil || !strings.Contains(a.Error, "Invalid utilization") {
		t.Errorf("%v, %v", a, err)
	}
	if a, err := ask([]byte(`{"nodeTypes": [{"name": "a", "minWorkers": 1}]}`)); err != nil || a.Launch["a"] != 1 {
		t.Errorf("%v, %v", a, err)
	}
}
