package main

// mutation is one rule of the planner and how it is broken.
type mutation struct {
	rule   string
	file   string // in nodetypes
	code   string // there once
	broken string
}

var mutations = []mutation{
	{"requests are tried in descending order", "sort.go", "return compareRuns(b, a)", "return compareRuns(a, b)"},
	{"requests: conditions of the selector first", "sort.go", "cmp.Compare(a.conditions, b.conditions)", "cmp.Compare(b.conditions, a.conditions)"},
	{"requests: then kinds of resources", "sort.go", "cmp.Compare(len(a.needs), len(b.needs))", "cmp.Compare(len(b.needs), len(a.needs))"},
	{"requests: then the sum of amounts", "sort.go", "a.sum.compare(b.sum)", "b.sum.compare(a.sum)"},
	{"requests: then names", "sort.go", "cmp.Compare(a.resource, b.resource)", "cmp.Compare(b.resource, a.resource)"},
	{"requests: equal neighbours only are one", "sort.go", "out[n-1].selectors == r.selectors && ", ""},

	{"score: the label first", "score.go", "cmp.Compare(r.label, o.label)", "cmp.Compare(o.label, r.label)"},
	{"score: then GPU nodes are kept for GPUs", "score.go", "compareBools(r.gpuOK, o.gpuOK)", "compareBools(o.gpuOK, r.gpuOK)"},
	{"score: then kinds of resources", "score.go", "cmp.Compare(r.kinds, o.kinds)", "cmp.Compare(o.kinds, r.kinds)"},
	{"score: then the least utilization", "score.go", "cmp.Compare(r.leastNear, o.leastNear)", "cmp.Compare(o.leastNear, r.leastNear)"},
	{"score: then the mean utilization", "score.go", "cmp.Compare(r.meanNear, o.meanNear)", "cmp.Compare(o.meanNear, r.meanNear)"},
	{"score: what is unused counts for the mean", "score.go", "sum / float64(len(r.terms)+r.unused)", "sum / float64(len(r.terms))"},
	{"score: then recovered availability", "score.go", "cmp.Compare(r.kind.recovered, o.kind.recovered)", "cmp.Compare(o.kind.recovered, r.kind.recovered)"},
	{"score: then priority", "score.go", "cmp.Compare(r.kind.priority, o.kind.priority)", "cmp.Compare(o.kind.priority, r.kind.priority)"},
	{"score: then cloud availability", "score.go", "cmp.Compare(r.kind.cloud, o.kind.cloud))", "cmp.Compare(o.kind.cloud, r.kind.cloud))"},
	{"score: priority before cloud availability", "score.go",
		"cmp.Compare(r.kind.priority, o.kind.priority),\n\t\tcmp.Compare(r.kind.cloud, o.kind.cloud))",
		"cmp.Compare(r.kind.cloud, o.kind.cloud),\n\t\tcmp.Compare(r.kind.priority, o.kind.priority))"},
	{"score: the first selector that holds is worth most", "state.go", "= len(list) - j", "= j + 1"},

	{"ties: the first in the list wins", "pool.go", "return a.at < b.at", "return a.at > b.at"},
	{"ties: the winner's type goes to the end", "pool.go", "c.at = max(c.at, o.at+1)", "c.at = max(c.at, o.at)"},
	{"list: exhausted nodes come last", "place.go", "range []bool{false, true}", "range []bool{true, false}"},
	{"list: new nodes of the minimums come first", "minimums.go", "slices.Concat(added, p.list)", "slices.Concat(p.list, added)"},

	{"gangs: larger ones first", "gangs.go", "cmp.Compare(bundleCount(g), bundleCount(h))", "cmp.Compare(bundleCount(h), bundleCount(g))"},
	{"gangs: strict ones first", "gangs.go", "compareBools(g.Strategy.Strict(), h.Strategy.Strict())", "compareBools(h.Strategy.Strict(), g.Strategy.Strict())"},
	{"gangs: STRICT_PACK is one request", "gangs.go", "if g.Strategy != demand.StrictPack {", "if true {"},
	{"gangs: STRICT_SPREAD takes a node once", "try.go", "		if s.spread != none {\n			break\n		}", ""},
	{"gangs: not where the gang has a bundle already", "try.go", "if s.spread != none && slices.Contains(st.gangs, s.spread) {", "if false {"},
	{"precedents: as much of what has decided", "precedent.go", "(p.bound>>r&1 == 1 || free < p.used[r])", "free < p.used[r]"},
	{"precedents: enough of what is used", "precedent.go", "(p.bound>>r&1 == 1 || free < p.used[r])", "p.bound>>r&1 == 1"},
	{"precedents: the same selectors hold", "precedent.go", "(label > 0) != (p.body.labels[i] > 0)", "label < 0 && p.body.labels[i] > 0"},
	{"constraints: held against totals", "constraint.go", "return p.stateOf(n, n.Total)", "return p.stateOf(n, n.Available)"},

	{"idle: for longer than the timeout", "idle.go", "n.Idle > timeout", "n.Idle >= timeout"},
	{"idle: the minimum stays", "idle.go", "count[k] > int64(p.NodeTypes[k].MinWorkers)", "count[k] >= int64(p.NodeTypes[k].MinWorkers)"},
	{"idle: what is used stays", "idle.go", "|| p.used[s.node] != (uses{}) ", ""},
	{"idle: the type's timeout before the cluster's", "idle.go", "if t == nil {\n		t = p.Request.IdleTimeout", "if p.Request.IdleTimeout != nil {\n		t = p.Request.IdleTimeout"},
	{"maximum: the longest idle goes first", "maximums.go", "-cmp.Compare(m.Idle, n.Idle)", "cmp.Compare(m.Idle, n.Idle)"},
	{"maximum: then the least used", "maximums.go", "compareUse(m, n)", "compareUse(n, m)"},
	{"maximum: what does not run goes before", "maximums.go", "compareBools(m != nil, n != nil)", "compareBools(n != nil, m != nil)"},
	{"maximum: a type's head is not counted", "maximums.go", "		workers++\n", ""},
	{"bound: 5 at least", "bound.go", "launchesAtOnce = 5", "launchesAtOnce = 4"},
	{"bound: what joins counts", "bound.go", "max(running, 1))) - joining", "max(running, 1)))"},
}
