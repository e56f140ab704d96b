package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const goodTimeline = "phase,event,worker,seconds\n0→2,demand submitted,,0.000\n0→2,pod created,1,0.300\n0→2,pod created,2,0.400\n2→0,last task ended,,0.000\n2→0,pod gone,1,9.5\n"

// TestTimelinePicture: every phase and event is in the picture, with its time.
func TestTimelinePicture(t *testing.T) {
	phases, err := readTimeline(strings.NewReader(goodTimeline))
	if err != nil {
		t.Fatal(err)
	}
	got, err := drawTimeline(phases)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"0→2 workers", "2→0 workers", "demand submitted", "pod created", ">0.40<", "last task ended", "pod gone", ">9.50<", "seconds"} {
		if !strings.Contains(string(got), want) {
			t.Errorf("does not mention %q", want)
		}
	}
}

// TestBadTimeline: what is wrong with a file is refused by its line.
func TestBadTimeline(t *testing.T) {
	for changed, want := range map[string]string{
		strings.Replace(goodTimeline, "worker", "pod", 1):    `line 1: the header must be ["phase" "event" "worker" "seconds"], not ["phase" "event" "pod" "seconds"]`,
		strings.Replace(goodTimeline, "0.300", "soon", 1):    `line 3: seconds: must be a number of at least 0, not "soon"`,
		strings.Replace(goodTimeline, "9.5", "-1", 1):        `line 6: seconds: must be a number of at least 0, not "-1"`,
		goodTimeline[:strings.IndexByte(goodTimeline, '\n')]: "line 2: there must be an event",
	} {
		if _, err := readTimeline(strings.NewReader(changed)); err == nil || err.Error() != want {
			t.Errorf("got %v, not %s", err, want)
		}
	}
}

// TestTimelineOfTheDocuments: the picture of the documents is that of its figures.
func TestTimelineOfTheDocuments(t *testing.T) {
	file := filepath.Join(t.TempDir(), "timeline.svg")
	if err := run([]string{"timeline", "../../docs/timeline.csv", file}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("../../docs/timeline.svg")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("docs/timeline.svg is not that of docs/timeline.csv: draw it anew")
	}
}
