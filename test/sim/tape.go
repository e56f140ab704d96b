package sim

import (
	"bytes"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/demandpb"
	"github.com/rayburst/rayburst/scaler"
	"github.com/rayburst/rayburst/scaler/record"
)

// Recorded records every life of the scaler: from its beginning, and again from
// the middle, after so many decisions.
func Recorded(after int) Option { return func(s *sim) { s.middle = after } }

// tapes are the recordings of one life of the scaler.
type tapes struct {
	writers []*record.Writer
	steps   int
}

// beginTape begins a recording, of a core that has decided already if it is
// given.
func (b *brain) beginTape(core *scaler.Core) {
	if b.middle == 0 {
		return
	}
	var memory *scaler.Checkpoint
	if core == nil {
		b.tapes = tapes{}
	} else {
		memory = core.Checkpoint()
	}
	file := &bytes.Buffer{}
	w := record.NewWriter(file, demandpb.MarshalReport)
	b.must(w.Begin(record.Header{Rayburst: "sim", Cluster: name, Start: epoch, Windows: b.windows}, memory))
	b.files, b.tapes.writers = append(b.files, file), append(b.tapes.writers, w)
}

// tape records an event.
func (b *brain) tape(e record.Event) {
	for _, w := range b.tapes.writers {
		b.must(w.Write(e))
	}
	if e.Step != nil {
		if b.tapes.steps++; b.tapes.steps == b.middle {
			b.beginTape(b.core)
		}
	}
}

// tapeReport records a report, and returns it as it comes over the wire, which
// has whole milliseconds.
func (b *brain) tapeReport(r *demand.Report) *demand.Report {
	if b.middle == 0 {
		return r
	}
	wire, err := demandpb.MarshalReport(r)
	b.must(err)
	r, err = demandpb.UnmarshalReport(wire)
	b.must(err)
	b.tape(record.Event{At: b.time(), Report: r})
	return r
}

func (b *brain) must(err error) {
	if err != nil {
		b.failf("recording: %v", err)
	}
}
