// Command bench measures on real Ray, in one run on one machine: the time from
// .remote() to the published decision; the time to do a burst from zero beside
// Ray's own autoscaler v2; and what an agent and the scaler cost.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
)

func main() {
	bursts := flag.Int("bursts", 100, "bursts for the time to the decision; 0: none")
	repeats := flag.Int("repeats", 3, "repeats of each burst beside Ray's autoscaler; 0: none")
	cost := flag.Int("cost", 30, "seconds for which the agent's cost is measured; 0: not")
	flag.Parse()
	if flag.Arg(0) == peerArg {
		os.Exit(peer())
	}
	if err := run(context.Background(), *bursts, *repeats, *cost); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, bursts, repeats, cost int) error {
	fmt.Printf("%d cores, %s\n", runtime.NumCPU(), runtime.Version())
	if bursts > 0 {
		if err := decisions(ctx, bursts); err != nil {
			return err
		}
	}
	if cost > 0 {
		if err := costs(ctx, cost); err != nil {
			return err
		}
	}
	if repeats > 0 {
		return beside(ctx, repeats)
	}
	return nil
}
