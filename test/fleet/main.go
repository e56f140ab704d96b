// Command fleet measures what the scaler and its NATS server cost with many
// Ray clusters at once. Both are the real programs, beside a real API server
// with a ScaledObject, a Deployment and the pods of every cluster; agents and
// KEDA's calls are simulated. There is no kubelet, no controller and no Ray.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	clusters, nodes int
	changing        float64
	warm, measure   time.Duration
	connections     string
	bin, tools      string
}

// What has a connection to NATS.
const (
	perCluster = "cluster" // all agents of one share it: what clusters that are simulated need
	perNode    = "node"    // as in a real cluster
)

func main() {
	var o options
	flag.IntVar(&o.clusters, "clusters", 100, "Ray clusters, each in a namespace of its own")
	flag.IntVar(&o.nodes, "nodes", 100, "workers of each cluster")
	flag.Float64Var(&o.changing, "changing", 0.01, "part of the nodes that change each second")
	flag.DurationVar(&o.warm, "warm", 20*time.Second, "time between all clusters' first decision and the measurement")
	flag.DurationVar(&o.measure, "measure", time.Minute, "time of the measurement")
	flag.StringVar(&o.connections, "connections", perCluster, "what has a connection to NATS of its own: cluster or node")
	flag.StringVar(&o.bin, "bin", "bin", "folder of rayburst-scaler and rayburst-nats, which are measured")
	flag.StringVar(&o.tools, "tools", ".cache/e2e/bin", "folder of etcd, kube-apiserver, kubectl and KEDA's manifests: make e2e-build")
	flag.Parse()
	if o.connections != perCluster && o.connections != perNode {
		fmt.Fprintf(os.Stderr, "fleet: -connections: must be cluster or node (got %q)\n", o.connections)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "fleet")
	if err != nil {
		return err
	}
	ctx, end := context.WithCancel(ctx)
	b := &bench{options: o, ctx: ctx, dir: dir, began: time.Now()}
	err = b.run()
	end()
	b.processes.Wait()
	if err == nil {
		return os.RemoveAll(dir)
	}
	return fmt.Errorf("%w (logs are in %s)", err, dir)
}

// say tells that a step is done, and when.
func (b *bench) say(format string, args ...any) {
	fmt.Printf("%6.1fs %s\n", time.Since(b.began).Seconds(), fmt.Sprintf(format, args...))
}

func (b *bench) run() error {
	fmt.Printf("%d cores, %s\n", runtime.NumCPU(), runtime.Version())
	for _, step := range []func() error{b.control, b.populate, b.servers, b.speak, b.decided} {
		if err := step(); err != nil {
			return err
		}
	}
	if err := b.pause(b.warm); err != nil {
		return err
	}
	return b.report()
}

// pause waits, or fails when the program is asked to end.
func (b *bench) pause(d time.Duration) error {
	select {
	case <-b.ctx.Done():
		return context.Cause(b.ctx)
	case <-time.After(d):
		return nil
	}
}

// await waits until something holds.
func (b *bench) await(what string, patience time.Duration, holds func() bool) error {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if holds() {
			b.say("%s", what)
			return nil
		}
		if err := b.pause(100 * time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("waiting for %s: not within %v", what, patience)
}

var errTools = errors.New("run make e2e-build before")

func (b *bench) tool(name string) (string, error) {
	path := filepath.Join(b.tools, name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%w: %w", errTools, err)
	}
	return path, nil
}
