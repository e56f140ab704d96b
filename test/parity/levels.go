package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes/plancase"
)

// level is a kind of case.
type level struct {
	name string
	draw func(*rand.Rand) planCase
}

var levels = []level{
	{"simple", simple},
	{"resources", manyResources},
	{"busy", busyNodes},
	{"gangs", gangsOfAllStrategies},
	{"selectors", selectorsWithFallback},
	{"constraints", constraintsOnTop},
	{"idle", idleAndLimits},
	{"history", historyOverGangs},
	{"turns", equalTypes},
	{"counts", bigCounts},
	{"mixed", mixed},
}

var (
	timeouts  = []json.Number{"0", "0", "5", "60", "0.001", "1.001"}
	idleTimes = []json.Number{"0.001", "0.002", "1", "1.001", "1.002", "5", "6", "60", "61", "61", "61"}
)

// strategies in the number of chances that each has.
var strategies = []string{"", "PACK", "SPREAD", "STRICT_PACK", "STRICT_PACK", "STRICT_SPREAD", "STRICT_SPREAD", "STRICT_SPREAD"}

func simple(rng *rand.Rand) planCase {
	d := newDraw(rng, "CPU")
	d.percent = percent{joining: 20, limits: 20, running: 10, allIdle: 50}
	c := d.cluster(4, 8)
	c.Demand.Tasks = d.tasks(3, 10)
	return c
}

func manyResources(rng *rand.Rand) planCase {
	d := newDraw(rng, "CPU", "GPU", "memory", "X", "Y")
	d.running, d.ranks = 30, 30
	c := d.cluster(5, 6)
	c.Demand.Tasks = d.tasks(6, 8)
	return c
}

func busyNodes(rng *rand.Rand) planCase {
	d := newDraw(rng, oneOfNames(rng)...)
	d.busy, d.running = 55, 35
	c := d.cluster(3, 16)
	c.Demand.Tasks = d.tasks(4, 8)
	return c
}

func gangsOfAllStrategies(rng *rand.Rand) planCase {
	d := newDraw(rng, oneOfNames(rng)...)
	d.running, d.selectors = 25, 20
	c := d.cluster(3, 12)
	c.Demand.Gangs = d.gangs(4, 3, 4, strategies...)
	if d.chance(40) {
		c.Demand.Tasks = d.tasks(2, 5)
	}
	return c
}

func selectorsWithFallback(rng *rand.Rand) planCase {
	d := newDraw(rng, oneOfNames(rng)...)
	d.labels, d.running, d.selectors = 70, oneOf(d, 10, 40, 80), 70
	c := d.cluster(4, 12)
	c.Demand.Tasks = d.tasks(5, 4)
	return c
}

func constraintsOnTop(rng *rand.Rand) planCase {
	d := newDraw(rng, oneOfNames(rng)...)
	d.busy = 45
	c := d.cluster(3, 10)
	c.Demand.Constraints = d.bundles(3, 5)
	if d.chance(60) {
		c.Demand.Tasks = d.tasks(2, 5)
	}
	if d.chance(40) {
		c.Demand.Gangs = d.gangs(2, 2, 3, strategies...)
	}
	return c
}

func idleAndLimits(rng *rand.Rand) planCase {
	d := newDraw(rng, "CPU", "GPU")
	d.percent.allIdle, d.idle, d.limits, d.busy = 30, 80, 70, 40
	c := d.cluster(4, 16)
	if d.chance(60) {
		c.Demand.Tasks = d.tasks(2, 3)
	}
	if d.chance(20) {
		c.Demand.Constraints = d.bundles(2, 3)
	}
	return c
}

// historyOverGangs has what earlier gangs leave behind on nodes with room for
// more: GPU use, label scores and kinds of resources. Nodes that do not run may
// be alike but for this.
func historyOverGangs(rng *rand.Rand) planCase {
	d := newDraw(rng, oneOfNames(rng)...)
	d.joining, d.labels, d.selectors, d.busy, d.repeats = oneOf(d, 0, 0, 50, 100), 60, 40, 10, 60
	d.types, d.requests = []demand.Amount{2, 3, 4, 8}, []demand.Amount{1, 1, 2}
	c := d.cluster(3, 9)
	c.Demand.Gangs = d.gangs(6, 3, 2, append(strategies, "STRICT_SPREAD", "STRICT_SPREAD", "STRICT_SPREAD")...)
	if d.chance(70) {
		c.Demand.Tasks = d.tasks(3, 4)
	}
	return c
}

// equalTypes has types that win in turns, and what ends a turn: a type's
// maximum, the cluster's, demand that runs out.
func equalTypes(rng *rand.Rand) planCase {
	d := newDraw(rng, oneOfNames(rng)...)
	d.ranks, d.labels, d.selectors, d.alike = 5, 10, 5, 75
	c := d.cluster(5, 2)
	c.Demand.Tasks = d.tasks(4, oneOf(d, 3, 10, 30))
	if d.chance(70) {
		c.Demand.Gangs = d.gangs(3, 3, 3, strategies...)
	}
	return c
}

func bigCounts(rng *rand.Rand) planCase {
	d := newDraw(rng, oneOfNames(rng)...)
	d.joining, d.alike = 30, 60
	c := d.cluster(4, 20)
	c.Demand.Tasks = d.tasks(4, 200)
	if d.chance(20) {
		c.Demand.Gangs = d.gangs(2, 2, 12, strategies...)
	}
	return c
}

func mixed(rng *rand.Rand) planCase {
	d := newDraw(rng, "CPU", "GPU", "memory", "X", "object_store_memory")
	d.labels, d.selectors, d.running, d.ranks = 35, 30, 30, 25
	c := d.cluster(4, 12)
	c.Demand.Gangs = d.gangs(3, 2, 3, strategies...)
	c.Demand.Tasks = d.tasks(4, 6)
	if d.chance(30) {
		c.Demand.Constraints = d.bundles(2, 3)
	}
	return c
}

// oneOfNames is a set of resources; a few make more ties than many.
func oneOfNames(rng *rand.Rand) []string {
	sets := [][]string{{"CPU"}, {"CPU", "GPU"}, {"CPU", "GPU"}, {"CPU", "X"}, {"CPU", "memory"}, {"CPU", "GPU", "X"}, {"CPU", "GPU", "memory", "X"}}
	return sets[rng.IntN(len(sets))]
}

// generated is case i of a seed, at a level or, without one, at each in turn.
// It is valid, and its plan is specified.
func generated(seed uint64, i int, only string) question {
	l := levels[i%len(levels)]
	if only != "" {
		l = levels[slices.IndexFunc(levels, func(l level) bool { return l.name == only })]
	}
	rng := rand.New(rand.NewPCG(seed, uint64(i)))
	for {
		raw, err := json.Marshal(l.draw(rng))
		if err != nil {
			panic(err)
		}
		if c, err := plancase.Decode(raw); err == nil && !minimumsAboveMaximum(c.Request) {
			return question{name: fmt.Sprintf("seed %d case %d (%s)", seed, i, l.name), level: l.name, raw: raw}
		}
	}
}
