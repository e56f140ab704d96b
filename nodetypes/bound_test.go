package nodetypes_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

// TestUpscalingBound is exact for every speed of two decimals, 0.29 × 100
// included, which is below 29 in binary.
func TestUpscalingBound(t *testing.T) {
	for hundredths := range 1200 {
		speed := float64(hundredths) / 100
		for _, running := range []int{0, 1, 2, 3, 7, 18, 50, 99, 100} {
			for _, joining := range []int{0, 1, 4, 5, 6, 50} {
				want := max(5, hundredths*max(running, 1)/100) - joining
				if got := nodetypes.UpscalingBound(speed, running, joining); got != want {
					t.Fatalf("speed %v, %d running, %d joining: %d, want %d", speed, running, joining, got, want)
				}
			}
		}
	}
}

// TestUpscalingBoundGrows with the speed and with what runs, up to where it
// saturates, and shrinks by each node that joins.
func TestUpscalingBoundGrows(t *testing.T) {
	speeds := []float64{0, math.SmallestNonzeroFloat64, 1e-300, 0.1, 0.29, 0.3, 0.999, 1, math.Nextafter(1, 2), 2.5, 1000, 1e15 + 0.5,
		1e17, 4.6e18, 4.7e18, 1e19, math.MaxFloat64, math.Inf(1)}
	counts := []int{0, 1, 2, 5, 6, 46, 47, 100, 101, 1e6, 1e12}
	for i, speed := range speeds {
		for j, running := range counts {
			bound := nodetypes.UpscalingBound(speed, running, 0)
			slower := nodetypes.UpscalingBound(speeds[max(0, i-1)], running, 0)
			fewer := nodetypes.UpscalingBound(speed, counts[max(0, j-1)], 0)
			if bound < slower || bound < fewer || bound < 5 {
				t.Errorf("speed %v, %d running: %d, but %d at less speed, %d with fewer running", speed, running, bound, slower, fewer)
			}
			for joining := range 12 {
				if got := nodetypes.UpscalingBound(speed, running, joining); got != bound-joining {
					t.Errorf("speed %v, %d running, %d joining: %d, want %d", speed, running, joining, got, bound-joining)
				}
			}
		}
	}
}

// TestLaunchNow: of each type as many as [wantedNow], so never more than are
// wanted nor fewer than are exempt. More speed never gives less. All else in
// the reply does not depend on the speed.
func TestLaunchNow(t *testing.T) {
	const cases = 250
	seen := map[string]int{}
	for seed := range uint64(cases) {
		q := crowdedRequest(rand.New(rand.NewPCG(seed, 12)))
		if err := q.Validate(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		want := nodetypes.Schedule(q)
		if want.LaunchNow != nil {
			t.Fatalf("seed %d: %v without a speed", seed, want.LaunchNow)
		}
		var slower map[string]int
		for _, speed := range []string{"0", "0.1", "0.29", "1", "2.5", "1000", "+Inf"} {
			q.UpscalingSpeed = new(parsed(t, speed))
			got := nodetypes.Schedule(q)
			want.LaunchNow = wantedNow(q, want, speed)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d, speed %s: %+v\nwant -, got +:\n%s", seed, speed, q, diff)
			}
			checkNow(t, fmt.Sprintf("seed %d, speed %s", seed, speed), got, slower)
			countBounds(seen, got)
			slower = got.LaunchNow
		}
	}
	for _, what := range []string{"all", "some", "none", "only what is exempt", "more than five of more"} {
		if seen[what] < cases/10 {
			t.Errorf("%d launches are %s in %d cases", seen[what], what, cases)
		}
	}
}

// checkNow has what holds of a bound whatever its size.
func checkNow(t *testing.T, name string, r nodetypes.Reply, slower map[string]int) {
	t.Helper()
	for _, l := range r.Launch {
		now, ok := r.LaunchNow[l.Type]
		if now > l.Count() || now < l.Exempt() || now < slower[l.Type] || ok != (now > 0) {
			t.Errorf("%s: %d (%v) of %+v, %d at less speed", name, now, ok, l, slower[l.Type])
		}
	}
}

// countBounds notes what a reply shows, so that the test cannot lose its sense.
func countBounds(seen map[string]int, r nodetypes.Reply) {
	for _, l := range r.Launch {
		switch now := r.LaunchNow[l.Type]; {
		case now == l.Count():
			seen["all"]++
		case now == 0:
			seen["none"]++
		case now == l.Exempt():
			seen["only what is exempt"]++
		case now > 5:
			seen["more than five of more"]++
		default:
			seen["some"]++
		}
	}
}

// wantedNow is min(launch, max(room, exempt)), at least 0, of each type.
func wantedNow(q nodetypes.Request, r nodetypes.Reply, speed string) map[string]int {
	now := map[string]int{}
	for _, l := range r.Launch {
		if n := min(l.Count(), max(room(q, r, l.Type, speed), l.Exempt())); n > 0 {
			now[l.Type] = n
		}
	}
	return now
}

// room is max(5, ⌊speed × max(running, 1)⌋) − joining, in big numbers. Without
// a limit it is beyond any launch.
func room(q nodetypes.Request, r nodetypes.Reply, kind, speed string) int {
	running, joining := 0, 0
	for _, n := range keptNodes(q, r, kind) {
		if n.Head || n.Status == nodetypes.Running {
			running++
		} else {
			joining++
		}
	}
	exact, ok := new(big.Rat).SetString(speed)
	if !ok {
		return math.MaxInt - joining
	}
	exact.Mul(exact, big.NewRat(int64(max(running, 1)), 1))
	floor := new(big.Int).Quo(exact.Num(), exact.Denom())
	return max(5, int(floor.Int64())) - joining
}

// keptNodes are the nodes of a type that neither drain nor are given up.
func keptNodes(q nodetypes.Request, r nodetypes.Reply, kind string) []nodetypes.Node {
	return slices.DeleteFunc(slices.Clone(q.Nodes), func(n nodetypes.Node) bool {
		return n.Type != kind || n.Status == nodetypes.Draining ||
			slices.ContainsFunc(r.Terminate, func(x nodetypes.Termination) bool { return x.ID == n.ID })
	})
}

func parsed(t *testing.T, speed string) float64 {
	t.Helper()
	f, err := strconv.ParseFloat(speed, 64)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// crowdedRequest is a random one in which the bound matters: with many nodes
// that are busy or join, and with demand and minimums for many more.
func crowdedRequest(rng *rand.Rand) nodetypes.Request {
	for {
		q, r := randomRequest(rng), random{rng, false}
		if r.chance(60) {
			q.MaxWorkers = nodetypes.NoLimit
		}
		for i := range q.NodeTypes {
			if t := &q.NodeTypes[i]; r.chance(70) {
				t.MinWorkers, t.MaxWorkers = t.MinWorkers*r.IntN(12), nodetypes.NoLimit
			}
		}
		multiply(q.Demand.Tasks, 20)
		multiply(q.Demand.Constraints, oneOf[int64](r, 1, 10))
		for _, g := range q.Demand.Gangs {
			multiply(g.Bundles, oneOf[int64](r, 1, 10))
		}
		q.Nodes = append(q.Nodes, crowd(nodetypes.Running, oneOf(r, q.NodeTypes...), oneOf(r, 0, 1, 9, 70))...)
		q.Nodes = append(q.Nodes, crowd(nodetypes.Joining, oneOf(r, q.NodeTypes...), r.IntN(9))...)
		if !minimumsAboveMaximum(q) {
			return q
		}
	}
}

func multiply(shapes []demand.Shape, by int64) {
	for i := range shapes {
		shapes[i].Count *= by
	}
}

// crowd is n nodes of a type. Those that run are busy: nothing is left.
func crowd(status nodetypes.Status, t nodetypes.NodeType, n int) []nodetypes.Node {
	var out []nodetypes.Node
	for i := range n {
		x := nodetypes.Node{ID: fmt.Sprintf("status %d, %d", status, i), Type: t.Name, Status: status}
		if status == nodetypes.Running {
			x.Total, x.Labels = t.Resources, demand.NewLabels(t.Labels)
		}
		out = append(out, x)
	}
	return out
}

// TestJoiningTakesRoom: each node that joins leaves room for one less of its
// type, and of no other.
func TestJoiningTakesRoom(t *testing.T) {
	cpu := demand.MustResources(map[string]float64{"CPU": 1})
	q := nodetypes.Request{
		NodeTypes:      []nodetypes.NodeType{{Name: "a", Resources: cpu, MaxWorkers: nodetypes.NoLimit}, {Name: "b", MaxWorkers: nodetypes.NoLimit}},
		MaxWorkers:     nodetypes.NoLimit,
		UpscalingSpeed: new(2.5),
		Demand:         demand.Demand{Tasks: []demand.Shape{{ResourceRequest: demand.ResourceRequest{Resources: cpu}, Count: 100}}},
	}
	q.Nodes = crowd(nodetypes.Running, q.NodeTypes[0], 3)
	for joining, want := range []map[string]int{{"a": 7}, {"a": 6}, {"a": 5}, {"a": 4}, {"a": 3}, {"a": 2}, {"a": 1}, {}, {}} {
		if diff := cmp.Diff(want, nodetypes.Schedule(q).LaunchNow); diff != "" {
			t.Errorf("%d joining: want -, got +:\n%s", joining, diff)
		}
		q.Nodes = append(q.Nodes, nodetypes.Node{ID: fmt.Sprint("a", joining), Type: "a", Status: nodetypes.Joining},
			nodetypes.Node{ID: fmt.Sprint("b", joining), Type: "b", Status: nodetypes.Joining})
	}
}
