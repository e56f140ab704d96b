package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"time"

	"github.com/rayburst/rayburst/test/rig"
)

func start(ctx context.Context, yaml string, args ...string) (*rig.Cluster, error) {
	return rig.Start(ctx, rig.Options{
		Binary: "bin/rayburst", Ray: os.Getenv("RAYBURST_RAY"), YAML: yaml, Args: append([]string{"-v"}, args...),
	})
}

// decisions measures the time from .remote() in the driver to the published
// decision that raises the target, over bursts of one task from zero.
func decisions(ctx context.Context, bursts int) error {
	c, err := start(ctx, "test/bench/bursts.yaml")
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
	var took []float64
	for range bursts {
		seen := len(c.Lines())
		begin, _, err := burst(d, 1, 0.01)
		if err != nil {
			return err
		}
		at, ok := raised(c.Lines()[seen:])
		if !ok {
			return fmt.Errorf("no decision raised the target for a burst")
		}
		took = append(took, at-begin)
		if err := calm(ctx, c); err != nil {
			return err
		}
	}
	slices.Sort(took)
	fmt.Printf("from .remote() to the published decision, %d bursts: p50 %.2f s, p99 %.2f s, most %.2f s\n",
		bursts, quantile(took, 0.5), quantile(took, 0.99), took[len(took)-1])
	return nil
}

// burst runs n tasks and returns when they were submitted and done.
func burst(d *rig.Driver, n int, seconds float64) (begin, end float64, err error) {
	if err := d.Tell(fmt.Sprintf("%d %g", n, seconds)); err != nil {
		return 0, 0, err
	}
	said, err := d.Await("done")
	if err != nil {
		return 0, 0, err
	}
	_, err = fmt.Sscan(said, &begin, &end)
	return begin, end, err
}

var raise = regexp.MustCompile(`^time=(\S+) .*msg=target .* type=gpu workers=[1-9]`)

// raised is when the first target above zero was published, in unix seconds.
func raised(lines []string) (float64, bool) {
	for _, l := range lines {
		if m := raise.FindStringSubmatch(l); m != nil {
			at, err := time.Parse(time.RFC3339Nano, m[1])
			return float64(at.UnixNano()) / 1e9, err == nil
		}
	}
	return 0, false
}

// calm waits until no worker is left.
func calm(ctx context.Context, c *rig.Cluster) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := c.Empty(ctx); err != nil {
		return err
	}
	for c.Count("", "asked") != c.Count("", "removed") && ctx.Err() == nil {
		time.Sleep(20 * time.Millisecond)
	}
	return ctx.Err()
}

// quantile is the nearest-rank quantile.
func quantile(sorted []float64, q float64) float64 {
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}
