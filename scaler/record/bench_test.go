package record

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/rayburst/rayburst/demand/demandpb"
)

// BenchmarkWriter records the README's burst: the cost of a decision with the
// reports before it, which is not the loop's but the recording's own.
func BenchmarkWriter(b *testing.B) {
	p, err := Open(bytes.NewReader(demo(b)), demandpb.UnmarshalReport)
	must(b, err)
	var events []Event
	for {
		l, err := p.read()
		if errors.Is(err, io.EOF) || l.End != nil {
			break
		}
		must(b, err)
		events = append(events, again(b, p, l))
	}
	w := NewWriter(io.Discard, demandpb.MarshalReport)
	i := 0
	for b.Loop() {
		for step := false; !step; i++ {
			e := events[i%len(events)]
			must(b, w.Write(e))
			step = e.Step != nil
		}
	}
}

// BenchmarkPlayer plays the README's burst: the cost of a decision made again.
func BenchmarkPlayer(b *testing.B) {
	file := demo(b)
	var p *Player
	for b.Loop() {
		if p == nil {
			var err error
			p, err = Open(bytes.NewReader(file), demandpb.UnmarshalReport)
			must(b, err)
		}
		if _, err := p.Next(); errors.Is(err, io.EOF) {
			p = nil
		} else {
			must(b, err)
		}
	}
}
