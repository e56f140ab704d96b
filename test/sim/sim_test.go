package sim_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/rayburst/rayburst/test/sim"
)

// seeds is how many seeds a test runs: SIM, or a quick number.
func seeds(t *testing.T, quick int) uint64 {
	t.Helper()
	if n, err := strconv.Atoi(os.Getenv("SIM")); err == nil {
		return uint64(n)
	}
	return uint64(quick)
}

// first is the first seed: SEED runs a failed one again.
func first() uint64 {
	n, _ := strconv.ParseUint(os.Getenv("SEED"), 10, 64)
	return n
}

func run(t *testing.T, quick int, scenario func(uint64) sim.Scenario) {
	t.Helper()
	from := first()
	for seed := from; seed < from+seeds(t, quick); seed++ {
		sc := scenario(seed)
		if r := sim.Run(sc, sim.Quiet); r.Failure != "" {
			t.Fatalf("seed %d: %s\n%v\n%s", seed, r.Failure, sc, tail(sim.Run(sc).Trace))
		}
	}
}

// tail is the end of a trace, or all of it with TRACE=all.
func tail(trace string) string {
	lines := strings.Split(trace, "\n")
	if os.Getenv("TRACE") == "all" || len(lines) < 60 {
		return trace
	}
	return strings.Join(lines[len(lines)-60:], "\n")
}

// TestReplay prints the trace of one run: SEED=83 REPLAY=harsh go test -v -run Replay.
func TestReplay(t *testing.T) {
	scenario, ok := map[string]func(uint64) sim.Scenario{"small": sim.Small, "large": sim.Large, "harsh": sim.Harsh}[os.Getenv("REPLAY")]
	if !ok {
		t.Skip("REPLAY names no kind of scenario")
	}
	sc := scenario(first())
	t.Logf("%v\n%s", sc, sim.Run(sc).Trace)
}

func TestSmallBursts(t *testing.T) { run(t, 150, sim.Small) }
func TestLargeBursts(t *testing.T) { run(t, 60, sim.Large) }
func TestHarsh(t *testing.T)       { run(t, 60, sim.Harsh) }
