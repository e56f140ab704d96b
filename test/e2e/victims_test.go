package e2e_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// rounds is how many scale-downs each of ten fleets makes: VICTIMS=20 for 200.
func rounds(t *testing.T) int {
	t.Helper()
	s := os.Getenv("VICTIMS")
	if s == "" {
		return 2
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("VICTIMS: must be a number of rounds (got %q)", s)
	}
	return n
}

// TestVictims: of 30 workers a random set turns idle while the others work; the
// pods that go are exactly the drained ones, every time, in ten clusters at once.
func TestVictims(t *testing.T) {
	t.Run("all", func(t *testing.T) {
		for i := range 10 {
			t.Run(fmt.Sprint("victims", i), func(t *testing.T) {
				t.Parallel()
				f := newFleet(t, 30)
				random := rand.New(rand.NewPCG(uint64(i), 1)) //nolint:gosec // a small number
				for range rounds(t) {
					f.shrink(random)
				}
			})
		}
	})
	if wrong := metric(t, "rayburst_wrong_victim_total"); wrong != 0 {
		t.Errorf("rayburst_wrong_victim_total is %v", wrong)
	}
	t.Logf("%d scale-downs", 10*rounds(t))
}

// shrink lets a random set of 30 workers be idle and checks who goes.
func (f *fleet) shrink(random *rand.Rand) {
	f.t.Helper()
	f.wants(30)
	f.settled(30)
	idle := f.relax(random)
	f.wants(0)
	f.reached(30 - len(idle))
	eventually(f.t, "they are gone", func() (bool, string) {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.nodes) == 30-len(idle) && len(f.leaving) >= len(idle), fmt.Sprint(len(f.nodes), " nodes, gone ", len(f.leaving))
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.Sort(f.leaving)
	if diff := cmp.Diff(idle, f.leaving); diff != "" {
		f.t.Fatalf("idle -, gone +:\n%s", diff)
	}
}

// relax makes all workers busy but a random set, which it returns.
func (f *fleet) relax(random *rand.Rand) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leaving = nil
	names := make([]string, 0, len(f.nodes))
	for name := range f.nodes {
		names = append(names, name)
	}
	slices.Sort(names)
	random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	n := 1 + random.IntN(len(names)-1)
	for i, name := range names {
		if delete(f.busy, name); i >= n {
			f.busy[name] = true
		} else {
			f.idle[name] = time.Now()
		}
	}
	slices.Sort(names[:n])
	return names[:n]
}

// metric is the sum of one of the scaler's metrics; it must be there.
func metric(t *testing.T, name string) float64 {
	t.Helper()
	return scrape(t, "http://rayburst.keda.svc:8089/metrics", name)
}

func scrape(t *testing.T, url, name string) (sum float64) {
	t.Helper()
	reply, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	b, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for line := range strings.Lines(string(b)) {
		if !strings.HasPrefix(line, name) {
			continue
		}
		fields := strings.Fields(line)
		v, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		if err != nil {
			t.Fatal(err)
		}
		sum, found = sum+v, true
	}
	if !found {
		t.Fatalf("there is no metric %s", name)
	}
	return sum
}
