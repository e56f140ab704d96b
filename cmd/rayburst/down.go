package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/rayburst/rayburst/deploy"
	"github.com/rayburst/rayburst/deploy/helm"
	"github.com/rayburst/rayburst/deploy/kubectl"
)

// downCmd ends a Ray cluster.
type downCmd struct {
	clusterFile
	Yes            bool          `short:"y" help:"Do not ask."`
	WorkersOnly    bool          `help:"Stop all workers, and hold them at none until the next rayburst up."`
	KeepMinWorkers bool          `help:"With --workers-only: keep each type's min_workers."`
	Timeout        time.Duration `default:"5m" help:"How long it may take."`
}

// grace is what a pod has to end in: what runs is not waited for.
const grace = 5 * time.Second

// Help is what `rayburst down --help` adds to the usage.
func (downCmd) Help() string {
	return `Removes the cluster's Helm release and waits until none of its pods is left. Work
that still runs is not waited for. It is no failure if there is no such cluster.`
}

// Run asks and ends.
func (c *downCmd) Run(ctx context.Context) error {
	if c.KeepMinWorkers && !c.WorkersOnly {
		return fmt.Errorf("--keep-min-workers: workers need a head to stay: give --workers-only too")
	}
	t, err := c.open()
	if err != nil {
		return err
	}
	if !c.Yes {
		if err := confirm(fmt.Sprintf("Destroying cluster %s in namespace %s.", t.release(), t.Client.Namespace)); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("not done after %s (--timeout)", c.Timeout))
	defer cancel()
	releases, err := helm.NewReleases(t.getter, t.Client.Namespace, c.Timeout)
	if err != nil {
		return err
	}
	if c.WorkersOnly {
		return c.workers(ctx, t, releases)
	}
	return remove(ctx, t, releases)
}

func remove(ctx context.Context, t target, releases *helm.Releases) error {
	if err := releases.Remove(t.release()); err != nil {
		return err
	}
	if err := t.DropFiles(ctx, t.release()); err != nil {
		return err
	}
	if err := t.End(ctx, t.release(), grace); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "Ray cluster %s is gone.\n", t.release())
	return nil
}

// workers holds the types in the release as it is.
func (c *downCmd) workers(ctx context.Context, t target, releases *helm.Releases) error {
	found, err := releases.Find(t.release())
	if err != nil {
		return err
	}
	if found == nil {
		return fmt.Errorf("%w: %s/%s (rayburst up starts it)", kubectl.ErrNoHead, t.Client.Namespace, t.release())
	}
	if err := releases.Apply(ctx, t.release(), deploy.Overlay(found.Values, t.cluster.Held(c.KeepMinWorkers))); err != nil {
		return err
	}
	keep := 0
	for _, n := range t.cluster.Types {
		if c.KeepMinWorkers {
			keep += n.MinWorkers
		}
	}
	if err := t.WaitNoWorkers(ctx, t.release(), keep); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "The workers of Ray cluster %s are stopped; rayburst up %s brings them back.\n", t.release(), c.again())
	return nil
}
