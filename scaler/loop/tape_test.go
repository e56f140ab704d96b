package loop_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rayburst/rayburst/demand/demandpb"
	"github.com/rayburst/rayburst/scaler/loop"
	"github.com/rayburst/rayburst/scaler/record"
)

// taped is a recording on its way into memory.
type taped struct {
	file bytes.Buffer
	done chan error
}

func (f *fixture) tape(t *testing.T, ctx context.Context) *taped {
	t.Helper()
	tape, err := f.Record("test", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	out := &taped{done: make(chan error, 1)}
	go func() { out.done <- tape.Copy(ctx, &out.file) }()
	return out
}

// same plays the recording, which must have so many decisions and this end.
func (r *taped) same(t *testing.T, decisions int, end string) {
	t.Helper()
	p, err := record.Open(&r.file, demandpb.UnmarshalReport)
	n := 0
	for err == nil {
		if _, err = p.Next(); err == nil {
			n++
		}
	}
	if !errors.Is(err, io.EOF) {
		t.Fatalf("after %d decisions: %v", n, err)
	}
	if n != decisions || p.End != end {
		t.Errorf("%d decisions, end %q; want %d, %q", n, p.End, decisions, end)
	}
}

// live is some busy time of a cluster: demand, idle workers, drains.
func (f *fixture) live() {
	f.beat(2*time.Second, 0, 7)
	f.workers.setMost(3)
	f.beat(2*time.Second, time.Minute, 0)
	time.Sleep(1500 * time.Millisecond) // ticks
	f.beat(2*time.Second, time.Minute, 3)
}

// TestRecord: recordings from the beginning and from the middle give the
// decisions that were published.
func TestRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		whole := f.tape(t, t.Context())
		f.run()
		f.live()
		before := f.count()
		ctx, stop := context.WithCancel(t.Context())
		part := f.tape(t, ctx)
		synctest.Wait()
		f.live()
		synctest.Wait()
		during := f.count() - before
		if last := fmt.Sprintf(`"n":%d`, during); !strings.Contains(part.file.String(), last) {
			t.Errorf("%s is not there while it is recorded", last)
		}
		stop()
		if err := <-part.done; err != nil {
			t.Errorf("Copy = %v when it is asked to end", err)
		}
		f.live()
		f.end(t)
		if err := <-whole.done; err != nil {
			t.Errorf("Copy = %v when the loop ends", err)
		}
		if !strings.Contains(part.file.String(), `"checkpoint"`) || strings.Contains(whole.file.String(), `"checkpoint"`) {
			t.Error("a checkpoint must be there in the middle, and not at the beginning")
		}
		if !strings.Contains(whole.file.String(), `"drain":{"worker":"cpu-1","accepted":true}`) {
			t.Error("no answer to a drain is recorded")
		}
		part.same(t, during, record.EndAsked)
		whole.same(t, f.count(), record.EndScaler)
	})
}

// stuck takes nothing until it is let go.
type stuck struct {
	bytes.Buffer
	release chan struct{}
	once    sync.Once
}

func (s *stuck) Write(p []byte) (int, error) {
	s.once.Do(func() { <-s.release })
	return s.Buffer.Write(p)
}

// TestSlowReader: whoever cannot follow loses the recording, which says so; the
// loop goes on, and other recordings too.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		tape, err := f.Record("test", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		slow, done := &stuck{release: make(chan struct{})}, make(chan error, 1)
		go func() { done <- tape.Copy(t.Context(), slow) }()
		other := f.tape(t, t.Context())
		f.run()
		f.beat(8*time.Minute, time.Second, 0) // a decision every second
		if n := f.count(); n < 470 {
			t.Fatalf("%d decisions in 8 minutes beside a slow reader", n)
		}
		close(slow.release)
		if err := <-done; !errors.Is(err, loop.ErrSlow) {
			t.Errorf("Copy = %v, want %v", err, loop.ErrSlow)
		}
		if !strings.HasSuffix(slow.String(), `{"end":"dropped: it could not be written as fast as decisions were made"}`+"\n") {
			t.Errorf("it ends with %q", slow.String()[slow.Len()-100:])
		}
		f.end(t)
		if err := <-other.done; err != nil {
			t.Error(err)
		}
		other.same(t, f.count(), record.EndScaler)
	})
}

// TestFewRecordings: there are four at once, and one that has ended makes room.
func TestFewRecordings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		f.run()
		ctx, stop := context.WithCancel(t.Context())
		first := f.tape(t, ctx)
		var others []*taped
		for range 3 {
			others = append(others, f.tape(t, t.Context()))
		}
		if _, err := f.Record("test", time.Now()); !errors.Is(err, loop.ErrBusy) {
			t.Errorf("a fifth recording: %v, want %v", err, loop.ErrBusy)
		}
		stop()
		if err := <-first.done; err != nil {
			t.Error(err)
		}
		others = append(others, f.tape(t, t.Context()))
		f.beat(3*time.Second, 0, 0)
		f.end(t)
		for _, r := range others {
			if err := <-r.done; err != nil {
				t.Error(err)
			}
		}
		if _, err := f.Record("test", time.Now()); !errors.Is(err, loop.ErrEnded) {
			t.Errorf("a recording of a loop that has ended: %v, want %v", err, loop.ErrEnded)
		}
	})
}

type broken struct{}

var errBroken = errors.New("broken pipe")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

// TestBrokenReader: a reader that is gone ends its recording only.
func TestBrokenReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		tape, err := f.Record("test", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		f.run()
		if err := tape.Copy(t.Context(), broken{}); !errors.Is(err, errBroken) {
			t.Errorf("Copy = %v, want %v", err, errBroken)
		}
		before := f.count()
		f.beat(3*time.Second, 0, 0)
		if f.count() <= before {
			t.Error("the loop stands still")
		}
		f.end(t)
	})
}
