package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/rayburst/rayburst/demand/nats"
)

// costs measures agents as processes of their own beside a head and a worker
// that is in use, and the scaler's process with the cluster and its agents.
func costs(ctx context.Context, seconds int) error {
	server, err := nats.Embed()
	if err != nil {
		return err
	}
	defer server.Shutdown()
	c, err := start(ctx, "test/bench/bench.yaml", "--nats-url="+server.ClientURL())
	if err != nil {
		return err
	}
	defer c.Stop()
	d, err := c.Drive("test/bench/driver.py", c.GCS)
	if err != nil {
		return err
	}
	defer d.Kill()
	if _, err := d.Await("ready"); err != nil {
		return err
	}
	if err := d.Tell(fmt.Sprintf("1 %d", seconds+10)); err != nil {
		return err
	}
	time.Sleep(5 * time.Second) // until the worker runs the task
	for _, mode := range [][]string{{"--instance-id=bench-gpu-1"}, {"--head", "--instance-id=bench-head"}} {
		if err := agentCost(ctx, mode, c.GCS, server.ClientURL(), seconds/2); err != nil {
			return err
		}
	}
	_, rss := usage(c.PID())
	fmt.Printf("scaler with one cluster, in one process with the agents of two nodes: %.1f MiB\n", rss)
	return nil
}

func agentCost(ctx context.Context, mode []string, gcs, url string, seconds int) error {
	args := append([]string{"agent", "--cluster=cost/cost", "--gcs-address=" + gcs, "--nats-url=" + url}, mode...)
	cmd := exec.CommandContext(ctx, "bin/rayburst", args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() { _ = cmd.Wait() }()
	defer func() { _ = cmd.Process.Kill() }()
	time.Sleep(2 * time.Second) // its start is not its running cost
	before, _ := usage(cmd.Process.Pid)
	time.Sleep(time.Duration(seconds) * time.Second)
	after, rss := usage(cmd.Process.Pid)
	fmt.Printf("agent %v: %.2f %% of a core, %.1f MiB\n", mode, 100*(after-before)/float64(seconds), rss)
	return nil
}

// usage is the CPU seconds and the resident MiB of a process.
func usage(pid int) (cpu, mib float64) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+2:]))
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	pages, _ := strconv.ParseFloat(fields[21], 64)
	return (user + system) / 100, pages * float64(os.Getpagesize()) / (1 << 20)
}
