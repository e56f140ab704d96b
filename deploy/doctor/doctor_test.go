package doctor_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/rayburst/rayburst/deploy/doctor"
)

// healthy is a snapshot in which nothing is wrong.
func healthy(t *testing.T) *doctor.Snapshot {
	t.Helper()
	b, err := os.ReadFile("testdata/healthy.yaml")
	s := &doctor.Snapshot{}
	if err == nil {
		err = yaml.Unmarshal(b, s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestHealthy: no rule finds anything where nothing is wrong.
func TestHealthy(t *testing.T) {
	if found := doctor.Examine(healthy(t)); len(found) > 0 || !doctor.Healthy(found) {
		t.Errorf("%v", found)
	}
}

// TestRules: what each rule finds in a snapshot in which one thing is changed:
// of the snapshot, or of its only scaler or ScaledObject. To accept what changed:
//
//	go test ./deploy/doctor -run Rules -rewrite
func TestRules(t *testing.T) {
	found := map[string]bool{}
	datadriven.RunTest(t, "testdata/rules", func(t *testing.T, d *datadriven.TestData) string {
		s := healthy(t)
		at := map[string]any{"snapshot": s, "object": &s.Objects[0], "scaler": &s.Scalers[0]}[d.Cmd]
		if at == nil {
			return many(t, d, s, found)
		}
		if err := yaml.Unmarshal([]byte(d.Input), at); err != nil {
			t.Fatalf("%s: %v", d.Pos, err)
		}
		return text(s, found)
	})
	if d := cmp.Diff(doctor.Rules(), slices.DeleteFunc(doctor.Rules(), func(r string) bool { return !found[r] })); d != "" {
		t.Errorf("rules without a scenario: %s", d)
	}
}

// many has so many of the healthy object, each with an HPA.
func many(t *testing.T, d *datadriven.TestData, s *doctor.Snapshot, found map[string]bool) string {
	t.Helper()
	if d.Cmd != "many" {
		t.Fatalf("%s: unknown command %q", d.Pos, d.Cmd)
	}
	var n int
	if _, err := fmt.Sscan(d.Input, &n); err != nil {
		t.Fatal(err)
	}
	five, ten := 5, 10
	o, h := s.Objects[0], s.HPAs[0]
	o.Polling, o.Cooldown = &five, &ten
	s.Objects, s.HPAs = nil, nil
	for i := range n {
		o.Name = fmt.Sprintf("train-%d", i)
		o.Target, h.Owner, h.Target, h.Name = o.Name, o.Name, o.Name, "keda-hpa-"+o.Name
		s.Objects, s.HPAs = append(s.Objects, o), append(s.HPAs, h)
	}
	out := text(s, found)
	lines := strings.SplitAfter(out, "\n")
	if len(lines) > 12 {
		return strings.Join(lines[:12], "") + "…\n"
	}
	return out
}

func text(s *doctor.Snapshot, found map[string]bool) string {
	var out strings.Builder
	for _, f := range doctor.Examine(s) {
		found[f.Rule] = true
		fmt.Fprintf(&out, "%s: %s\n", f.Rule, f)
	}
	if out.Len() == 0 {
		return "nothing\n"
	}
	return out.String()
}

var documented = regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|")

// TestDocument: docs/doctor.md has a row for every rule, in their order.
func TestDocument(t *testing.T) {
	b, err := os.ReadFile("../../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range documented.FindAllStringSubmatch(string(b), -1) {
		got = append(got, m[1])
	}
	if d := cmp.Diff(doctor.Rules(), got); d != "" {
		t.Errorf("(-rules +documented):\n%s", d)
	}
}
