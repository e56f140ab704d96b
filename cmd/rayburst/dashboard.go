package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/rayburst/rayburst/deploy/kubectl"
)

// dashboardCmd forwards a port to Ray's dashboard.
type dashboardCmd struct {
	clusterFile
	Port       int `short:"p" default:"8265" help:"The port on this machine; 0: any that is free."`
	RemotePort int `default:"8265" help:"The port on the head."`
}

// Run forwards until it is interrupted.
func (c *dashboardCmd) Run(ctx context.Context) error {
	t, head, err := c.openHead(ctx)
	if err != nil {
		return err
	}
	f := kubectl.Forward{Pod: head.Name, Ports: []string{fmt.Sprintf("%d:%d", c.Port, c.RemotePort)}, Log: io.Discard}
	return t.Forward(ctx, f, func(local []int) {
		fmt.Fprintf(os.Stderr, "Ray's dashboard of %s: http://127.0.0.1:%d (end with Ctrl-C)\n", t.release(), local[0])
	})
}
