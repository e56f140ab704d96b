package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/plot/plotter"
)

const good = "curve,x,milliseconds\ntasks,1,0.5\ntasks,10,0.6\nclasses,1,2\nclasses,2,3\n"

func TestRead(t *testing.T) {
	got, err := read(strings.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || len(got[tasks]) != 2 || got[tasks][1].X != 10 || got[classes][1].Y != 3 {
		t.Errorf("got %v", got)
	}
}

// TestBadFile: what is wrong with a file is refused by its line.
func TestBadFile(t *testing.T) {
	for old, c := range map[string]struct{ changed, want string }{
		"curve,x,milliseconds": {"curve,x,ms", `line 1: the header must be ["curve" "x" "milliseconds"], not ["curve" "x" "ms"]`},
		"tasks,10,0.6":         {"tasks,10,fast", `line 3: milliseconds: must be a number above 0, not "fast"`},
		"tasks,1,0.5":          {"tasks,0,0.5", `line 2: x: must be a number above 0, not "0"`},
		"classes,1,2":          {"nodes,1,2", `line 4: curve: must be tasks or classes, not "nodes"`},
		"classes,2,3":          {"classes,2", "line 5: must have 3 fields, not 2"},
		"classes,2,3\n":        {"", "classes: must have two points at least, not 1"},
		good:                   {"", "tasks: must have two points at least, not 0"},
	} {
		file := filepath.Join(t.TempDir(), "bad.csv")
		if err := os.WriteFile(file, []byte(strings.Replace(good, old, c.changed, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		err := run([]string{file, file + ".svg"})
		if want := "reading " + file + ": " + c.want; err == nil || err.Error() != want {
			t.Errorf("got %v, not %s", err, want)
		}
	}
}

// TestPicture: the picture of the documents is that of their figures.
func TestPicture(t *testing.T) {
	points, err := readFile("../../docs/planner-growth.csv")
	if err != nil {
		t.Fatal(err)
	}
	got := drawn(t, points)
	for _, want := range []string{
		"<svg", "1,337 nodes, all with some CPU free", "tasks of one shape", "10,000 nodes, 10,000 tasks of one shape",
		"classes of nodes (equal nodes are one class)", "time of a plan, milliseconds", ">0.1<", ">1,000,000<",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("does not mention %q", want)
		}
	}
	committed, err := os.ReadFile("../../docs/planner-growth.svg")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(committed) {
		t.Error("docs/planner-growth.svg is not the picture of docs/planner-growth.csv: run make picture")
	}
}

// TestPoints: every measured point is a dot.
func TestPoints(t *testing.T) {
	points, err := read(strings.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	for n := 4; n < 7; n++ {
		if dots := strings.Count(drawn(t, points), "fill:#0B5FA5"); dots != n {
			t.Errorf("%d dots of %d points", dots, n)
		}
		points[tasks] = append(points[tasks], plotter.XY{X: 100, Y: 1})
	}
}

func drawn(t *testing.T, points curves) string {
	t.Helper()
	svg, err := draw(points)
	if err != nil {
		t.Fatal(err)
	}
	return string(svg)
}
