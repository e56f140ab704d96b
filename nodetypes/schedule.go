package nodetypes

import (
	"math"
	"slices"
	"strings"

	"github.com/rayburst/rayburst/demand"
)

// plan is one pass of Schedule in the making.
type plan struct {
	*Request
	catalog *catalog
	states  *states
	kinds   map[string]*kind
	fresh   []*state // of a new node, by node type
	head    int      // index in Request.Nodes, or none

	list       []slot    // nodes in Ray's order, which decides ties
	spare      []slot    // room for the next list
	terminated []verdict // by Request.Nodes
	used       []uses    // by Request.Nodes
	launch     []Launch  // by node type
	infeasible demand.Demand
	trace      *trace // nil: nobody asks why
}

// uses counts what a plan has placed on a node. Of bundles and constraints there
// are fewer than of tasks; their counts saturate.
type uses struct {
	tasks                int64
	bundles, constraints uint32
}

func more(count uint32, n int64) uint32 {
	return uint32(min(addCounts(int64(count), n), math.MaxUint32)) //nolint:gosec // neither is negative
}

// verdict is what a plan does with a node.
type verdict uint8

const (
	keep verdict = iota
	outdated
	maxWorkersOfType
	maxWorkers
	idle
)

var reasons = [...]Reason{outdated: Outdated, maxWorkersOfType: MaxWorkersOfType, maxWorkers: MaxWorkers, idle: Idle}

// Schedule plans one pass: what would be launched and terminated now for this
// state. It does not change the request. The reply to a request that
// [Request.Validate] refuses is not specified.
func Schedule(q Request) Reply { return new(Planner).Schedule(q) }

// run takes the steps.
func (p *plan) run() Reply {
	p.terminateOutdated()
	p.enforceMinimums()
	p.enforceMaximumOfTypes()
	p.enforceMaximumOfCluster()
	p.placeConstraint()
	p.placeGangs()
	p.placeTasks()
	p.terminateIdle()
	return p.reply()
}

func newPlan(q *Request, last *Planner) *plan {
	c := newCatalog(q.Demand)
	p := &plan{Request: q, catalog: c, states: &last.states, kinds: kinds(q), head: none,
		terminated: zeros(last.terminated, len(q.Nodes)), used: zeros(last.used, len(q.Nodes)),
		list: slices.Grow(last.list[:0], len(q.Nodes)), spare: last.spare, launch: make([]Launch, len(q.NodeTypes))}
	p.states.start(c, len(q.Nodes))
	for i, t := range q.NodeTypes {
		p.launch[i].Type = t.Name
		p.fresh = append(p.fresh, p.states.fresh(p.kinds[t.Name], t, false))
	}
	last.begin(p)
	for i := range q.Nodes {
		if n := &q.Nodes[i]; n.Status != Draining {
			p.list = append(p.list, slot{last.stateOf(p, i), i, 1})
			if n.Head {
				p.head = i
			}
		}
	}
	return p
}

// stateOf is a node's state with this much available.
func (p *plan) stateOf(n *Node, available demand.Resources) *state {
	k := p.kinds[n.Type]
	switch {
	case n.Status == Running:
		return p.states.running(k, n, available)
	case !p.listed(k):
		return p.states.fresh(k, NodeType{}, n.Head)
	case n.Head:
		return p.states.fresh(k, p.NodeTypes[k.index], true)
	}
	return p.fresh[k.index]
}

func (p *plan) listed(k *kind) bool { return k.index < len(p.NodeTypes) }

// terminateOutdated gives up nodes whose type is not listed
// (_terminate_outdated_nodes). They stay in the list and take demand.
func (p *plan) terminateOutdated() {
	for _, s := range p.list {
		if !p.listed(s.state.kind) && !p.isHead(s) {
			p.terminated[s.node] = outdated
		}
	}
}

// kept tells whether a slot's node is not given up.
func (p *plan) kept(s slot) bool { return s.node == none || p.terminated[s.node] == keep }

func (p *plan) isHead(s slot) bool { return s.node != none && s.node == p.head }

// countByType counts the nodes of each listed type.
func (p *plan) countByType(of func(slot) bool) []int64 {
	n := make([]int64, len(p.NodeTypes))
	for _, s := range p.list {
		if k := s.state.kind; p.listed(k) && of(s) {
			n[k.index] += s.n
		}
	}
	return n
}

func count[T any](list []T, is func(T) bool) (n int) {
	for _, v := range list {
		if is(v) {
			n++
		}
	}
	return n
}

// reply collects the plan.
func (p *plan) reply() Reply {
	r := Reply{Infeasible: p.infeasible}
	for _, l := range p.launch {
		if l.Count() > 0 {
			r.Launch = append(r.Launch, l)
		}
	}
	if n := count(p.used, func(u uses) bool { return u != (uses{}) }); n > 0 {
		r.Used = make([]Use, 0, n)
	}
	for i := range p.Nodes {
		if v := p.terminated[i]; v != keep {
			r.Terminate = append(r.Terminate, Termination{p.Nodes[i].ID, reasons[v]})
		}
		if u := p.used[i]; u != (uses{}) {
			r.Used = append(r.Used, Use{i, int64(u.constraints), int64(u.bundles), u.tasks})
		}
	}
	slices.SortFunc(r.Terminate, func(a, b Termination) int { return strings.Compare(a.ID, b.ID) })
	if p.UpscalingSpeed != nil {
		r.LaunchNow = p.launchNow(r.Launch)
	}
	return r
}
