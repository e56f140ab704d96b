package loop

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/rayburst/rayburst/demand/demandpb"
	"github.com/rayburst/rayburst/scaler"
	"github.com/rayburst/rayburst/scaler/record"
)

// Why there is no recording, or why it has ended early.
var (
	ErrBusy  = fmt.Errorf("there are %d recordings already", maxTapes)
	ErrEnded = errors.New("the scaler has ended")
	ErrSlow  = errors.New("it could not be written as fast as decisions were made")
)

const (
	// maxTapes is how many recordings of a cluster there are at once.
	maxTapes = 4
	// maxBehind is how many events a recording may be behind: some seconds of a
	// busy cluster.
	maxBehind = 1024
)

// Tape carries one recording from the loop to whoever writes it. The loop
// never waits for it.
type Tape struct {
	tapes   *tapes
	header  record.Header
	memory  chan *scaler.Checkpoint // what the core remembers at the beginning; nil: nothing
	events  chan record.Event
	reason  error // why events is closed
	stopped chan struct{}
	stop    sync.Once
}

// tapes are the recordings of one cluster.
type tapes struct {
	mu     sync.Mutex
	coming []*Tape // to be begun
	open   int
	ended  bool
	wake   chan struct{} // gets a value when one is coming
	begun  []*Tape       // the loop's own
}

// Record begins a recording of all that the loop is told from now on; before
// Run, from the very beginning. People count from start. It fails with ErrBusy
// and ErrEnded. The caller must call Copy.
func (r *Runner) Record(rayburst string, start time.Time) (*Tape, error) {
	t := &Tape{
		tapes:  &r.tapes,
		header: record.Header{Rayburst: rayburst, Cluster: r.Cluster, Start: start, Windows: r.Windows},
		memory: make(chan *scaler.Checkpoint, 1), events: make(chan record.Event, maxBehind), stopped: make(chan struct{}),
	}
	r.tapes.mu.Lock()
	defer r.tapes.mu.Unlock()
	switch {
	case r.tapes.ended:
		return nil, ErrEnded
	case r.tapes.open >= maxTapes:
		return nil, ErrBusy
	}
	r.tapes.open++
	r.tapes.coming = append(r.tapes.coming, t)
	select {
	case r.tapes.wake <- struct{}{}:
	default:
	}
	return t, nil
}

// Copy writes the recording until the context or the loop ends, and why it ends
// as the last line. It fails with ErrSlow, or if it cannot be written.
func (t *Tape) Copy(ctx context.Context, out io.Writer) error {
	defer t.close()
	buffer := bufio.NewWriterSize(out, 1<<16)
	w := record.NewWriter(buffer, demandpb.MarshalReport)
	select {
	case <-ctx.Done():
		return nil
	case memory, ok := <-t.memory:
		if !ok {
			return ErrEnded
		}
		if err := w.Begin(t.header, memory); err != nil {
			return err
		}
	}
	end := t.copy(ctx, w, buffer)
	if err := w.End(why(end)); err != nil {
		return err
	}
	if err := buffer.Flush(); err != nil {
		return err
	}
	if errors.Is(end, ErrEnded) {
		return nil
	}
	return end
}

// why is an end's reason as it is recorded.
func why(err error) string {
	switch {
	case err == nil:
		return record.EndAsked
	case errors.Is(err, ErrEnded):
		return record.EndScaler
	}
	return "dropped: " + err.Error()
}

// copy writes events until there are no more, for which it says why.
func (t *Tape) copy(ctx context.Context, w *record.Writer, buffer *bufio.Writer) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-t.events:
			if !ok {
				return t.reason
			}
			if err := w.Write(e); err != nil {
				return err
			}
			if len(t.events) > 0 {
				continue
			}
			if err := buffer.Flush(); err != nil {
				return err
			}
		}
	}
}

// close gives the recording's place back.
func (t *Tape) close() {
	t.stop.Do(func() {
		close(t.stopped)
		t.tapes.mu.Lock()
		defer t.tapes.mu.Unlock()
		t.tapes.open--
	})
}

// begin begins the recordings that are coming. A core that has been told
// nothing yet is nil.
func (t *tapes) begin(c *scaler.Core) {
	t.mu.Lock()
	coming := t.coming
	t.coming = nil
	t.mu.Unlock()
	for _, tape := range coming {
		var memory *scaler.Checkpoint
		if c != nil {
			memory = c.Checkpoint()
		}
		tape.memory <- memory
	}
	t.begun = append(t.begun, coming...)
}

// on tells whether there is anybody to tell.
func (t *tapes) on() bool { return len(t.begun) > 0 }

// tell hands an event to every recording. One that is too far behind ends.
func (t *tapes) tell(e record.Event) {
	t.begun = slices.DeleteFunc(t.begun, func(tape *Tape) bool {
		select {
		case <-tape.stopped:
			return true
		case tape.events <- e:
			return false
		default:
			tape.reason = ErrSlow
			close(tape.events)
			return true
		}
	})
}

// end ends all recordings.
func (t *tapes) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	for _, tape := range t.coming {
		close(tape.memory)
	}
	for _, tape := range t.begun {
		tape.reason = ErrEnded
		close(tape.events)
	}
	t.coming, t.begun = nil, nil
}
