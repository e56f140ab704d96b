// Command rayburst-scaler answers KEDA for all Ray clusters of a Kubernetes
// cluster: a program of its own, as it needs less memory so than as a part of
// rayburst.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/rayburst/rayburst/scaler/httpapi"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends at once
	var c command
	parsed := kong.Parse(&c, kong.Name("rayburst-scaler"), kong.Vars{"version": version, "addr": httpapi.DefaultAddress}, kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Description("Answers KEDA for all Ray clusters of a Kubernetes cluster."))
	if err := parsed.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "rayburst-scaler:", err)
		os.Exit(1)
	}
}
