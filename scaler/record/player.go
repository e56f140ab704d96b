package record

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/scaler"
)

// Player makes the decisions of a recording again and compares them with the
// recorded ones. It is not safe for concurrent use.
type Player struct {
	// Header says what the recording is of.
	Header Header
	// End says why the recording ends, once Next has failed with io.EOF; empty:
	// it is cut off.
	End string
	// Lines counts those read so far, a last one that is cut off included.
	Lines int

	in        *bufio.Reader
	unmarshal func([]byte) (*demand.Report, error)
	core      *scaler.Core
	world     scaler.World
	worlds    delta
	decisions delta
	n         int
	ahead     *line // read, but not played
}

// Open reads a recording's beginning. Reports are read by unmarshal: the wire
// format, which a pure folder does not know. It fails with ErrRecording, naming
// the line, the key, the rule and the value, or as the reader fails.
func Open(in io.Reader, unmarshal func([]byte) (*demand.Report, error)) (*Player, error) {
	p := &Player{in: bufio.NewReaderSize(in, 1<<16), unmarshal: unmarshal}
	l, err := p.read()
	if errors.Is(err, io.EOF) {
		return nil, fail("line 1", "must be a header", "nothing")
	}
	if err != nil {
		return nil, err
	}
	if p.Header, err = readHeader(l.Header); err != nil {
		return nil, p.at(err)
	}
	p.core = scaler.NewCore(p.Header.Cluster, p.Header.Windows)
	if l, err = p.read(); errors.Is(err, io.EOF) {
		return p, nil
	} else if err != nil {
		return nil, err
	}
	if l.Checkpoint == nil {
		p.ahead = l
		return p, nil
	}
	if p.core, err = l.Checkpoint.Restore(p.Header.Cluster); err != nil {
		return nil, p.at(fmt.Errorf("%w: checkpoint: %w", ErrRecording, err))
	}
	return p, nil
}

func readHeader(h *header) (Header, error) {
	switch {
	case h == nil:
		return Header{}, fail("header", "must be there first", "another line")
	case h.Format != format:
		return Header{}, fail("header.format", "must be "+format, fmt.Sprintf("%q", h.Format))
	case h.Version != version:
		return Header{}, fail("header.version", fmt.Sprintf("must be %d: another version of rayburst can read it", version), h.Version)
	}
	start, err := moment("header.start", h.Start)
	if err != nil {
		return Header{}, err
	}
	c := demand.Cluster{Namespace: h.Namespace, Name: h.Cluster}
	if err := c.Check(); err != nil {
		return Header{}, fmt.Errorf("%w: header: %w", ErrRecording, err)
	}
	return Header{h.Rayburst, c, start, h.Windows}, nil
}

// read is the next line. It fails with io.EOF at the end, also where the last
// line is cut off.
func (p *Player) read() (*line, error) {
	if l := p.ahead; l != nil {
		p.ahead = nil
		return l, nil
	}
	raw, err := ReadLine(p.in)
	if errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	p.Lines++
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, io.EOF
	}
	var l line
	if err == nil {
		err = decode(raw, &l)
	}
	if err == nil {
		err = l.check()
	}
	return &l, p.at(err)
}

// at names the line in an error.
func (p *Player) at(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("line %d: %w", p.Lines, err)
}

// Next plays up to the next decision and makes it. It fails with io.EOF at the
// recording's end, with a *Difference, beside the decision, if it is not the
// recorded one, and otherwise as Open does.
func (p *Player) Next() (*scaler.Decision, error) {
	for {
		l, err := p.read()
		if err != nil {
			return nil, err
		}
		if l.End != nil {
			p.End = *l.End
			return nil, p.ended()
		}
		d, err := p.play(l)
		var other *Difference
		if err != nil && !errors.As(err, &other) {
			err = p.at(err)
		}
		if d != nil || err != nil {
			return d, err
		}
	}
}

// ended fails unless nothing follows.
func (p *Player) ended() error {
	if _, err := p.in.ReadByte(); err == nil {
		return p.at(fail("end", "must be the last line", "more"))
	}
	return io.EOF
}

// play tells the core one line. A step gives a decision.
func (p *Player) play(l *line) (*scaler.Decision, error) {
	now, err := moment("at", l.At)
	if err != nil {
		return nil, err
	}
	switch {
	case l.Report != "":
		return nil, p.report(l.Report, now)
	case l.Drain != nil:
		p.core.DrainAnswered(l.Drain.Worker, l.Drain.Accepted, l.Drain.Message, now)
		return nil, nil
	case l.N == p.n+1:
		return p.step(l, now)
	case l.N != 0:
		return nil, fail("n", fmt.Sprintf("must be %d: decisions are counted", p.n+1), l.N)
	}
	return nil, fail("header and checkpoint", "must be the first lines", "one later")
}

func (p *Player) report(text string, now time.Time) error {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return fail("report", "must be base64", err)
	}
	r, err := p.unmarshal(b)
	if err != nil {
		return fmt.Errorf("%w: report: %w", ErrRecording, err)
	}
	p.core.Report(r, now)
	return nil
}

func (p *Player) step(l *line, now time.Time) (*scaler.Decision, error) {
	p.n++
	if l.World != nil || p.n == 1 {
		s, err := p.worlds.decode(l.World)
		if err != nil {
			return nil, fmt.Errorf("world: %w", err)
		}
		if p.world, err = readWorld(s); err != nil {
			return nil, err
		}
	}
	want, err := p.decisions.decode(l.Decision)
	if err != nil {
		return nil, fmt.Errorf("decision: %w", err)
	}
	p.world.Now = now
	d := p.core.Decide(p.world)
	got, err := newDecision(d)
	if err != nil {
		return nil, err
	}
	return d, p.compare(now, want, got)
}

func (p *Player) compare(now time.Time, want, got sections) error {
	same := len(want) == len(got)
	for key := range want {
		same = same && bytes.Equal(want[key], got[key])
	}
	if same {
		return nil
	}
	return &Difference{N: p.n, At: now, After: now.Sub(p.Header.Start), Fields: differences(want, got)}
}
