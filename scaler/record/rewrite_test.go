package record

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"flag"
	"io"
	"os"
	"testing"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/demandpb"
)

var rewrite = flag.Bool("rewrite", false, "write the decisions of the recordings in testdata anew")

// recordAgain plays a recording's inputs, from one decision to another, and
// records what is decided now. Repeated reports are told twice.
func recordAgain(t testing.TB, file []byte, from, to int, repeat bool) []byte {
	t.Helper()
	p, err := Open(bytes.NewReader(file), demandpb.UnmarshalReport)
	must(t, err)
	var out bytes.Buffer
	w := NewWriter(&out, demandpb.MarshalReport)
	begun := from == 0
	if begun {
		must(t, w.Begin(p.Header, nil))
	}
	for p.n < to {
		l, err := p.read()
		if errors.Is(err, io.EOF) || l.End != nil {
			break
		}
		must(t, err)
		e := again(t, p, l)
		if begun {
			must(t, w.Write(e))
		}
		if begun && repeat && e.Report != nil {
			p.core.Report(e.Report, e.At)
			must(t, w.Write(e))
		}
		if !begun && p.n == from {
			begun = true
			must(t, w.Begin(p.Header, p.core.Checkpoint()))
		}
	}
	must(t, w.End(EndScaler))
	return out.Bytes()
}

// again tells the core one line, and returns it as it is to be recorded.
func again(t testing.TB, p *Player, l *line) Event {
	t.Helper()
	at, err := moment("at", l.At)
	must(t, err)
	var other *Difference
	d, err := p.play(l)
	if !errors.As(err, &other) {
		must(t, err)
	}
	e := Event{At: at, Answer: l.Drain}
	if l.Report != "" {
		e.Report = report(t, l.Report)
	}
	if d != nil {
		w := p.world
		w.Now = time.Time{}
		e.Step = &Step{w, d}
	}
	return e
}

func report(t testing.TB, text string) *demand.Report {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	must(t, err)
	r, err := demandpb.UnmarshalReport(b)
	must(t, err)
	return r
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const demoFile = "testdata/demo.rec.gz"

// demo is the recording of the README's burst on real Ray.
func demo(t testing.TB) []byte {
	t.Helper()
	packed, err := os.ReadFile(demoFile)
	must(t, err)
	z, err := gzip.NewReader(bytes.NewReader(packed))
	must(t, err)
	out, err := io.ReadAll(z)
	must(t, err)
	return out
}

// writeDemo replaces the recording.
func writeDemo(t *testing.T, file []byte) {
	t.Helper()
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	must(t, err)
	_, err = z.Write(file)
	must(t, err)
	must(t, z.Close())
	must(t, os.WriteFile(demoFile, out.Bytes(), 0o644))
}
