package deploy_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/rayburst/rayburst/deploy"
	"github.com/rayburst/rayburst/scaler"
)

// TestIdle: what is seen of a cluster, minute by minute, and when it is
// suspended. Each line of a watch is a minute and what a scaler says then: a
// word and what goes with it.
func TestIdle(t *testing.T) {
	datadriven.RunTest(t, "testdata/idle.txt", func(t *testing.T, d *datadriven.TestData) string {
		limit, err := time.ParseDuration(d.CmdArgs[0].Key)
		if err != nil {
			t.Fatal(err)
		}
		var since time.Time
		var out strings.Builder
		for line := range strings.Lines(d.Input) {
			words := strings.Fields(line)
			minutes, err := strconv.ParseFloat(words[0], 64)
			if err != nil {
				t.Fatal(err)
			}
			now := day.Add(time.Duration(minutes * float64(time.Minute)))
			a := deploy.ActivityOf(seen(t, now, words[1:]), now)
			var verdict deploy.Verdict
			since, verdict = deploy.Idle(since, now, a, limit)
			fmt.Fprintf(&out, "%s: %s", words[0], verdict)
			if !since.IsZero() {
				fmt.Fprintf(&out, " since %g", since.Sub(day).Minutes())
			}
			if a != (deploy.Activity{}) {
				fmt.Fprintf(&out, " (%s%s)", a.Unknown, a.Busy)
			}
			out.WriteString("\n")
		}
		return out.String()
	})
}

var day = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// seen is a decision in words: nothing, unknown, old, workers, waits, head busy,
// no-head, other, idle.
func seen(t *testing.T, now time.Time, words []string) *scaler.Decision {
	t.Helper()
	head := scaler.NodeView{Name: "head", Head: true, State: scaler.StateIdle}
	d := &scaler.Decision{At: now, Targets: []scaler.Target{{Type: "gpu"}}, Nodes: scaler.Now([]scaler.NodeView{head})}
	switch strings.Join(words, " ") {
	case "idle":
	case "nothing":
		return nil
	case "unknown":
		d.Unknown = "no fresh report of the head"
	case "old":
		d.At = now.Add(-2 * time.Minute)
	case "target":
		d.Targets[0].Workers = 1
	case "replicas":
		d.Targets[0].Replicas = 2
	case "draining":
		d.Targets[0].Draining = 1
	case "waits":
		d.Waiting = []scaler.Waiting{{What: "3 × {GPU: 9}", Why: scaler.WaitInfeasible}}
	case "head busy":
		head.State = scaler.StateRunning
		d.Nodes = scaler.Now([]scaler.NodeView{head})
	case "no-head":
		d.Nodes = scaler.Now[[]scaler.NodeView](nil)
	case "other":
		d.Nodes = scaler.Now([]scaler.NodeView{head, {Name: "mine", State: scaler.StateRunning}})
	default:
		t.Fatalf("what is %q?", words)
	}
	return d
}
