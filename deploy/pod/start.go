package pod

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Starter keeps `ray start --block` running in Ray's container: it waits until
// the agent lets it, starts Ray again when Ray has ended (a head that is gone
// ends all raylets), and never after the node has been drained. The container
// itself does not end, so the kubelet has nothing to back off from.
type Starter struct {
	Dir     string // shared with the agent
	Command []string
	Now     func() time.Time
	Log     *slog.Logger
}

const (
	askInterval = 200 * time.Millisecond
	// A start that ends so soon has failed; after so many in a row the kubelet
	// takes over, so that people see it.
	shortLife = 10 * time.Second
	maxFailed = 5
)

// Run returns when the context has ended and Ray has too, or when Ray has
// failed to start too often in a row.
func (s *Starter) Run(ctx context.Context) error {
	for failed := 0; ctx.Err() == nil; {
		if !s.allowed(ctx) {
			break
		}
		begin := s.Now()
		err := s.once(ctx)
		if ctx.Err() != nil {
			break
		}
		s.Log.Info("ray ended", "error", err, "after", s.Now().Sub(begin).Round(time.Millisecond))
		if failed++; s.Now().Sub(begin) > shortLife {
			failed = 0
		}
		if failed == maxFailed {
			return fmt.Errorf("ray has ended %d times within %v of its start: %w", failed, shortLife, errors.Join(err, errStart))
		}
		pause(ctx, time.Second)
	}
	return nil
}

var errStart = errors.New("see ray's output above")

// once runs Ray until it ends. When the context ends Ray is asked to end, and
// waited for: the kubelet decides for how long.
func (s *Starter) once(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, s.Command[0], s.Command[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	return cmd.Run()
}

// allowed waits until the agent lets Ray start; false: the context has ended
// first. A drained node waits for the pod's end.
func (s *Starter) allowed(ctx context.Context) bool {
	said := ""
	for ctx.Err() == nil {
		why := s.ask(ctx)
		if why == nil {
			return true
		}
		if why.Error() != said {
			said = why.Error()
			s.Log.Info("ray waits", "reason", said)
		}
		pause(ctx, askInterval)
	}
	return false
}

func (s *Starter) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return call(ctx, s.Dir, http.MethodGet, "/start")
}

// Preempt asks the agent to drain the node and waits until nothing runs on it,
// or for so long. An agent that does not answer is asked again.
func Preempt(ctx context.Context, dir string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit+time.Second) // the agent is to be the first to end it
	defer cancel()
	for {
		err := call(ctx, dir, http.MethodPost, fmt.Sprintf("/preempt?seconds=%.3f", limit.Seconds()))
		if err == nil || errors.Is(err, errNotYet) || ctx.Err() != nil {
			return err
		}
		pause(ctx, askInterval)
	}
}

// call asks the agent over its socket; an answer other than 2xx is an error.
func call(ctx context.Context, dir, method, path string) error {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(dir, socketName))
	}}}
	req, err := http.NewRequestWithContext(ctx, method, "http://agent"+path, nil)
	if err != nil {
		return fmt.Errorf("asking the agent: %w", err)
	}
	reply, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("asking the agent: %w", err)
	}
	defer reply.Body.Close()
	if reply.StatusCode/100 == 2 {
		return nil
	}
	b, _ := io.ReadAll(io.LimitReader(reply.Body, 1000)) // the status says it too
	return fmt.Errorf("%w: %s", errNotYet, strings.TrimSpace(string(b)))
}

var errNotYet = errors.New("not now")

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
