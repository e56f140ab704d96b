package nodetypes_test

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"sort"
	"strings"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

// twin is Ray's scheduler taken literally: every task is a request of its
// own, every node is tried in every round, every score is a fraction. It
// shares nothing with the package but the types of its values.
type twin struct {
	q      nodetypes.Request
	types  map[string]*nodetypes.NodeType
	nodes  []*twinNode
	launch map[string]*nodetypes.Launch
}

type source int

const (
	fromDemand source = iota
	fromConstraint
)

type twinNode struct {
	kind    string
	given   *nodetypes.Node // nil: to be launched
	total   map[string]int64
	free    [2]map[string]int64
	labels  map[string]string
	placed  [2][]twinRequest
	used    nodetypes.Use
	reason  nodetypes.Reason
	started bool // it runs
}

type twinRequest struct {
	needs     map[string]int64
	selectors []demand.LabelSelector
	spread    string
	index     int
}

func amounts(r demand.Resources) map[string]int64 {
	m := map[string]int64{}
	for _, e := range r {
		m[e.Name] = int64(e.Amount)
	}
	return m
}

func nonZero(m map[string]int64) map[string]int64 {
	maps.DeleteFunc(m, func(_ string, v int64) bool { return v == 0 })
	return m
}

func (n *twinNode) isHead() bool { return n.given != nil && n.given.Head }

func (n *twinNode) clone() *twinNode {
	c := *n
	c.labels = maps.Clone(n.labels)
	for i := range c.free {
		c.free[i], c.placed[i] = maps.Clone(n.free[i]), slices.Clone(n.placed[i])
	}
	return &c
}

func (t *twin) fresh(kind string, given *nodetypes.Node) *twinNode {
	n := &twinNode{kind: kind, given: given, total: map[string]int64{}, labels: map[string]string{}}
	if nt := t.types[kind]; nt != nil {
		n.total, n.labels = nonZero(amounts(nt.Resources)), maps.Clone(nt.Labels)
		if n.labels == nil {
			n.labels = map[string]string{}
		}
	}
	n.free = [2]map[string]int64{maps.Clone(n.total), maps.Clone(n.total)}
	return n
}

func twinSchedule(q nodetypes.Request) nodetypes.Reply {
	t := &twin{q: q, types: map[string]*nodetypes.NodeType{}, launch: map[string]*nodetypes.Launch{}}
	for i := range q.NodeTypes {
		t.types[q.NodeTypes[i].Name] = &q.NodeTypes[i]
		t.launch[q.NodeTypes[i].Name] = &nodetypes.Launch{Type: q.NodeTypes[i].Name}
	}
	for i := range q.Nodes {
		t.addGiven(&q.Nodes[i])
	}
	t.minimums()
	t.maximums()
	r := nodetypes.Reply{}
	r.Infeasible.Constraints = t.constraint()
	r.Infeasible.Gangs = t.gangs()
	r.Infeasible.Tasks = t.tasks()
	t.idle()
	return t.reply(r)
}

func (t *twin) addGiven(g *nodetypes.Node) {
	if g.Status == nodetypes.Draining {
		return
	}
	n := t.fresh(g.Type, g)
	if g.Status == nodetypes.Running {
		n.started, n.total, n.labels = true, nonZero(amounts(g.Total)), g.Labels.Map()
		for _, name := range g.Gangs {
			n.labels["_PG_"+name] = "yes"
		}
		n.free = [2]map[string]int64{amounts(g.Available), maps.Clone(n.total)}
	}
	if t.types[g.Type] == nil {
		n.reason = nodetypes.Outdated
	}
	t.nodes = append(t.nodes, n)
}

func (t *twin) count(kind string, keptOnly bool) (n int) {
	for _, x := range t.nodes {
		if x.kind == kind && !(keptOnly && x.reason != "") {
			n++
		}
	}
	return n
}

func (t *twin) minimums() {
	var added []*twinNode
	for _, nt := range t.q.NodeTypes {
		for range nt.MinWorkers - t.count(nt.Name, true) {
			added = append(added, t.fresh(nt.Name, nil))
			t.launch[nt.Name].Minimum++
		}
	}
	t.nodes = append(added, t.nodes...)
}

func (t *twin) maxOfType(kind string) int {
	most := t.types[kind].MaxWorkers
	for _, n := range t.nodes {
		if n.isHead() && n.kind == kind && most < nodetypes.NoLimit {
			most++
		}
	}
	return most
}

func (t *twin) maxOfCluster() int {
	most := t.q.MaxWorkers
	if slices.ContainsFunc(t.nodes, (*twinNode).isHead) && most < nodetypes.NoLimit {
		most++
	}
	return most
}

func (t *twin) maximums() {
	var gone []*twinNode
	var kinds []string
	byKind := map[string][]*twinNode{}
	for _, n := range t.nodes {
		if n.reason != "" {
			gone = append(gone, n)
			continue
		}
		if byKind[n.kind] == nil {
			kinds = append(kinds, n.kind)
		}
		byKind[n.kind] = append(byKind[n.kind], n)
	}
	var rest []*twinNode
	for _, k := range kinds {
		cut, kept := selectForTermination(byKind[k], len(byKind[k])-t.maxOfType(k), nodetypes.MaxWorkersOfType)
		gone, rest = append(gone, cut...), append(rest, kept...)
	}
	if excess := len(rest) - t.maxOfCluster(); excess > 0 {
		cut, kept := selectForTermination(rest, excess, nodetypes.MaxWorkers)
		gone, rest = append(gone, cut...), kept
	}
	t.nodes = append(gone, rest...)
}

func selectForTermination(nodes []*twinNode, n int, why nodetypes.Reason) (cut, kept []*twinNode) {
	if n <= 0 {
		return nil, nodes
	}
	sort.SliceStable(nodes, func(i, j int) bool { return goesBefore(nodes[i], nodes[j]) })
	var head []*twinNode
	for _, x := range nodes {
		switch {
		case x.isHead():
			head = append(head, x)
		case len(cut) < n:
			x.reason = why
			cut = append(cut, x)
		default:
			kept = append(kept, x)
		}
	}
	return cut, append(kept, head...)
}

func goesBefore(a, b *twinNode) bool {
	if a.started != b.started {
		return b.started
	}
	if a.started && a.given.Idle != b.given.Idle {
		return a.given.Idle > b.given.Idle
	}
	return a.meanUse().Cmp(b.meanUse()) < 0
}

func (n *twinNode) meanUse() *big.Rat {
	sum := new(big.Rat)
	for name, v := range n.total {
		sum.Add(sum, big.NewRat(v-n.free[fromDemand][name], v))
	}
	return sum.Quo(sum, big.NewRat(int64(max(1, len(n.total))), 1))
}

func expand(shapes []demand.Shape, spread string) []twinRequest {
	var out []twinRequest
	for i, s := range shapes {
		for range s.Count {
			out = append(out, twinRequest{nonZero(amounts(s.Resources)), s.Selectors, spread, i})
		}
	}
	return out
}

// greater is Ray's sort key, descending.
func (r twinRequest) greater(o twinRequest) int {
	conditions := func(r twinRequest) int {
		if len(r.selectors) == 0 {
			return 0
		}
		return len(r.selectors[0])
	}
	sum := func(r twinRequest) *big.Int {
		s := new(big.Int)
		for _, v := range r.needs {
			s.Add(s, big.NewInt(v))
		}
		return s
	}
	if d := conditions(o) - conditions(r); d != 0 {
		return d
	}
	if d := len(o.needs) - len(r.needs); d != 0 {
		return d
	}
	if d := sum(o).Cmp(sum(r)); d != 0 {
		return d
	}
	a, b := slices.Sorted(maps.Keys(r.needs)), slices.Sorted(maps.Keys(o.needs))
	for i := range a {
		if d := strings.Compare(b[i], a[i]); d != 0 {
			return d
		}
		if d := o.needs[b[i]] - r.needs[a[i]]; d != 0 {
			return int(d / max(d, -d))
		}
	}
	return 0
}

func freeOf(m map[string]int64, name string) int64 {
	if v, ok := m[name]; ok {
		return v
	}
	if strings.HasPrefix(name, "node:__internal_implicit_resource_") {
		return int64(demand.Unit)
	}
	return 0
}

func (n *twinNode) selectorScore(r twinRequest) int {
	for i, s := range r.selectors {
		if s.Matches(demand.NewLabels(n.labels)) {
			return len(r.selectors) - i
		}
	}
	return 0
}

func (n *twinNode) take(r twinRequest, src source) bool {
	if len(r.selectors) > 0 && n.selectorScore(r) == 0 {
		return false
	}
	if r.spread != "" && n.labels["_PG_"+r.spread] != "" {
		return false
	}
	for name, v := range r.needs {
		if freeOf(n.free[src], name) < v {
			return false
		}
	}
	for name, v := range r.needs {
		n.free[src][name] = freeOf(n.free[src], name) - v
	}
	if r.spread != "" {
		n.labels["_PG_"+r.spread] = "yes"
	}
	n.placed[src] = append(n.placed[src], r)
	return true
}

// score is (label, gpu ok, kinds, min u, mean u, recovered, priority, cloud).
func (t *twin) score(n *twinNode, src source) []*big.Rat {
	label, gpu := 0, false
	kinds := map[string]bool{}
	for _, r := range n.placed[src] {
		if label == 0 {
			label = n.selectorScore(r)
		}
		for name := range r.needs {
			gpu = gpu || name == "GPU"
			if _, ok := n.total[name]; ok {
				kinds[name] = true
			}
		}
	}
	ok := int64(1)
	if t.q.ConserveGPUNodes && n.total["GPU"] > 0 && !gpu {
		ok = 0
	}
	least, mean := utilization(n.total, n.free[src])
	recovered, priority, cloud := 1.0, 0, 1.0
	if nt := t.types[n.kind]; nt != nil {
		priority = nt.Priority
		if nt.RecoveredAvailability != nil {
			recovered = *nt.RecoveredAvailability
		}
		if nt.CloudAvailability != nil {
			cloud = *nt.CloudAvailability
		}
	}
	return []*big.Rat{big.NewRat(int64(label), 1), big.NewRat(ok, 1), big.NewRat(int64(len(kinds)), 1), least, mean,
		new(big.Rat).SetFloat64(recovered), big.NewRat(int64(priority), 1), new(big.Rat).SetFloat64(cloud)}
}

func utilization(total, free map[string]int64) (least, mean *big.Rat) {
	least, mean = new(big.Rat), new(big.Rat)
	n := int64(0)
	for name, v := range total {
		a, ok := free[name]
		if !ok {
			continue
		}
		u := big.NewRat(v-a, v)
		x := new(big.Rat).Mul(big.NewRat(v, int64(demand.Unit)), new(big.Rat).Mul(u, new(big.Rat).Mul(u, u)))
		if n == 0 || x.Cmp(least) < 0 {
			least = x
		}
		mean.Add(mean, x)
		n++
	}
	return least, mean.Quo(mean, big.NewRat(max(n, 1), 1))
}

// best is Ray's _sched_best_node. It is -1 if no node takes anything.
func (t *twin) best(nodes []*twinNode, requests []twinRequest, src source) (at int, won *twinNode, left []twinRequest) {
	at = -1
	var bestScore []*big.Rat
	seen := map[string]bool{}
	for i, n := range nodes {
		if !n.started {
			key := fmt.Sprint(n.kind, n.isHead(), n.free[src], n.labels)
			if seen[key] {
				continue
			}
			seen[key] = true
		}
		c := n.clone()
		var rest []twinRequest
		for _, r := range requests {
			if !c.take(r, src) {
				rest = append(rest, r)
			}
		}
		if len(rest) == len(requests) {
			continue
		}
		s := t.score(c, src)
		if at < 0 || slices.CompareFunc(s, bestScore, (*big.Rat).Cmp) > 0 {
			at, won, left, bestScore = i, c, rest, s
		}
	}
	return at, won, left
}

// try is Ray's _try_schedule.
func (t *twin) try(requests []twinRequest, src source) (list, opened []*twinNode, left []twinRequest) {
	left = slices.Clone(requests)
	slices.SortStableFunc(left, twinRequest.greater)
	var able, exhausted []*twinNode
	for _, n := range t.nodes {
		if n.started && len(left) > 0 && !slices.ContainsFunc(left, func(r twinRequest) bool {
			for name, v := range r.needs {
				if freeOf(n.free[src], name) < v {
					return false
				}
			}
			return true
		}) {
			exhausted = append(exhausted, n)
			continue
		}
		able = append(able, n)
	}
	for len(left) > 0 {
		i, won, rest := t.best(able, left, src)
		if i < 0 {
			break
		}
		list, left, able = append(list, won), rest, slices.Delete(able, i, i+1)
	}
	list = append(append(list, able...), exhausted...)
	opened, left = t.open(left, src, len(list))
	return append(list, opened...), opened, left
}

func (t *twin) open(left []twinRequest, src source, size int) ([]*twinNode, []twinRequest) {
	var pool, opened []*twinNode
	room := map[string]int{}
	for _, nt := range t.q.NodeTypes {
		if room[nt.Name] = t.maxOfType(nt.Name) - t.count(nt.Name, false); room[nt.Name] > 0 {
			pool = append(pool, t.fresh(nt.Name, nil))
		}
	}
	for len(left) > 0 && size+len(opened) < t.maxOfCluster() {
		i, won, rest := t.best(pool, left, src)
		if i < 0 {
			break
		}
		opened, left, pool = append(opened, won), rest, slices.Delete(pool, i, i+1)
		if room[won.kind]--; room[won.kind] > 0 {
			pool = append(pool, t.fresh(won.kind, nil))
		}
	}
	return opened, left
}

func (t *twin) constraint() []demand.Shape {
	list, opened, left := t.try(expand(t.q.Demand.Constraints, ""), fromConstraint)
	if len(left) > 0 {
		return slices.DeleteFunc(slices.Clone(t.q.Demand.Constraints), func(s demand.Shape) bool { return s.Count == 0 })
	}
	t.nodes = list
	for _, n := range opened {
		t.launch[n.kind].Constraint++
	}
	for _, n := range t.nodes {
		n.used.Constraints = int64(len(n.placed[fromConstraint]))
	}
	return nil
}

func (t *twin) gangs() []demand.Gang {
	order := make([]int, len(t.q.Demand.Gangs))
	size := make([]int, len(order))
	for i, g := range t.q.Demand.Gangs {
		order[i] = i
		for _, b := range g.Bundles {
			size[i] += int(b.Count)
		}
	}
	sort.SliceStable(order, func(a, b int) bool {
		i, j := order[a], order[b]
		if x, y := t.q.Demand.Gangs[i].Strategy.Strict(), t.q.Demand.Gangs[j].Strategy.Strict(); x != y {
			return x
		}
		return size[i] > size[j]
	})
	failed := map[int]bool{}
	for _, i := range order {
		failed[i] = !t.gang(t.q.Demand.Gangs[i])
	}
	var out []demand.Gang
	for i, g := range t.q.Demand.Gangs {
		if failed[i] {
			out = append(out, g)
		}
	}
	return out
}

func (t *twin) gang(g demand.Gang) bool {
	spread := ""
	if g.Strategy == demand.StrictSpread {
		spread = g.Name
	}
	requests := expand(g.Bundles, spread)
	if g.Strategy == demand.StrictPack {
		requests = combined(requests)
	}
	before := t.placedOn()
	list, opened, left := t.try(requests, fromDemand)
	if len(left) > 0 {
		return false
	}
	t.nodes = list
	for _, n := range opened {
		t.launch[n.kind].Gang++
	}
	for _, n := range t.nodes {
		n.used.Bundles += int64(len(n.placed[fromDemand]) - before[n.given])
	}
	return true
}

func (t *twin) placedOn() map[*nodetypes.Node]int {
	m := map[*nodetypes.Node]int{}
	for _, n := range t.nodes {
		if n.given != nil {
			m[n.given] = len(n.placed[fromDemand])
		}
	}
	return m
}

func combined(requests []twinRequest) []twinRequest {
	var out []twinRequest
	for _, r := range requests {
		text := fmt.Sprintf("%#v", r.selectors)
		i := slices.IndexFunc(out, func(o twinRequest) bool { return fmt.Sprintf("%#v", o.selectors) == text })
		if i < 0 {
			i, out = len(out), append(out, twinRequest{needs: map[string]int64{}, selectors: r.selectors})
		}
		for name, v := range r.needs {
			out[i].needs[name] += v
		}
	}
	return out
}

func (t *twin) tasks() []demand.Shape {
	before := t.placedOn()
	list, opened, left := t.try(expand(t.q.Demand.Tasks, ""), fromDemand)
	t.nodes = list
	for _, n := range opened {
		t.launch[n.kind].Task++
	}
	for _, n := range t.nodes {
		n.used.Tasks += int64(len(n.placed[fromDemand]) - before[n.given])
	}
	var out []demand.Shape
	for i, s := range t.q.Demand.Tasks {
		text := func(s demand.Shape) string { return fmt.Sprintf("%v %#v", s.Resources.NonZero(), s.Selectors) }
		if s.Count == 0 || slices.ContainsFunc(t.q.Demand.Tasks[:i], func(o demand.Shape) bool { return o.Count > 0 && text(o) == text(s) }) {
			continue
		}
		s.Count = 0
		for _, r := range left {
			if text(t.q.Demand.Tasks[r.index]) == text(s) {
				s.Count++
			}
		}
		if s.Count > 0 {
			out = append(out, s)
		}
	}
	return out
}

func (t *twin) idle() {
	order := slices.Clone(t.nodes)
	sort.SliceStable(order, func(i, j int) bool { return goesBefore(order[i], order[j]) })
	for _, n := range order {
		if n.reason != "" || n.isHead() || !n.started || len(n.placed[0])+len(n.placed[1]) > 0 {
			continue
		}
		timeout := t.types[n.kind].IdleTimeout
		if timeout == nil {
			timeout = t.q.IdleTimeout
		}
		if timeout != nil && n.given.Idle > *timeout && t.count(n.kind, true) > t.types[n.kind].MinWorkers {
			n.reason = nodetypes.Idle
		}
	}
}

func (t *twin) reply(r nodetypes.Reply) nodetypes.Reply {
	for _, nt := range t.q.NodeTypes {
		if l := t.launch[nt.Name]; l.Count() > 0 {
			r.Launch = append(r.Launch, *l)
		}
	}
	for i := range t.q.Nodes {
		for _, n := range t.nodes {
			if n.given != &t.q.Nodes[i] {
				continue
			}
			if n.reason != "" {
				r.Terminate = append(r.Terminate, nodetypes.Termination{ID: n.given.ID, Reason: n.reason})
			}
			if n.used != (nodetypes.Use{}) {
				n.used.Node = i
				r.Used = append(r.Used, n.used)
			}
		}
	}
	slices.SortFunc(r.Terminate, func(a, b nodetypes.Termination) int { return strings.Compare(a.ID, b.ID) })
	return r
}
