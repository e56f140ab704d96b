// Command rayburst scales Ray clusters: see rayburst --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"

	"github.com/rayburst/rayburst/scaler/httpapi"
)

// version is set by the linker.
var version = "dev"

// cli is the command line.
type cli struct {
	Version kong.VersionFlag `help:"Print the version and end."`
	Local   localCmd         `cmd:"" help:"Run a Ray cluster on this machine, its workers as processes, scaled by their demand."`

	Up        upCmd        `cmd:"" group:"Ray clusters on Kubernetes:" help:"Make or update the Ray cluster of a cluster YAML."`
	Down      downCmd      `cmd:"" group:"Ray clusters on Kubernetes:" help:"End a Ray cluster."`
	Attach    attachCmd    `cmd:"" group:"Ray clusters on Kubernetes:" help:"A shell on the head."`
	Exec      execCmd      `cmd:"" group:"Ray clusters on Kubernetes:" help:"Run a command on the head."`
	Submit    submitCmd    `cmd:"" group:"Ray clusters on Kubernetes:" help:"Copy a script to the head and run it."`
	RsyncUp   rsyncUpCmd   `cmd:"" name:"rsync-up" group:"Ray clusters on Kubernetes:" help:"Copy files to the head."`
	RsyncDown rsyncDownCmd `cmd:"" name:"rsync-down" group:"Ray clusters on Kubernetes:" help:"Copy files from the head."`
	Monitor   monitorCmd   `cmd:"" group:"Ray clusters on Kubernetes:" help:"Follow what is decided about a cluster."`
	Dashboard dashboardCmd `cmd:"" group:"Ray clusters on Kubernetes:" help:"Forward a port to Ray's dashboard."`
	HeadIP    headIPCmd    `cmd:"" name:"get-head-ip" group:"Ray clusters on Kubernetes:" help:"Print the head's address."`
	WorkerIPs workerIPsCmd `cmd:"" name:"get-worker-ips" group:"Ray clusters on Kubernetes:" help:"Print the workers' addresses."`
	Kill      killCmd      `cmd:"" name:"kill-random-node" hidden:"" help:"End a worker, to see what happens."`

	Convert  convertCmd  `cmd:"" help:"Turn KubeRay's RayCluster into values of the chart ray-cluster, or into our RayCluster."`
	Doctor   doctorCmd   `cmd:"" help:"Check an installed cluster, and say how to mend what is wrong."`
	Operator operatorCmd `cmd:"" help:"Make Ray clusters of RayClusters, a custom resource."`
	Agent    agentCmd    `cmd:"" help:"Publish what one raylet says to NATS; drain it when asked."`
	Plan     planCmd     `cmd:"" help:"Read planning cases (JSON) and print what would be launched and terminated."`
	Status   statusCmd   `cmd:"" help:"Show the targets of all node types and why demand waits."`
	Explain  explainCmd  `cmd:"" help:"Say why a node type has its number of workers, or why a node is alive."`
	Record   recordCmd   `cmd:"" help:"Record what a running scaler is told and decides."`
	Replay   replayCmd   `cmd:"" help:"Make the decisions of a recording again and compare them."`

	Completion kongcompletion.Completion `cmd:"" help:"Print a snippet that completes commands in your shell."`
}

func main() { os.Exit(run(os.Args[1:])) }

// run is main without the process: it returns the exit code.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends at once
	var c cli
	parser, err := kong.New(&c, kong.Name("rayburst"), kong.Vars{"version": version, "addr": httpapi.DefaultAddress},
		kong.Description("Rayburst scales Ray clusters by the demand of their raylets."),
		kong.BindTo(ctx, (*context.Context)(nil)))
	if err != nil {
		panic(err) // the struct above is wrong
	}
	kongcompletion.Register(parser)
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "rayburst: %v\nSee rayburst --help, or rayburst COMMAND --help.\n", err)
		return 2
	}
	return exitCode(command.Run())
}

// exitError carries the exit code of a command that was run for the user.
type exitError struct{ code int }

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", e.code) }

func exitCode(err error) int {
	var e exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e.code
	}
	fmt.Fprintln(os.Stderr, "rayburst:", err)
	return 1
}
