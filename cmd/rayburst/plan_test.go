package main

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlan(t *testing.T) {
	const none = `{"launch":{},"terminate":[],"infeasible":{"tasks":[],"gangs":[],"constraints":[]}}` + "\n"
	const one = `{"launch":{"a":1},"terminate":[],"infeasible":{"tasks":[],"gangs":[],"constraints":[]}}` + "\n"
	for name, c := range map[string]struct{ in, out, err string }{
		"no case":     {" \n", "", ""},
		"two cases":   {`{"nodeTypes":[]}` + "\n\n" + `{"nodeTypes":[{"name":"a","minWorkers":1}]}`, none + one, ""},
		"on one line": {`{"nodeTypes":[]}{"nodeTypes":[]}`, none + none, ""},
		"second bad":  {`{"nodeTypes":[]} {"nodeTypes":[{}]}`, none, "case 2: nodeTypes[0].name: is required"},
		"not JSON":    {`{"nodeTypes":[]} x`, none, "case 2: invalid character 'x' looking for beginning of value"},
		"cut off":     {`{"nodeTypes":[`, "", "case 1: unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			err := (&planner{}).plan(strings.NewReader(c.in), &out)
			if got := message(err); got != c.err {
				t.Errorf("error %q, want %q", got, c.err)
			}
			if out.String() != c.out {
				t.Errorf("\n got %s\nwant %s", out.String(), c.out)
			}
		})
	}
}

// TestPlanText: cases are separated by an empty line.
func TestPlanText(t *testing.T) {
	var out strings.Builder
	p := planner{text: true}
	if err := p.plan(strings.NewReader(`{"nodeTypes":[]}{"nodeTypes":[{"name":"a","minWorkers":1}],"nodes":[{"id":"b","type":"c","status":"joining"}]}`), &out); err != nil {
		t.Fatal(err)
	}
	const want = "Nothing is launched or terminated.\n\nLAUNCH  NODES  NOW  FOR\na       1      -    1 for minimums\n\nTERMINATE  REASON\nb          outdated\n"
	if out.String() != want {
		t.Errorf("\n got %q\nwant %q", out.String(), want)
	}
}

// TestPlanRepeatsItself: a case that is given 100 times in a row is answered
// with the same bytes each time, in every form.
func TestPlanRepeatsItself(t *testing.T) {
	const line = `{"nodeTypes":[{"name":"a","resources":{"CPU":4},"maxWorkers":9,"labels":{"z":"x","y":"w"}},{"name":"b","resources":{"CPU":8,"GPU":1},"minWorkers":1}],` +
		`"upscalingSpeed":1,"idleTimeoutSeconds":1,"nodes":[{"id":"n1","type":"a","idleSeconds":2},{"id":"n0","type":"gone","status":"joining"}],` +
		`"demand":{"tasks":[{"resources":{"CPU":1,"GPU":1},"count":7},{"resources":{"CPU":9},"labelSelector":{"z":"x","y":"!v"},"fallback":[{}]}],` +
		`"gangs":[{"strategy":"STRICT_PACK","bundles":[{"resources":{"CPU":3,"X":1},"count":2}]}]}}` + "\n"
	for _, p := range []planner{{}, {explain: true}, {text: true}, {explain: true, text: true}} {
		var once, often strings.Builder
		if err := errors.Join(p.plan(strings.NewReader(line), &once), p.plan(strings.NewReader(strings.Repeat(line, 100)), &often)); err != nil {
			t.Fatal(err)
		}
		between := ""
		if p.text {
			between = "\n"
		}
		want := strings.Join(slices.Repeat([]string{once.String()}, 100), between)
		if diff := cmp.Diff(want, often.String()); diff != "" {
			t.Errorf("%+v: want -, got +:\n%s", p, diff)
		}
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestPlanReportsThatItCannotWrite(t *testing.T) {
	full := errors.New("disk full")
	if err := (&planner{}).plan(strings.NewReader(`{"nodeTypes":[]}`), failing{full}); !errors.Is(err, full) {
		t.Errorf("error %v, want %v", err, full)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
