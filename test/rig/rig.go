// Package rig runs `rayburst local` with real Ray for tests and measurements:
// it starts the real program, runs real drivers, and reads decisions from the
// program's own HTTP API.
package rig

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rayburst/rayburst/scaler"
	"github.com/rayburst/rayburst/scaler/httpapi"
)

// Cluster is a running `rayburst local`.
type Cluster struct {
	HTTP string // host:port of the API
	GRPC string // host:port of the external scaler
	GCS  string // host:port of Ray
	Ray  string // the ray command
	cmd  *exec.Cmd
	done chan error

	mu    sync.Mutex
	lines []string
	spare *Driver // nil: none is ready
}

// Options say how a cluster is started.
type Options struct {
	Binary string // the rayburst program
	Ray    string // the ray command
	YAML   string // the cluster's file
	Args   []string
	Echo   io.Writer // gets the program's lines; nil: nobody
}

// Start starts a cluster and waits until its state is known.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	args := append([]string{"local", "--plain", "--addr=127.0.0.1:" + port, "--ray=" + o.Ray}, o.Args...)
	c := &Cluster{HTTP: "127.0.0.1:" + port, Ray: o.Ray, cmd: exec.Command(o.Binary, append(args, o.YAML)...), done: make(chan error, 1)}
	stderr, err := c.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	read := make(chan struct{})
	go func() { c.read(stderr, o.Echo); close(read) }()
	go func() { <-read; c.done <- c.cmd.Wait() }()
	if err := c.ready(ctx); err != nil {
		c.Stop()
		return nil, fmt.Errorf("%w; it said:\n%s", err, strings.Join(c.Lines(), "\n"))
	}
	return c, nil
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

func (c *Cluster) read(r io.Reader, echo io.Writer) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		c.mu.Lock()
		c.lines = append(c.lines, s.Text())
		c.mu.Unlock()
		if echo != nil {
			fmt.Fprintln(echo, s.Text())
		}
	}
}

// Lines are what the program has said so far.
func (c *Cluster) Lines() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.lines...)
}

// Count is how many workers of a type ("" for all) have come to a state, as
// the program's lines say: asked, started, joined, drained, removed, ended.
func (c *Cluster) Count(nodeType, what string) int {
	n := 0
	for _, l := range c.Lines() {
		words := strings.Fields(l)
		if len(words) >= 3 && words[2] == what && strings.Contains(words[1], "-"+nodeType) {
			n++
		}
	}
	return n
}

func (c *Cluster) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		for _, l := range c.Lines() {
			if gcs, rest, ok := strings.Cut(strings.TrimPrefix(l, "Ray at "), ", status"); ok && strings.HasPrefix(l, "Ray at ") {
				c.GCS, c.GRPC = gcs, rest[strings.LastIndex(rest, " ")+1:]
			}
		}
		if d, err := c.Decision(ctx); err == nil && d.Unknown == "" && c.GCS != "" {
			return nil
		}
		select {
		case err := <-c.done:
			c.done <- err
			return fmt.Errorf("rayburst local ended: %w", orNil(err))
		case <-ctx.Done():
			return errors.New("rayburst local did not get ready within a minute")
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func orNil(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// Stop interrupts the program as Ctrl-C does and waits for its end.
func (c *Cluster) Stop() error {
	if d := c.takeSpare(); d != nil {
		d.Kill()
	}
	_ = c.cmd.Process.Signal(syscall.SIGINT) // it may have ended
	select {
	case err := <-c.done:
		c.done <- err
		return err
	case <-time.After(40 * time.Second):
		_ = c.cmd.Process.Signal(syscall.SIGQUIT)
		return errors.New("rayburst local did not end within 40 s")
	}
}

// Empty waits until the state is known and no worker is left. It fails with why
// the last ones are there.
func (c *Cluster) Empty(ctx context.Context) error {
	why := "no decision"
	for ctx.Err() == nil {
		d, err := c.Decision(ctx)
		if err == nil && none(d) {
			return nil
		}
		if err == nil {
			why, _ = d.Explain("") // of all there is, which is never unknown
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("workers are left (%w):\n%s\n%s", ctx.Err(), why, strings.Join(c.Lines(), "\n"))
}

func none(d *scaler.Decision) bool {
	for _, t := range d.Targets {
		if t.Workers+t.Running+t.Joining+t.Draining > 0 {
			return false
		}
	}
	return d.Unknown == ""
}

// PID is the program's process id.
func (c *Cluster) PID() int { return c.cmd.Process.Pid }

// Decision is the cluster's last decision.
func (c *Cluster) Decision(ctx context.Context) (*scaler.Decision, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.HTTP+"/v1/clusters", nil)
	if err != nil {
		return nil, err
	}
	reply, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	var all []httpapi.ClusterDecision
	if err := json.NewDecoder(reply.Body).Decode(&all); err != nil || len(all) == 0 {
		return nil, errors.New("no decision yet")
	}
	return all[0].Decode(), nil
}
