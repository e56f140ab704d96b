package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"time"
)

// HeadName is the instance id of a cluster's head.
func HeadName(cluster string) string { return cluster + "-head" }

// head is the cluster's head; like a pod's container it is restarted when it
// ends.
type head struct {
	fleet   *Fleet
	port    int
	lives   int
	running *process
	agent   context.CancelFunc
}

// headPatience is how long a head may take until its GCS answers.
const headPatience = 60 * time.Second

func (h *head) address() string { return net.JoinHostPort(nodeIP(0), strconv.Itoa(h.port)) }

// start starts Ray's head and waits until its GCS listens.
func (h *head) start(ctx context.Context) error {
	client, err := h.choosePorts()
	if err != nil {
		return err
	}
	f := h.fleet
	h.lives++
	name := HeadName(f.Cluster.Name)
	node := Node{Name: name, Head: true, Since: f.Now()}
	p, err := launch(f.Ray, start{
		kind: f.Cluster.Head, name: name, ip: nodeIP(0), headPort: h.port, clientPort: client,
		dir: filepath.Join(f.Dir, "h"+strconv.Itoa(h.lives)), keep: f.logsOf(name, h.lives),
	}, filepath.Join(f.Dir, "logs"), nil)
	if err != nil {
		return err
	}
	h.running = p
	if err := h.await(ctx, p); err != nil {
		p.stop(ctx, 0)
		return err
	}
	agent, cancel := context.WithCancel(ctx)
	h.agent = cancel
	f.wg.Go(func() { f.Attend(agent, node, Hooks{Found: func() {}, Drained: func() {}}) })
	return nil
}

// choosePorts takes a free port for the GCS, or makes sure that the one asked
// for is free, and returns one for Ray Client's server; 0 if that will not run.
func (h *head) choosePorts() (client int, err error) {
	if h.port == 0 {
		if h.port, err = freePort(); err != nil {
			return 0, err
		}
	} else if l, err := net.Listen("tcp", ":"+strconv.Itoa(h.port)); err != nil {
		return 0, fmt.Errorf("port %d for Ray's GCS is taken: end what uses it, or give another one with --gcs-port (%w)", h.port, err)
	} else if err := l.Close(); err != nil {
		return 0, err
	}
	for h.fleet.Ray.Client && (client == 0 || client == h.port) && err == nil {
		client, err = freePort()
	}
	return client, err
}

func (h *head) await(ctx context.Context, p *process) error {
	deadline := time.NewTimer(headPatience)
	defer deadline.Stop()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.done:
			return fmt.Errorf("ray's head ended at its start (%w):\n  %s", orClean(p.err), p.tail())
		case <-deadline.C:
			return fmt.Errorf("ray's head does not answer after %v:\n  %s", headPatience, p.tail())
		case <-poll.C:
		}
		c, err := net.DialTimeout("tcp", h.address(), time.Second)
		if err == nil {
			return c.Close()
		}
	}
}

func orClean(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// keep restarts the head when it ends, with everything new but its address,
// until the context ends. The workers' Ray is restarted too: without a
// database behind the GCS they can only join anew.
func (h *head) keep(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.running.done:
		}
		h.agent()
		h.running.clean()
		h.fleet.Log.Warn("head ended by itself", "error", h.running.err)
		for err := h.start(ctx); err != nil; err = h.start(ctx) {
			h.fleet.Log.Error("head not restarted", "error", err)
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Second):
			}
		}
		h.fleet.rejoin()
	}
}

// rejoin ends the Ray of all workers: each is started again by its watch.
func (f *Fleet) rejoin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.workers {
		if p := w.running; p != nil && !w.stopping {
			f.wg.Go(func() { p.stop(context.Background(), time.Second) }) // the cluster's end waits for it
		}
	}
}

// stop ends Ray's head, the last of all.
func (h *head) stop() { h.running.stop(context.Background(), stopPatience) }
