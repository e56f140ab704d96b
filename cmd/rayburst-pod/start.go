package main

import (
	"context"
	"errors"
	"os"
	"time"

	"log/slog"

	"github.com/rayburst/rayburst/deploy/pod"
)

// startCmd runs in Ray's container of a pod.
type startCmd struct {
	Dir     string   `default:"/rayburst" env:"RAYBURST_DIR" type:"existingdir" help:"Folder shared with the agent."`
	Command []string `arg:"" passthrough:"" help:"ray start --block …"`
}

// Run keeps Ray running until the pod ends.
func (c *startCmd) Run(ctx context.Context) error {
	args := c.Command
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return errors.New("give the command that starts Ray, e.g. -- ray start --address=… --block")
	}
	return (&pod.Starter{Dir: c.Dir, Command: args, Now: time.Now, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}).Run(ctx)
}

// preemptCmd is the preStop hook of Ray's container.
type preemptCmd struct {
	Dir   string        `default:"/rayburst" env:"RAYBURST_DIR" type:"existingdir" help:"Folder shared with the agent."`
	Limit time.Duration `default:"60s" help:"For how long running work is waited for: less than the pod's grace period."`
}

// Run drains the node and waits for what runs on it.
func (c *preemptCmd) Run(ctx context.Context) error { return pod.Preempt(ctx, c.Dir, c.Limit) }
