package httpapi_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/scaler/httpapi"
)

// TestNoRecording: why there can be none is said.
func TestNoRecording(t *testing.T) {
	d := decision("")
	d.Cluster.Name = "busy"
	code, text := get(t, serve(t, noon, d), "/v1/clusters/ml/busy/record")
	if code != http.StatusServiceUnavailable || text != "there are 4 recordings already\n" {
		t.Errorf("%d %q", code, text)
	}
}

// TestRecordingIsLive: a line is there as soon as it is written, and the
// recording ends when its reader leaves.
func TestRecordingIsLive(t *testing.T) {
	ended := make(chan struct{})
	store := httpapi.NewStore()
	store.Publish(decision(""))
	s := httptest.NewServer(httpapi.Handler(httpapi.Config{
		Store: store, Now: time.Now, Inbox: func() httpapi.InboxStats { return httpapi.InboxStats{} },
		Record: func(ctx context.Context, _ demand.Cluster, out io.Writer) error {
			defer close(ended)
			_, _ = io.WriteString(out, "one\n")
			<-ctx.Done()
			return nil
		},
	}))
	defer s.Close()
	reply, err := s.Client().Get(s.URL + "/v1/clusters/ml/train/record")
	if err != nil {
		t.Fatal(err)
	}
	if kind := reply.Header.Get("Content-Type"); kind != "application/jsonl" {
		t.Errorf("type %q", kind)
	}
	if line, err := bufio.NewReader(reply.Body).ReadString('\n'); line != "one\n" || err != nil {
		t.Errorf("%q, %v", line, err)
	}
	_ = reply.Body.Close()
	<-ended
}

// hung is a connection whose other side takes nothing.
type hung struct {
	*httptest.ResponseRecorder
	late chan struct{}
}

func (h *hung) Write([]byte) (int, error) {
	<-h.late
	return 0, os.ErrDeadlineExceeded
}

func (h *hung) SetWriteDeadline(at time.Time) error {
	if at.Before(noon) {
		close(h.late)
	}
	return nil
}

// TestHungReader: a reader that takes nothing at all is given half a minute.
func TestHungReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := httpapi.NewStore()
		store.Publish(decision(""))
		h := httpapi.Handler(httpapi.Config{
			Store: store, Now: time.Now, Inbox: func() httpapi.InboxStats { return httpapi.InboxStats{} }, Record: recording,
		})
		begin := time.Now()
		h.ServeHTTP(&hung{httptest.NewRecorder(), make(chan struct{})}, httptest.NewRequest(http.MethodGet, "/v1/clusters/ml/train/record", nil))
		if took := time.Since(begin); took != 30*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}
