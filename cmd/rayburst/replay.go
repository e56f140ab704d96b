package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/rayburst/rayburst/demand/demandpb"
	"github.com/rayburst/rayburst/deploy/local"
	"github.com/rayburst/rayburst/scaler"
	"github.com/rayburst/rayburst/scaler/httpapi"
	"github.com/rayburst/rayburst/scaler/record"
)

// replayCmd makes the decisions of a recording again.
type replayCmd struct {
	File    string `arg:"" type:"existingfile" help:"A recording, compressed or not."`
	Subject string `arg:"" optional:"" help:"With --explain: a node type, or a worker's or node's name or id; all if left out."`
	Explain bool   `help:"Say why, as rayburst explain does, at the end or at the moment chosen."`
	At      string `placeholder:"TIME|N" help:"Stop at this decision: its number, or a time after the start (6.1s) or of the day (2026-01-02T15:04:05Z)."`
	Output  string `short:"o" enum:"text,json" default:"text" help:"text or json."`
}

// Help is what `rayburst replay --help` adds to the usage.
func (replayCmd) Help() string {
	return `Makes every decision of a recording again, from what the scaler was told, and
compares it byte by byte with the recorded one. It ends with 1, and says what
differs, at the first that is not the same.`
}

// Run plays the file to standard output.
func (c *replayCmd) Run() error {
	in, done, err := openRecording(c.File)
	if err != nil {
		return err
	}
	defer done() //nolint:errcheck // it was only read
	if err := c.play(in, os.Stdout); err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	return nil
}

func (c *replayCmd) play(in io.Reader, out io.Writer) error {
	if c.Subject != "" && !c.Explain {
		return fmt.Errorf("%q: give --explain to have it explained", c.Subject)
	}
	if c.Explain && c.Output == "json" {
		return errors.New("--explain: must not be given with --output json")
	}
	p, err := record.Open(in, demandpb.UnmarshalReport)
	if err != nil {
		return err
	}
	stop, err := parseMoment(c.At, p.Header.Start)
	if err != nil {
		return err
	}
	r := &replay{Player: p, stop: stop, show: c.show(out, p.Header.Start)}
	if err := r.run(); err != nil {
		return err
	}
	if c.Explain {
		text, err := r.last.Explain(c.Subject)
		if err != nil {
			return err
		}
		fmt.Fprint(out, text)
	}
	if c.Output == "json" {
		out = os.Stderr
	}
	fmt.Fprintln(out, r.summary())
	return nil
}

// show prints a changed decision: as rayburst local does, or as JSON.
func (c *replayCmd) show(out io.Writer, start time.Time) func(n int, d *scaler.Decision) error {
	if c.Output == "json" {
		e := json.NewEncoder(out)
		return func(n int, d *scaler.Decision) error {
			return e.Encode(struct {
				N int `json:"n"`
				httpapi.ClusterDecision
			}{n, httpapi.ClusterDecision{Namespace: d.Cluster.Namespace, Name: d.Cluster.Name, Decision: d}})
		}
	}
	timeline := local.NewTimeline(start)
	return func(_ int, d *scaler.Decision) (err error) {
		if d.Unknown != "" && d.Seq > 1 {
			_, err = fmt.Fprintln(out, unknown(d))
		}
		for _, l := range timeline.Decided(d) {
			_, err = fmt.Fprintln(out, l)
		}
		return err
	}
}

// stop is where a replay is to end; the zero value is nowhere.
type stop struct {
	n  int
	at time.Time
}

func parseMoment(s string, start time.Time) (stop, error) {
	if s == "" {
		return stop{}, nil
	}
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return stop{n: n}, nil
	}
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return stop{at: start.Add(d)}, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return stop{at: t}, nil
	}
	return stop{}, fmt.Errorf("--at: must be a decision's number, a time after the start such as 6.1s, or a time such as 2026-01-02T15:04:05Z (got %q)", s)
}

// over tells whether a decision is beyond the end.
func (s stop) over(n int, at time.Time) bool {
	return s.n > 0 && n > s.n || !s.at.IsZero() && at.After(s.at)
}

// replay is one run through a recording.
type replay struct {
	*record.Player
	stop stop
	show func(n int, d *scaler.Decision) error
	n    int
	last *scaler.Decision
}

func (r *replay) run() error {
	for {
		d, err := r.Next()
		if d != nil && r.stop.over(r.n+1, d.At) {
			return r.reached()
		}
		if errors.Is(err, io.EOF) {
			return r.reached()
		}
		if err != nil {
			return err
		}
		r.n++
		if r.last == nil || d.Seq != r.last.Seq {
			if err := r.show(r.n, d); err != nil {
				return fmt.Errorf("writing decision %d: %w", r.n, err)
			}
		}
		r.last = d
		if r.n == r.stop.n {
			return nil
		}
	}
}

// reached fails if there is no decision, or none at the moment chosen.
func (r *replay) reached() error {
	switch {
	case r.n < r.stop.n:
		return fmt.Errorf("--at: the recording has %d decisions (got %d)", r.n, r.stop.n)
	case r.n == 0 && !r.stop.at.IsZero():
		return fmt.Errorf("--at: must not be before the first decision (got %v)", r.stop.at)
	case r.n == 0:
		return errors.New("the recording has no decision")
	}
	return nil
}

// summary says how many decisions were the same, and where the recording ends
// early.
func (r *replay) summary() string {
	s := fmt.Sprintf("%d decisions reproduced byte by byte", r.n)
	switch {
	case r.stop != stop{}:
		return s
	case r.End == "":
		return s + fmt.Sprintf("; the recording is cut off at line %d", r.Lines)
	case r.End != record.EndAsked && r.End != record.EndScaler:
		return s + "; the recording ends early, " + r.End
	}
	return s
}
