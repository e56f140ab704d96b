// Command rayburst-nats is the NATS server between agents and the scaler, with
// Kubernetes' identities: a program of its own, as it needs half of the memory
// so.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c command
	parsed := kong.Parse(&c, kong.Name("rayburst-nats"), kong.Vars{"version": version}, kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Description("The NATS server between agents and the scaler, with Kubernetes' identities."))
	if err := parsed.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "rayburst-nats:", err)
		os.Exit(1)
	}
}
