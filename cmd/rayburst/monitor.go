package main

import (
	"context"
	"fmt"
	"time"

	"github.com/rayburst/rayburst/deploy/local"
)

// monitorCmd follows the decisions about a cluster.
type monitorCmd struct {
	clusterFile
	Lines int `hidden:"" help:"Nothing older is shown."`
}

// Run prints where the cluster stands and then a line per changed target.
func (c *monitorCmd) Run(ctx context.Context) error {
	t, err := c.open()
	if err != nil {
		return err
	}
	flags, stop, err := t.scalerFlags(ctx)
	if err != nil {
		return err
	}
	defer stop()
	seen, last := local.NewTimeline(time.Now()), ""
	for first := true; ctx.Err() == nil; first = false {
		all, err := flags.decisions(ctx)
		if err != nil {
			return err
		}
		for _, d := range all {
			decision := d.Decode()
			lines := seen.Decided(decision)
			switch {
			case first:
				fmt.Print(decision.Status())
				lines = nil
			case decision.Unknown != "" && decision.Unknown != last:
				lines = []string{unknown(decision)}
			}
			last = decision.Unknown
			for _, l := range lines {
				fmt.Println(l)
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}
