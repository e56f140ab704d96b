package record

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"reflect"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/scaler"
)

// Writer writes a recording, each line with one call of Write. Equal events
// give equal bytes. It is not safe for concurrent use.
type Writer struct {
	out       io.Writer
	marshal   func(*demand.Report) ([]byte, error)
	last      scaler.World
	world     delta
	decisions delta
	n         int
	limit     int // bytes of a line
}

// NewWriter writes to out. Reports are written as marshal encodes them: the
// wire format, which a pure folder does not know.
func NewWriter(out io.Writer, marshal func(*demand.Report) ([]byte, error)) *Writer {
	return &Writer{out: out, marshal: marshal, limit: MaxLine}
}

// Begin writes what the recording is of, and what the core remembers: nil for a
// core that has been told nothing yet.
func (w *Writer) Begin(h Header, c *scaler.Checkpoint) error {
	err := w.line(line{Header: &header{
		Format: format, Version: version, Rayburst: h.Rayburst, Namespace: h.Cluster.Namespace, Cluster: h.Cluster.Name,
		Start: stamp(h.Start), Windows: h.Windows,
	}})
	if err != nil || c == nil {
		return err
	}
	return w.line(line{Checkpoint: c})
}

// Write writes one event.
func (w *Writer) Write(e Event) error {
	l, err := w.event(e)
	if err != nil {
		return fmt.Errorf("recording what came at %s: %w", stamp(e.At), err)
	}
	return w.line(l)
}

// End writes the last line: why the recording ends.
func (w *Writer) End(reason string) error { return w.line(line{End: &reason}) }

func (w *Writer) event(e Event) (l line, err error) {
	l.At = stamp(e.At)
	switch {
	case e.Report != nil:
		b, err := w.marshal(e.Report)
		l.Report = base64.StdEncoding.EncodeToString(b)
		return l, err
	case e.Answer != nil:
		l.Drain = e.Answer
		return l, nil
	}
	w.n++
	l.N = w.n
	if l.World, err = w.changed(e.Step.World); err != nil {
		return l, err
	}
	said, err := newDecision(e.Step.Decision)
	if err != nil {
		return l, err
	}
	l.Decision, err = w.decisions.encode(said)
	return l, err
}

// changed is what is another than in the last step's world.
func (w *Writer) changed(now scaler.World) (sections, error) {
	now.Now, now.Snapshot, now.Unknown = w.last.Now, nil, nil
	if w.n > 1 && reflect.DeepEqual(now, w.last) {
		return nil, nil
	}
	w.last = now
	s, err := newSections(newWorld(now))
	if err != nil {
		return nil, err
	}
	return w.world.encode(s)
}

// newDecision is all that a decision says, but for its moment: what the HTTP
// API shows, what the cluster waits for, and what Ray is told.
func newDecision(d *scaler.Decision) (sections, error) {
	s, err := newSections(d)
	if err != nil {
		return nil, err
	}
	delete(s, "at") // the line's
	if err := s.add("demand", d.Demand); err != nil {
		return nil, err
	}
	if err := s.add("ray", d.Autoscaler.Get()); err != nil {
		return nil, err
	}
	s["wake"], err = json.Marshal(stamp(d.Wake))
	return s, err
}

func (w *Writer) line(l line) error {
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if len(b) > w.limit {
		return fail("line", fmt.Sprintf("must have at most %d bytes", w.limit), len(b))
	}
	_, err = w.out.Write(append(b, '\n'))
	return err
}
