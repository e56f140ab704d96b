package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/rayburst/rayburst/nodetypes"
)

// Hop is what turns targets into workers.
type Hop string

// The last hops.
const (
	Local  Hop = "local"  // at once, as the embedded fleet does
	HPA    Hop = "hpa"    // every 15 s, then the ReplicaSet chooses victims in Kubernetes' order
	Nudged Hop = "nudged" // the HPA, reconciled a moment after each change
)

// Kind is a node type of a scenario.
type Kind struct {
	Name     string
	Total    vec
	Min, Max int
	Priority int
}

// Burst is a number of equal tasks or actors, submitted at once.
type Burst struct {
	At     time.Duration
	Count  int
	Shape  vec
	Actors bool
	Length time.Duration // the longest; each gets from a half to all of it
}

// Fault is something that goes wrong once.
type Fault struct {
	At   time.Duration
	What string // head, scaler, raylet, kill
}

// Scenario is everything that a run is made from.
type Scenario struct {
	Seed           uint64
	Hop            Hop
	Kinds          []Kind
	ClusterMax     int
	Speed          float64
	Idle           time.Duration
	Settle         time.Duration
	Bursts         []Burst
	Faults         []Fault
	Agentless      bool
	Delay          time.Duration // of a report, at most
	Loss, Doubles  float64       // of a report
	WatchLag       time.Duration // of Kubernetes' objects, at most
	StartFails     float64       // of a raylet
	Doomed         float64       // workers that never start
	AnswerLost     float64       // of a drain
	BackOffTimeout time.Duration
	Limit          time.Duration
	// Exact tells that the over-provisioning and flapping invariants hold: no
	// part of a task's life is seen later than the windows allow.
	Exact bool
}

// String is the scenario for people.
func (s Scenario) String() string {
	type plain Scenario
	return fmt.Sprintf("%+v", plain(s))
}

func seeded(seed uint64) *clock {
	c := newClock(seed)
	c.rng = rand.New(rand.NewPCG(seed, 2)) //nolint:gosec // a scenario is made from its seed
	return c
}

// Small is a burst or a few of one to six tasks or actors of a worker's worth
// each, over a network that is late by less than the windows.
func Small(seed uint64) Scenario {
	c := seeded(seed)
	s := calm(seed, c)
	s.Kinds = []Kind{{Name: "w", Total: vec{4, 0}, Max: 20}}
	for range 1 + c.rng.IntN(3) {
		s.Bursts = append(s.Bursts, Burst{
			At: c.upTo(12 * time.Second), Count: 1 + c.rng.IntN(6), Shape: vec{4, 0}, Actors: c.chance(0.5),
			Length: c.between(100*time.Millisecond, 8*time.Second),
		})
	}
	return s
}

func calm(seed uint64, c *clock) Scenario {
	s := Scenario{
		Seed: seed, Hop: pick(c, Local, HPA, Nudged), ClusterMax: nodetypes.NoLimit, Speed: pick(c, 0, 1, 10.0),
		Idle: c.between(time.Second, 6*time.Second), Settle: pick(c, 0, time.Second, 5*time.Second),
		Delay: pick(c, time.Millisecond, 20*time.Millisecond, 50*time.Millisecond), Doubles: pick(c, 0, 0.2),
		Limit: 200 * time.Second, WatchLag: 300 * time.Millisecond, Exact: true,
	}
	if s.Hop != Local {
		s.Settle = 5 * time.Second // Kubernetes sees marks late
	}
	return s
}

// Large is bursts with a backlog, on workers that hold several tasks.
func Large(seed uint64) Scenario {
	c := seeded(seed)
	s := calm(seed, c)
	slots := pick[int64](c, 1, 2, 3, 4, 8, 20)
	s.Kinds = []Kind{{Name: "w", Total: vec{slots, 0}, Min: pick(c, 0, 0, 1, 2), Max: 30}}
	for range 1 + c.rng.IntN(3) {
		s.Bursts = append(s.Bursts, Burst{
			At: c.upTo(12 * time.Second), Count: 1 + c.rng.IntN(80), Shape: vec{1, 0}, Actors: c.chance(0.3),
			Length: c.between(100*time.Millisecond, 4*time.Second),
		})
	}
	return s
}

// Agentless is bursts where the raylets have no agents: the GCS is a second late.
func Agentless(seed uint64) Scenario {
	s := Small(seed)
	if seed%2 == 1 {
		s = Large(seed)
	}
	s.Agentless = true
	return s
}

// Harsh is anything: several types, maxima, losses, crashes, new heads.
func Harsh(seed uint64) Scenario {
	c := seeded(seed)
	s := calm(seed, c)
	s.Exact, s.Limit = false, 700*time.Second
	s.Agentless = c.chance(0.1)
	s.Delay, s.Loss = pick(c, 50*time.Millisecond, 500*time.Millisecond, 2*time.Second), pick(c, 0, 0.05, 0.3)
	s.StartFails, s.Doomed, s.AnswerLost = pick(c, 0, 0.1, 0.4), pick(c, 0, 0, 0.1), pick(c, 0, 0.2)
	s.WatchLag = pick(c, s.WatchLag, 3*time.Second, 8*time.Second)
	s.BackOffTimeout = 30 * time.Second
	s.Kinds = []Kind{
		{Name: "cpu", Total: vec{int64(1 + c.rng.IntN(8)), 0}, Min: pick(c, 0, 0, 2), Max: 2 + c.rng.IntN(12)},
		{Name: "gpu", Total: vec{4, int64(1 + c.rng.IntN(2))}, Min: pick(c, 0, 1), Max: 1 + c.rng.IntN(6)},
		{Name: "gpu2", Total: vec{8, 2}, Max: 1 + c.rng.IntN(4), Priority: c.rng.IntN(2)},
	}
	s.ClusterMax = pick(c, nodetypes.NoLimit, 4, 8)
	for range 1 + c.rng.IntN(5) {
		s.Bursts = append(s.Bursts, Burst{
			At: c.upTo(40 * time.Second), Count: 1 + c.rng.IntN(30), Shape: pick(c, vec{1, 0}, vec{1, 1}, vec{0, 1}),
			Actors: c.chance(0.3), Length: c.between(100*time.Millisecond, 6*time.Second),
		})
	}
	for range c.rng.IntN(4) {
		s.Faults = append(s.Faults, Fault{c.upTo(60 * time.Second), pick(c, "head", "scaler", "scaler", "raylet", "raylet", "agent")})
	}
	return s
}

func pick[T any](c *clock, from ...T) T { return from[c.rng.IntN(len(from))] }
