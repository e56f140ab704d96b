package pod

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"
)

// Door is the agent's side of a pod: it answers the kubelet's probes and Ray's
// container. Its methods may be called from any goroutine.
type Door struct {
	Latch Latch
	// Reach fails while the GCS does not answer.
	Reach func(context.Context) error
	// Preempt drains the node until a deadline.
	Preempt func(ctx context.Context, deadline time.Time) error
	Now     func() time.Time

	alive atomic.Bool
}

// SetAlive says whether the pod's raylet answers.
func (d *Door) SetAlive(alive bool) { d.alive.Store(alive) }

// Probes serves
//
//	GET /healthz   200
//	GET /readyz    200 while the raylet lives and is not drained, whether or not the head is there
func (d *Door) Probes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		switch {
		case d.Latch.Closed():
			http.Error(w, "the node has been drained", http.StatusServiceUnavailable)
		case !d.alive.Load():
			http.Error(w, "the raylet does not answer", http.StatusServiceUnavailable)
		}
	})
	return mux
}

// Inside serves what Ray's container asks
//
//	GET  /start                   204: Ray may start; 409: the node has been drained; 503: not yet
//	POST /preempt?seconds=NUMBER  returns when nothing runs any more, or after that time
func (d *Door) Inside() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /start", d.start)
	mux.HandleFunc("POST /preempt", d.preempt)
	return mux
}

func (d *Door) start(w http.ResponseWriter, r *http.Request) {
	if d.Latch.Closed() {
		http.Error(w, "the node has been drained", http.StatusConflict)
		return
	}
	if err := d.Reach(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (d *Door) preempt(w http.ResponseWriter, r *http.Request) {
	seconds, err := strconv.ParseFloat(r.FormValue("seconds"), 64)
	if err != nil || seconds < 0 {
		http.Error(w, fmt.Sprintf("seconds: must be a number ≥ 0 (got %q)", r.FormValue("seconds")), http.StatusBadRequest)
		return
	}
	if err := d.Preempt(r.Context(), d.Now().Add(time.Duration(seconds*float64(time.Second)))); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
}

// Listen opens the socket in the shared folder.
func Listen(dir string) (net.Listener, error) {
	path := filepath.Join(dir, socketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("removing the last agent's socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("opening the agent's socket: %w", err)
	}
	if err := os.Chmod(path, 0o666); err != nil { //nolint:gosec // Ray's container may run as another user
		return nil, errors.Join(fmt.Errorf("opening the agent's socket: %w", err), l.Close())
	}
	return l, nil
}

// Install puts a program, rayburst-pod, into the shared folder, for Ray's
// container. It is small: each pod has a copy.
func Install(program, dir string) error {
	in, err := os.Open(program)
	if err != nil {
		return fmt.Errorf("reading Ray's companion: %w", err)
	}
	defer in.Close()
	path := filepath.Join(dir, programName)
	out, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755) //nolint:gosec // Ray's container runs it, as another user
	if err != nil {
		return fmt.Errorf("installing Ray's companion: %w", err)
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("installing Ray's companion: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("installing Ray's companion: %w", err)
	}
	return nil
}
