// Command soak looks for two faults on real Ray that show only rarely: a
// worker started beyond what is needed, and a task lost because its worker was
// removed. It prints the figures and ends with 1 if there is one.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rayburst/rayburst/test/rig"
)

func main() {
	rounds := flag.Int("rounds", 10, "how often 1…6 tasks and 1…6 actors are run")
	loop := flag.Duration("loop", 10*time.Minute, "how long bursts of random lengths are run")
	seed := flag.Int64("seed", time.Now().UnixNano()%1_000_000, "of the random lengths")
	flag.Parse()
	if err := run(*rounds, *loop, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func run(rounds int, loop time.Duration, seed int64) error {
	c, err := rig.Start(context.Background(), rig.Options{
		Binary: "bin/rayburst", Ray: os.Getenv("RAYBURST_RAY"), YAML: "test/soak/soak.yaml", Args: []string{"-v"},
	})
	if err != nil {
		return err
	}
	defer c.Stop()
	excess, err := overProvisioning(c, rounds)
	if err != nil {
		return err
	}
	lost, err := bursts(c, loop, seed)
	if err != nil {
		return err
	}
	if excess+lost > 0 {
		fmt.Fprintln(os.Stderr, strings.Join(c.Lines(), "\n"))
		return fmt.Errorf("%d workers too many, %d task attempts lost", excess, lost)
	}
	return nil
}

// overProvisioning runs n tasks and n actors of one worker each, from zero.
func overProvisioning(c *rig.Cluster, rounds int) (excess int, err error) {
	runs := 0
	for range rounds {
		for n := 1; n <= 6; n++ {
			for _, kind := range []string{"tasks", "actors"} {
				more, err := once(c, kind, n)
				if err != nil {
					return excess, err
				}
				excess += more
				runs++
			}
		}
	}
	fmt.Printf("over-provisioning: %d runs of 1…6 tasks or actors, %d workers too many\n", runs, excess)
	return excess, nil
}

func once(c *rig.Cluster, kind string, n int) (int, error) {
	before := c.Count("cpu", "asked")
	d, err := c.Drive("test/ray/testdata/driver.py", kind, strconv.Itoa(n), "0.2", "1", "0")
	if err != nil {
		return 0, err
	}
	if _, err := d.Wait(); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := c.Empty(ctx); err != nil {
		return 0, err
	}
	more := max(0, c.Count("cpu", "asked")-before-n)
	if more > 0 {
		fmt.Printf("%d %s: %d workers too many\n", n, kind, more)
	}
	return more, nil
}

// bursts runs bursts of random lengths; no task is retried, so a lost attempt
// shows as an error in the driver.
func bursts(c *rig.Cluster, loop time.Duration, seed int64) (lost int, err error) {
	fmt.Printf("burst loop: %v, seed %d\n", loop, seed)
	d, err := c.Drive("test/soak/burst.py", strconv.FormatFloat(loop.Seconds(), 'f', -1, 64), strconv.FormatInt(seed, 10))
	if err != nil {
		return 0, err
	}
	said, err := d.Await("attempts")
	if err != nil {
		return 0, err
	}
	var attempts, nodes int
	if _, err := fmt.Sscanf(said, "%d lost %d nodes %d", &attempts, &lost, &nodes); err != nil {
		return 0, fmt.Errorf("reading the driver's figures from %q: %w", said, err)
	}
	fmt.Printf("burst loop: %d task attempts on %d workers, %d lost\n%s", attempts, nodes, lost, d.Errors())
	return lost, nil
}
