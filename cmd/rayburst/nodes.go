package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"time"
)

// headIPCmd prints the head's address.
type headIPCmd struct{ clusterFile }

// Run prints it.
func (c *headIPCmd) Run(ctx context.Context) error {
	_, head, err := c.openHead(ctx)
	if err != nil {
		return err
	}
	if head.Status.PodIP == "" {
		return fmt.Errorf("the head %s has no address yet", head.Name)
	}
	fmt.Println(head.Status.PodIP)
	return nil
}

// workerIPsCmd prints the workers' addresses.
type workerIPsCmd struct{ clusterFile }

// Run prints one a line.
func (c *workerIPsCmd) Run(ctx context.Context) error {
	_, workers, err := c.openWorkers(ctx)
	if err != nil {
		return err
	}
	for _, w := range workers {
		if w.Status.PodIP != "" {
			fmt.Println(w.Status.PodIP)
		}
	}
	return nil
}

// killCmd ends a worker, to see what happens.
type killCmd struct {
	clusterFile
	Yes  bool `short:"y" help:"Do not ask."`
	Hard bool `help:"At once: without time to end."`
}

// Run asks and ends one.
func (c *killCmd) Run(ctx context.Context) error {
	t, workers, err := c.openWorkers(ctx)
	if err != nil {
		return err
	}
	if len(workers) == 0 {
		return fmt.Errorf("the Ray cluster %s has no worker", t.release())
	}
	name := workers[rand.IntN(len(workers))].Name
	if !c.Yes {
		if err := confirm("This will kill the worker " + name + "."); err != nil {
			return err
		}
	}
	limit := grace
	if c.Hard {
		limit = 0
	}
	if err := t.Delete(ctx, name, limit); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s is ending, with %s to do so.\n", name, limit.Round(time.Second))
	return nil
}
