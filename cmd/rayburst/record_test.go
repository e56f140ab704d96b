package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/scaler"
	"github.com/rayburst/rayburst/scaler/httpapi"
)

// scalerOf is a scaler with clusters whose recordings are written by f.
func scalerOf(t *testing.T, f func(context.Context, io.Writer) error, names ...string) scalerFlags {
	t.Helper()
	store := httpapi.NewStore()
	for _, name := range names {
		store.Publish(&scaler.Decision{Cluster: demand.Cluster{Namespace: "ml", Name: name}})
	}
	s := httptest.NewServer(httpapi.Handler(httpapi.Config{
		Store: store, Now: time.Now, Inbox: func() httpapi.InboxStats { return httpapi.InboxStats{} },
		Record: func(ctx context.Context, _ demand.Cluster, out io.Writer) error { return f(ctx, out) },
	}))
	t.Cleanup(s.Close)
	return scalerFlags{Addr: strings.TrimPrefix(s.URL, "http://")}
}

// lines are written, then the recording goes on until its reader leaves.
func lines(text string) func(context.Context, io.Writer) error {
	return func(ctx context.Context, out io.Writer) error {
		_, err := io.WriteString(out, text)
		if !strings.Contains(text, `"end"`) {
			<-ctx.Done()
		}
		return err
	}
}

func TestRecord(t *testing.T) {
	for name, tt := range map[string]struct {
		sent, kept, fail string
		limit            time.Duration
	}{
		"until the scaler ends": {"a\n{\"end\":\"the scaler has ended\"}\n", "a\n{\"end\":\"the scaler has ended\"}\n", "", 0},
		"for a time":            {"a\nb\nhalf a li", "a\nb\n{\"end\":\"as asked\"}\n", "", 300 * time.Millisecond},
		"dropped":               {"{\"end\":\"dropped: too slow\"}\n", "{\"end\":\"dropped: too slow\"}\n", "the recording ends early: dropped: too slow", 0},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "recording")
			c := recordCmd{scalerFlags: scalerOf(t, lines(tt.sent), "train"), Output: path, For: tt.limit}
			err := c.Run(t.Context())
			if message(err) != tt.fail {
				t.Errorf("error %v, want %q", err, tt.fail)
			}
			if b, err := os.ReadFile(path); string(b) != tt.kept || err != nil {
				t.Errorf("%q, %v; want %q", b, err, tt.kept)
			}
		})
	}
}

func TestRecordFails(t *testing.T) {
	gone := func(context.Context, io.Writer) error { panic(http.ErrAbortHandler) }
	for name, tt := range map[string]struct {
		c    recordCmd
		want string
	}{
		"no such time":    {recordCmd{For: -time.Second}, "--for: must not be negative (got -1s)"},
		"which of two":    {recordCmd{scalerFlags: scalerOf(t, lines(""), "a", "b")}, "--cluster: must name one of the scaler's clusters (ml/a, ml/b)"},
		"none there":      {recordCmd{scalerFlags: scalerOf(t, lines(""))}, "--cluster: must name one of the scaler's clusters ()"},
		"busy":            {recordCmd{scalerFlags: scalerOf(t, busy, "a"), Output: "x"}, "answers 503 Service Unavailable: there are 4 recordings already"},
		"no such folder":  {recordCmd{scalerFlags: scalerOf(t, lines("a\n"), "a"), Output: filepath.Join("no", "folder")}, "--output: creating the recording: "},
		"the scaler died": {recordCmd{scalerFlags: scalerOf(t, gone, "a"), Output: filepath.Join(t.TempDir(), "x")}, "asking the scaler at "},
	} {
		t.Run(name, func(t *testing.T) {
			if err := tt.c.Run(t.Context()); !strings.Contains(message(err), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func busy(context.Context, io.Writer) error { return errBusy{} }

type errBusy struct{}

func (errBusy) Error() string { return "there are 4 recordings already" }
