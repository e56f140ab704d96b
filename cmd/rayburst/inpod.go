package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rayburst/rayburst/demand/ray"
	"github.com/rayburst/rayburst/deploy/pod"
	"github.com/rayburst/rayburst/scaler/httpapi"
)

// inPod runs an agent as the sidecar of a Ray pod: beside its reports it answers
// the kubelet and Ray's container.
func (c *agentCmd) inPod(ctx context.Context, a *ray.Agent) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	if err := pod.Install(filepath.Join(filepath.Dir(self), "rayburst-pod"), c.Dir); err != nil {
		return err
	}
	latch := pod.Latch{Dir: c.Dir}
	door := &pod.Door{
		Latch: latch, Reach: a.Reach, Now: time.Now,
		Preempt: func(ctx context.Context, deadline time.Time) error { return a.Preempt(ctx, deadline, "the pod ends") },
	}
	if c.Head { // it starts the GCS
		door.Reach = func(context.Context) error { return nil }
	}
	a.Found, a.Lost = func() { door.SetAlive(true) }, func() { door.SetAlive(false) }
	a.Drained = func() {
		if err := latch.Close(); err != nil {
			a.Log.Error("ray may start again", "error", err)
		}
	}
	inside, err := pod.Listen(c.Dir)
	if err != nil {
		return err
	}
	probes, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("--listen: must be a free host:port (got %q): %w", c.Listen, err)
	}
	var wg sync.WaitGroup
	for _, f := range []func() error{
		func() error { return httpapi.Serve(ctx, inside, door.Inside()) },
		func() error { return httpapi.Serve(ctx, probes, door.Probes()) },
	} {
		wg.Go(func() {
			if err := f(); err != nil {
				a.Log.Error("door closed", "error", err)
			}
		})
	}
	defer wg.Wait()
	return a.Run(ctx)
}
