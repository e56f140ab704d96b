package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// taskSeconds is the length of the tasks of both.
const taskSeconds = 3

// beside runs 1 and 8 tasks of one GPU from zero, ours and Ray's own in turn.
func beside(ctx context.Context, repeats int) error {
	ours, theirs := map[int][]float64{}, map[int][]float64{}
	late := 0
	for range repeats {
		for _, n := range []int{1, 8} {
			took, after, err := oursOnce(ctx, n)
			if err != nil {
				return err
			}
			ours[n], late = append(ours[n], took), late+after
			if took, err = theirsOnce(ctx, n); err != nil {
				return err
			}
			theirs[n] = append(theirs[n], took)
		}
	}
	fmt.Printf("bursts of one-GPU tasks of %d s from zero, seconds until all are done (median of %d; all)\n", taskSeconds, repeats)
	for _, n := range []int{1, 8} {
		a, b := median(ours[n]), median(theirs[n])
		fmt.Printf("  %d task(s): ours %.1f, Ray's autoscaler v2 %.1f, ratio %.2f   (%.1f / %.1f)\n", n, a, b, a/b, ours[n], theirs[n])
	}
	fmt.Printf("  workers of ours started after the work was done: %d\n", late)
	return nil
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}

// oursOnce also counts the workers that were started after the work was done.
func oursOnce(ctx context.Context, n int) (seconds float64, late int, err error) {
	c, err := start(ctx, "test/bench/bench.yaml")
	if err != nil {
		return 0, 0, err
	}
	defer c.Stop()
	d, err := c.Drive("test/bench/driver.py", c.GCS)
	if err != nil {
		return 0, 0, err
	}
	defer d.Kill()
	if _, err := d.Await("ready"); err != nil {
		return 0, 0, err
	}
	settle()
	begin, end, err := burst(d, n, taskSeconds)
	started := c.Count("", "started")
	if err == nil {
		err = calm(ctx, c)
	}
	return end - begin, c.Count("", "started") - started, err
}

// settle lets a driver's connection come to rest, the same for both.
func settle() { time.Sleep(3 * time.Second) }

// theirsOnce runs Ray's own autoscaler in a network namespace of its own, since
// its provider wants 127.0.0.1 and port 6379.
func theirsOnce(ctx context.Context, n int) (float64, error) {
	cmd := exec.CommandContext(ctx, os.Args[0], peerArg, fmt.Sprint(n))
	cmd.SysProcAttr = namespace()
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("running Ray's own autoscaler: %w: %s", err, out)
	}
	var begin, end float64
	if _, err := fmt.Sscan(string(out), &begin, &end); err != nil {
		return 0, fmt.Errorf("reading %q: %w", out, err)
	}
	return end - begin, nil
}

const peerArg = "peer"

// peer is the program inside the namespace.
func peer() int {
	if err := runPeer(os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		return 1
	}
	return 0
}

func runPeer(n string) error {
	if err := loopbackUp(); err != nil {
		return err
	}
	ray := os.Getenv("RAYBURST_RAY")
	yaml, err := filepath.Abs("test/bench/peer.yaml")
	if err != nil {
		return err
	}
	if err := giveDefaults(ray, yaml); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("/tmp", "peer-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	head := exec.Command(ray, "start", "--head", "--block", "--port=6379", "--num-cpus=0", "--num-gpus=0",
		"--object-store-memory=80000000", "--autoscaling-config="+yaml, "--temp-dir="+dir, "--include-dashboard=false", "--disable-usage-stats")
	const id = "fffffffffffffffffffffffffffffffffffffffffffffffffff00000"
	head.Env = append(os.Environ(), "RAY_FAKE_CLUSTER=1", "RAY_enable_autoscaler_v2=1", "RAY_OVERRIDE_NODE_ID_FOR_TESTING="+id,
		"RAY_CLOUD_INSTANCE_ID="+id, "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S=1", "RAY_enable_open_telemetry=0", "RAY_AUTH_MODE=disabled") // as ours
	head.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := head.Start(); err != nil {
		return err
	}
	defer func() { _ = head.Wait() }()
	defer func() { _ = head.Process.Signal(syscall.SIGTERM) }()
	time.Sleep(8 * time.Second) // its monitor must be up
	return drivePeer(ray, n)
}

// giveDefaults puts the file there that the provider reads and the wheel lacks.
func giveDefaults(ray, yaml string) error {
	found, err := filepath.Glob(filepath.Join(filepath.Dir(ray), "..", "lib", "python3*", "site-packages", "ray", "autoscaler", "_private"))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("finding Ray's package beside %s, among %q: %w", ray, found, cmp.Or(err, os.ErrNotExist))
	}
	dir := filepath.Join(found[0], "fake_multi_node")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	b, err := os.ReadFile(yaml)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "example.yaml"), b, 0o644)
}

func drivePeer(ray, n string) error {
	d := exec.Command(filepath.Join(filepath.Dir(ray), "python"), "-u", "test/bench/driver.py", "127.0.0.1:6379")
	in, err := d.StdinPipe()
	if err != nil {
		return err
	}
	out, err := d.StdoutPipe()
	if err != nil {
		return err
	}
	if err := d.Start(); err != nil {
		return err
	}
	defer func() { _ = d.Wait() }()
	defer in.Close()
	s := bufio.NewScanner(out)
	for s.Scan() {
		if s.Text() == "ready" {
			settle()
			_, _ = io.WriteString(in, fmt.Sprintf("%s %d\n", n, taskSeconds))
		}
		if rest, ok := strings.CutPrefix(s.Text(), "done "); ok {
			fmt.Println(rest)
			return nil
		}
	}
	return fmt.Errorf("the driver ended without being done")
}
