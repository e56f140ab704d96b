package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/scaler/record"
)

const (
	smallFile = "../../scaler/record/testdata/small.jsonl"
	demoFile  = "../../scaler/record/testdata/demo.rec.gz"
)

func replayed(t *testing.T, c replayCmd) (string, error) {
	t.Helper()
	in, done, err := openRecording(c.File)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = done() }()
	if c.Output == "" {
		c.Output = "text"
	}
	var out strings.Builder
	err = c.play(in, &out)
	return out.String(), err
}

func TestReplay(t *testing.T) {
	const rises = "   +0.30s  cpu 0 → 2 (Tasks): 0 running, 0 joining, 0 draining; +2 (2 for tasks and actors)\n"
	const falls = "   +2.80s  cpu 2 → 1 (Idle): 1 running, 0 joining, 0 draining; 1 drained workers are leaving\n"
	for name, tt := range map[string]struct {
		c         replayCmd
		out, fail string
	}{
		"whole":             {replayCmd{}, rises + falls + "7 decisions reproduced byte by byte\n", ""},
		"a number":          {replayCmd{At: "3"}, rises + "3 decisions reproduced byte by byte\n", ""},
		"a time after":      {replayCmd{At: "303ms"}, rises + "5 decisions reproduced byte by byte\n", ""},
		"a time of the day": {replayCmd{At: "2026-01-02T13:00:00.1+01:00"}, "2 decisions reproduced byte by byte\n", ""},
		"a node type": {replayCmd{At: "4", Explain: true, Subject: "cpu"}, rises +
			"cpu: 2 workers, because Joining: 0 running, 2 joining, 0 draining\n" +
			"  cpu-1 is pending and stays, because Joining: waits to be started for 0s\n" +
			"  cpu-2 is pending and stays, because Joining: waits to be started for 0s\n4 decisions reproduced byte by byte\n", ""},
		"nobody":            {replayCmd{Explain: true, Subject: "x"}, rises + falls, `"x" is neither a node type (cpu) nor a node (head, cpu-2)`},
		"beyond the end":    {replayCmd{At: "8"}, rises + falls, "--at: the recording has 7 decisions (got 8)"},
		"long after":        {replayCmd{At: "1h"}, rises + falls + "7 decisions reproduced byte by byte\n", ""},
		"before":            {replayCmd{At: "2026-01-02T11:59:59Z"}, "", "--at: must not be before the first decision"},
		"no moment":         {replayCmd{At: "soon"}, "", `--at: must be a decision's number, a time after the start such as 6.1s`},
		"not explained":     {replayCmd{Subject: "cpu"}, "", `"cpu": give --explain`},
		"explained as JSON": {replayCmd{Explain: true, Output: "json"}, "", "--explain: must not be given with --output json"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.c.File = smallFile
			out, err := replayed(t, tt.c)
			if diff := cmp.Diff(tt.out, out); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !strings.Contains(message(err), tt.fail) || (err == nil) != (tt.fail == "") {
				t.Errorf("error %v, want %q", err, tt.fail)
			}
		})
	}
}

// TestReplayAsJSON: one line for each changed decision, with its number.
func TestReplayAsJSON(t *testing.T) {
	out, err := replayed(t, replayCmd{File: smallFile, Output: "json"})
	if err != nil {
		t.Fatal(err)
	}
	var starts []string
	for line := range strings.Lines(out) {
		starts = append(starts, line[:strings.Index(line, `,"at"`)])
	}
	var want []string
	for i, n := range []int{1, 2, 3, 4, 6, 7} {
		want = append(want, fmt.Sprintf(`{"n":%d,"namespace":"ml","name":"train","seq":%d`, n, i+1))
	}
	if diff := cmp.Diff(want, starts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// copied is a changed copy of a file.
func copied(t *testing.T, path string, change func([]byte) []byte) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "recording")
	if err := os.WriteFile(out, change(b), 0o644); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestReplayDiffers: the first decision that is another one is an error that
// shows what differs.
func TestReplayDiffers(t *testing.T) {
	file := copied(t, smallFile, func(b []byte) []byte { return bytes.Replace(b, []byte(`"workers":2,`), []byte(`"workers":1,`), 1) })
	out, err := replayed(t, replayCmd{File: file})
	var d *record.Difference
	if !errors.As(err, &d) || !strings.Contains(err.Error(), "targets[cpu].workers\n    recorded 1\n    played   2") || strings.Contains(out, "reproduced") {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := replayed(t, replayCmd{File: file, At: "200ms"}); err != nil {
		t.Errorf("before the difference: %v", err)
	}
}

// TestReplayCutOff: all of a recording of a killed scaler is played.
func TestReplayCutOff(t *testing.T) {
	for name, tt := range map[string]struct {
		path, want string
		keep       int
	}{
		"text":       {smallFile, "5 decisions reproduced byte by byte; the recording is cut off at line 8\n", 4700},
		"compressed": {demoFile, "the recording is cut off at line ", 30_000},
	} {
		file := copied(t, tt.path, func(b []byte) []byte { return b[:tt.keep] })
		if out, err := replayed(t, replayCmd{File: file}); err != nil || !strings.Contains(out, tt.want) {
			t.Errorf("%s: %v, want %q in\n%s", name, err, tt.want, out)
		}
	}
	early := copied(t, smallFile, func(b []byte) []byte {
		return bytes.Replace(b, []byte("the scaler has ended"), []byte("dropped: too slow"), 1)
	})
	if out, err := replayed(t, replayCmd{File: early}); err != nil || !strings.HasSuffix(out, "byte by byte; the recording ends early, dropped: too slow\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestReplayBadFiles(t *testing.T) {
	damaged := copied(t, demoFile, func(b []byte) []byte { b[20_000] ^= 0xff; return b })
	if _, err := replayed(t, replayCmd{File: damaged}); err == nil {
		t.Error("a damaged file was taken")
	}
	if _, err := replayed(t, replayCmd{File: "replay_test.go"}); !errors.Is(err, record.ErrRecording) {
		t.Errorf("%v, want %v", err, record.ErrRecording)
	}
	header := copied(t, smallFile, func(b []byte) []byte { return b[:bytes.IndexByte(b, '\n')+1] })
	if _, err := replayed(t, replayCmd{File: header}); message(err) != "the recording has no decision" {
		t.Error(err)
	}
	if err := (&replayCmd{File: "nowhere"}).Run(); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// TestRecordingFiles: what is written to a file is read from it, and soon.
func TestRecordingFiles(t *testing.T) {
	for _, name := range []string{"a.jsonl", "a.jsonl.gz"} {
		path := filepath.Join(t.TempDir(), name)
		out, err := createRecording(path)
		if err != nil {
			t.Fatal(err)
		}
		if g, ok := out.(*gzipFile); ok {
			g.flushed = g.flushed.Add(-2 * time.Second)
		}
		if _, err := io.WriteString(out, "a line\n"); err != nil {
			t.Fatal(err)
		}
		in, done, err := openRecording(path)
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 7)
		if _, err := io.ReadFull(in, b); err != nil || string(b) != "a line\n" {
			t.Errorf("%s: %q, %v before it is closed", name, b, err)
		}
		if err := errors.Join(done(), out.Close()); err != nil {
			t.Error(err)
		}
	}
	if _, err := createRecording(filepath.Join(t.TempDir(), "no", "folder")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
