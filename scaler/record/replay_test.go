package record

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/demand/demandpb"
)

// play plays a whole recording and returns its player at the end.
func play(file []byte) (p *Player, decisions int, err error) {
	p, err = Open(bytes.NewReader(file), demandpb.UnmarshalReport)
	for err == nil {
		if _, err = p.Next(); err == nil {
			decisions++
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return p, decisions, err
}

// TestDemo: every decision of the README's burst on real Ray is made again byte
// by byte. To accept decisions that have changed for a reason:
//
//	go test ./scaler/record -run Demo -rewrite
func TestDemo(t *testing.T) {
	if *rewrite {
		writeDemo(t, recordAgain(t, demo(t), 0, 1<<30, false))
	}
	p, n, err := play(demo(t))
	if err != nil {
		t.Fatal(err)
	}
	if n < 300 || p.End != EndScaler {
		t.Errorf("%d decisions, end %q", n, p.End)
	}
}

// TestRecordedAgain: recording what is played gives the same bytes.
func TestRecordedAgain(t *testing.T) {
	part := recordAgain(t, demo(t), 0, 110, false)
	if got := recordAgain(t, part, 0, 110, false); !bytes.Equal(got, part) {
		t.Error(cmp.Diff(strings.Split(string(part), "\n"), strings.Split(string(got), "\n")))
	}
	if !bytes.HasPrefix(demo(t), part[:bytes.LastIndex(part, []byte(`{"end"`))]) {
		t.Error("the recording's beginning is not the same")
	}
}

// TestHundredTimes: a part of the burst, from a checkpoint on, gives the same
// bytes a hundred times, whatever the order of maps.
func TestHundredTimes(t *testing.T) {
	part := recordAgain(t, demo(t), 95, 100, false)
	for i := range 100 {
		if got := recordAgain(t, part, 0, 5, false); !bytes.Equal(steps(got), steps(part)) {
			t.Fatalf("run %d differs:\n%s", i, cmp.Diff(string(steps(part)), string(steps(got))))
		}
	}
	if got := recordAgain(t, demo(t), 95, 100, false); !bytes.Equal(got, part) {
		t.Error("the checkpoint differs")
	}
}

// steps are a recording's lines without header, checkpoint, and what comes twice.
func steps(file []byte) []byte {
	var out []byte
	for line := range bytes.Lines(file) {
		if !bytes.HasPrefix(line, []byte(`{"header"`)) && !bytes.HasPrefix(line, []byte(`{"checkpoint"`)) && !bytes.Contains(line, []byte(`,"report":`)) {
			out = append(out, line...)
		}
	}
	return out
}

// TestRepeatedReports: what comes twice changes no decision.
func TestRepeatedReports(t *testing.T) {
	file := recordAgain(t, demo(t), 0, 110, false)
	if diff := cmp.Diff(string(steps(file)), string(steps(recordAgain(t, file, 0, 1<<30, true)))); diff != "" {
		t.Error(diff)
	}
}

// TestFromCheckpoints: from wherever a recording begins, the decisions are the
// same.
func TestFromCheckpoints(t *testing.T) {
	file := demo(t)
	for _, from := range []int{7, 160} {
		if _, n, err := play(recordAgain(t, file, from, from+10, false)); err != nil || n != 10 {
			t.Fatalf("from decision %d: %d more, %v", from, n, err)
		}
	}
}

// TestCutOff: of a recording that is cut off anywhere, all before is played.
func TestCutOff(t *testing.T) {
	file := recordAgain(t, demo(t), 0, 30, false)
	rng := rand.New(rand.NewPCG(1, 1))
	for range 12 {
		at := rng.IntN(len(file)-1000) + 900 // behind the header
		want := bytes.Count(file[:bytes.LastIndexByte(file[:at], '\n')+1], []byte(`,"n":`))
		p, n, err := play(file[:at])
		if err != nil || n != want || p.End != "" {
			t.Errorf("cut off at %d: %d decisions, end %q, %v; want %d", at, n, p.End, err, want)
		}
	}
}

// TestDifference: the first decision that is not the recorded one is named,
// with the values that differ.
func TestDifference(t *testing.T) {
	file := demo(t)
	changed := bytes.Replace(file, []byte(`"type":"gpu","workers":5,`), []byte(`"type":"gpu","workers":6,`), 1)
	_, n, err := play(changed)
	var d *Difference
	if !errors.As(err, &d) {
		t.Fatalf("%v, want a difference", err)
	}
	if want := []Field{{"targets[gpu].workers", "6", "5"}}; n != d.N-1 || !cmp.Equal(want, d.Fields) {
		t.Errorf("after %d decisions: %+v, want %v", n, d, want)
	}
	for _, want := range []string{"decision 8 at +4.52s (2026-", "targets[gpu].workers\n    recorded 6\n    played   5"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	for name, change := range map[string][2]string{
		"something is not recorded":     {`"victims":["burst-gpu-1"],`, ``},
		"something is recorded for all": {`"unknown":null,`, ``},
		"something is recorded only":    {`"victims":["burst-gpu-1"],`, `"victims":["burst-gpu-1"],"more":1,`},
	} {
		if _, _, err := play(bytes.Replace(file, []byte(change[0]), []byte(change[1]), 1)); !errors.As(err, &d) || len(d.Fields) == 0 {
			t.Errorf("%s: %v, want a difference", name, err)
		}
	}
	// An input that is left out makes a difference too.
	lines := bytes.SplitAfter(file, []byte("\n"))
	for i, line := range lines {
		if bytes.Contains(line, []byte(`"report"`)) && i > 10 {
			lines[i] = nil
			break
		}
	}
	if _, _, err := play(bytes.Join(lines, nil)); !errors.As(err, &d) {
		t.Errorf("%v without one of the reports, want a difference", err)
	}
}
