package nodetypes_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/nodetypes/plancase"
)

// TestScenarios plans the cases in testdata/plan. To accept what changed:
//
//	go test ./nodetypes -run Scenarios -rewrite
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata/plan", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "plan":
				return planText(d.Input)
			case "explain":
				return explainText(d.Input)
			case "bound":
				return boundText(t, d)
			}
			t.Fatalf("%s: unknown command %q", d.Pos, d.Cmd)
			return ""
		})
	})
}

func planText(input string) string {
	c, err := plancase.Decode([]byte(input))
	if err != nil {
		return "error: " + err.Error()
	}
	r := nodetypes.Schedule(c.Request)
	var b strings.Builder
	for _, l := range r.Launch {
		fmt.Fprintf(&b, "launch %s: %d%s\n", l.Type, l.Count(), causes("minimum", int64(l.Minimum), "constraint", int64(l.Constraint),
			"gang", int64(l.Gang), "task", int64(l.Task)))
	}
	if r.LaunchNow != nil {
		fmt.Fprintln(&b, "now:", r.LaunchNow)
	}
	for _, x := range r.Terminate {
		fmt.Fprintf(&b, "terminate %s: %s\n", x.ID, x.Reason)
	}
	for _, u := range r.Used {
		fmt.Fprintf(&b, "use %s:%s\n", c.Request.Nodes[u.Node].ID, causes("constraint", u.Constraints, "gang", u.Bundles, "task", u.Tasks))
	}
	for _, s := range r.Infeasible.Tasks {
		fmt.Fprintf(&b, "infeasible task: %d %s\n", s.Count, s)
	}
	for _, g := range r.Infeasible.Gangs {
		fmt.Fprintf(&b, "infeasible gang: %s\n", g.Name)
	}
	for _, s := range r.Infeasible.Constraints {
		fmt.Fprintf(&b, "infeasible constraint: %d %s\n", s.Count, s)
	}
	if b.Len() == 0 {
		return "nothing\n"
	}
	return b.String()
}

func explainText(input string) string {
	c, err := plancase.Decode([]byte(input))
	if err != nil {
		return "error: " + err.Error()
	}
	e := nodetypes.Explain(c.Request)
	return e.Text()
}

func causes(pairs ...any) string {
	s := ""
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != int64(0) {
			s += fmt.Sprintf(" %s=%d", pairs[i], pairs[i+1])
		}
	}
	return s
}

func boundText(t *testing.T, d *datadriven.TestData) string {
	var b strings.Builder
	for line := range strings.Lines(d.Input) {
		var speed float64
		var running, joining int
		if _, err := fmt.Sscan(line, &speed, &running, &joining); err != nil {
			t.Fatalf("%s: %v", d.Pos, err)
		}
		fmt.Fprintln(&b, nodetypes.UpscalingBound(speed, running, joining))
	}
	return b.String()
}
