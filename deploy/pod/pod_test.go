package pod

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open is an agent's door on a socket in a folder of its own.
func open(t *testing.T, d *Door) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pod") // short: a socket's path is
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	serve(t, dir, d)
	return dir
}

func serve(t *testing.T, dir string, d *Door) {
	t.Helper()
	d.Latch, d.Now = Latch{dir}, time.Now
	l, err := Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: d.Inside(), ReadHeaderTimeout: time.Second}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
}

func reachable(context.Context) error { return nil }

// starter runs a shell script in Ray's place, which notes each of its starts.
func starter(dir, script string) *Starter {
	notes := filepath.Join(dir, "starts")
	return &Starter{Dir: dir, Command: []string{"/bin/sh", "-c", "echo x >> " + notes + "; " + script}, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
}

func starts(dir string) int {
	b, _ := os.ReadFile(filepath.Join(dir, "starts"))
	return strings.Count(string(b), "x")
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// TestStartWaits: Ray is started when the GCS answers, not before, and ended
// when the pod ends.
func TestStartWaits(t *testing.T) {
	ready := make(chan struct{})
	dir := open(t, &Door{Reach: func(context.Context) error {
		select {
		case <-ready:
			return nil
		default:
			return errors.New("no GCS yet")
		}
	}})
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- starter(dir, "exec sleep 100").Run(ctx) }()
	time.Sleep(3 * askInterval / 2)
	if n := starts(dir); n != 0 {
		t.Errorf("%d starts before the GCS answers", n)
	}
	close(ready)
	eventually(t, "a start", func() bool { return starts(dir) == 1 })
	end()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestStartAgain: Ray that ends is started again, but not once the node has
// been drained, whatever the containers do.
func TestStartAgain(t *testing.T) {
	dir := open(t, &Door{Reach: reachable})
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- starter(dir, "while [ ! -e "+dir+"/go ]; do sleep 0.01; done; rm "+dir+"/go").Run(ctx)
	}()
	touch := func() {
		if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "a start", func() bool { return starts(dir) == 1 })
	touch()
	eventually(t, "a second start", func() bool { return starts(dir) == 2 })
	if err := (Latch{dir}).Close(); err != nil {
		t.Fatal(err)
	}
	touch()
	eventually(t, "the second end", func() bool { _, err := os.Stat(filepath.Join(dir, "go")); return err != nil })
	time.Sleep(time.Second + 2*askInterval)
	end()
	if err := <-ended; err != nil || starts(dir) != 2 {
		t.Errorf("%d starts, %v", starts(dir), err)
	}
}

// TestStartGivesUp: Ray that never comes up is left to the kubelet.
func TestStartGivesUp(t *testing.T) {
	dir := open(t, &Door{Reach: reachable})
	err := starter(dir, "exit 3").Run(t.Context())
	if !errors.Is(err, errStart) || starts(dir) != maxFailed {
		t.Errorf("%d starts, %v", starts(dir), err)
	}
}

// TestPreempt: the hook waits for the agent and passes on how long it may take.
func TestPreempt(t *testing.T) {
	var got time.Duration
	dir := open(t, &Door{Reach: reachable, Preempt: func(_ context.Context, deadline time.Time) error {
		got = time.Until(deadline)
		return errors.New("the GCS is away")
	}})
	err := Preempt(t.Context(), dir, 30*time.Second)
	if err == nil || !strings.Contains(err.Error(), "the GCS is away") {
		t.Error(err)
	}
	if got < 25*time.Second || got > 30*time.Second {
		t.Errorf("the deadline is in %v", got)
	}
	if err := call(t.Context(), dir, http.MethodPost, "/preempt?seconds=soon"); err == nil || !strings.Contains(err.Error(), `seconds: must be a number ≥ 0 (got "soon")`) {
		t.Error(err)
	}
}

// TestPreemptAgain: an agent that is being started again is waited for.
func TestPreemptAgain(t *testing.T) {
	dir, err := os.MkdirTemp("", "pod")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	done := make(chan error)
	go func() { done <- Preempt(t.Context(), dir, 10*time.Second) }()
	time.Sleep(2 * askInterval) // it has failed by now, or asks for the first time later
	serve(t, dir, &Door{Reach: reachable, Preempt: func(context.Context, time.Time) error { return nil }})
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestProbes: ready is a raylet that lives and is not drained.
func TestProbes(t *testing.T) {
	d := &Door{Latch: Latch{t.TempDir()}, Now: time.Now}
	code := func() int {
		w := httptest.NewRecorder()
		d.Probes().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		return w.Code
	}
	if code() != http.StatusServiceUnavailable {
		t.Error("ready before a raylet is found")
	}
	if d.SetAlive(true); code() != http.StatusOK {
		t.Error("not ready with a raylet")
	}
	if err := d.Latch.Close(); err != nil || code() != http.StatusServiceUnavailable {
		t.Error("ready although drained", err)
	}
}

// TestInstall: the program in the shared folder can be run, also while an older
// one is.
func TestInstall(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := Install(self, dir); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(filepath.Join(dir, programName))
	if err != nil || info.Mode().Perm()&0o111 == 0 || info.Size() < 1<<20 {
		t.Errorf("%v, %v", info, err)
	}
}
