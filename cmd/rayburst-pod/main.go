// Command rayburst-pod is what Ray's container of a pod needs of Rayburst: it
// keeps Ray running until its node is drained, and copies files.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is the command line.
type cli struct {
	Start   startCmd   `cmd:"" help:"Keep Ray running until its node is drained."`
	Preempt preemptCmd `cmd:"" help:"Before the container ends: drain the node and wait for running work."`
	Unpack  unpackCmd  `cmd:"" help:"Unpack files that were copied."`
	Pack    packCmd    `cmd:"" help:"Pack files to copy."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c cli
	command := kong.Parse(&c, kong.Name("rayburst"), kong.Description("Rayburst in Ray's container."), kong.BindTo(ctx, (*context.Context)(nil)))
	if err := command.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "rayburst:", err)
		os.Exit(1)
	}
}
