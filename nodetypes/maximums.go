package nodetypes

import (
	"cmp"
	"math/big"
	"slices"

	"github.com/rayburst/rayburst/demand"
)

// maxOfType is the most nodes of a type, its head included.
func (p *plan) maxOfType(i int) int64 {
	return withHead(p.NodeTypes[i].MaxWorkers, p.head != none && p.kinds[p.Nodes[p.head].Type].index == i)
}

// maxOfCluster is the most nodes of the cluster, the head included.
func (p *plan) maxOfCluster() int64 { return withHead(p.Request.MaxWorkers, p.head != none) }

func withHead(workers int, head bool) int64 {
	if head && workers < NoLimit {
		workers++
	}
	return int64(workers)
}

// enforceMaximumOfTypes gives up nodes above their type's maximum. It leaves
// the list grouped even if it gives up nothing: given up nodes, then the
// others by type, in order of the types' first appearance
// (_enforce_max_workers_per_type).
func (p *plan) enforceMaximumOfTypes() {
	gone, groups := p.grouped()
	if !slices.ContainsFunc(groups, func(g []slot) bool { return p.aboveMaximum(g) > 0 }) {
		return
	}
	list := slices.Clone(gone)
	var rest []slot
	for _, slots := range groups {
		cut, kept := p.cut(slots, p.aboveMaximum(slots), maxWorkersOfType)
		list, rest = append(list, cut...), append(rest, kept...)
	}
	p.list = append(list, rest...)
}

// aboveMaximum is how many of a type's nodes are above its maximum.
func (p *plan) aboveMaximum(group []slot) int64 {
	return size(group) - p.maxOfType(group[0].state.kind.index)
}

// grouped puts what is given up first in the list, and the others by type
// behind it. It returns these parts of the list.
func (p *plan) grouped() (gone []slot, groups [][]slot) {
	parts := make([]int, len(p.kinds)+1) // the size of each: what is given up, then by kind
	order := make([]int, 1, len(p.kinds)+1)
	for _, s := range p.list {
		part := p.part(s)
		if parts[part]++; parts[part] == 1 && part > 0 {
			order = append(order, part)
		}
	}
	list := slices.Grow(p.spare[:0], len(p.list))[:len(p.list)]
	at := 0
	for _, part := range order {
		groups = append(groups, list[at:at+parts[part]])
		parts[part], at = at, at+parts[part]
	}
	for _, s := range p.list {
		part := p.part(s)
		list[parts[part]] = s
		parts[part]++
	}
	p.list, p.spare = list, p.list
	return groups[0], groups[1:]
}

func (p *plan) part(s slot) int {
	if !p.kept(s) {
		return 0
	}
	return s.state.kind.index + 1
}

// enforceMaximumOfCluster gives up nodes above the cluster's maximum. If there
// are any, the list becomes: given up before, given up now, the others in
// termination order (_enforce_max_workers_global). A maximum of 0, which is
// easily a maximum that was forgotten, gives up nothing.
func (p *plan) enforceMaximumOfCluster() {
	if p.Request.MaxWorkers <= 0 {
		return
	}
	excess := -p.maxOfCluster()
	for _, s := range p.list {
		if p.kept(s) {
			excess += s.n
		}
	}
	if excess <= 0 {
		return
	}
	var gone, others []slot
	for _, s := range p.list {
		if p.kept(s) {
			others = append(others, s)
		} else {
			gone = append(gone, s)
		}
	}
	cut, kept := p.cut(others, excess, maxWorkers)
	p.list = slices.Concat(gone, cut, kept)
}

func size(slots []slot) (n int64) {
	for _, s := range slots {
		n += s.n
	}
	return n
}

// cut gives up so many nodes, the first in termination order, never the head,
// whatever runs on them (_select_nodes_to_terminate). If it cuts at all, what
// is kept is in termination order too, the head last. Nodes that were only to
// be launched are not launched, and leave the list.
func (p *plan) cut(slots []slot, excess int64, why verdict) (cut, kept []slot) {
	if excess <= 0 {
		return nil, slots
	}
	slots = slices.Clone(slots)
	slices.SortStableFunc(slots, p.compareForTermination)
	var head []slot
	if i := slices.IndexFunc(slots, p.isHead); i >= 0 {
		head = []slot{slots[i]}
		slots = slices.Delete(slots, i, i+1)
	}
	for _, s := range slots {
		n := min(s.n, excess)
		excess -= n
		switch {
		case n > 0 && s.node == none:
			p.launch[s.state.kind.index].Minimum -= int(n)
		case n > 0:
			p.terminated[s.node] = why
			cut = append(cut, s)
		}
		if s.n -= n; s.n > 0 {
			kept = append(kept, s)
		}
	}
	return cut, append(kept, head...)
}

// compareForTermination orders nodes by how little it costs to give them up:
// those that do not run yet, then the longest idle, then the least used
// (_sort_nodes_for_termination). Use is what Ray reported, before this pass;
// the nodes that a later step asks about have nothing placed on them.
func (p *plan) compareForTermination(a, b slot) int {
	m, n := p.running(a), p.running(b)
	if m == nil || n == nil {
		return compareBools(m != nil, n != nil)
	}
	return cmp.Or(-cmp.Compare(m.Idle, n.Idle), compareUse(m, n))
}

// running is the slot's node if it runs, else nil.
func (p *plan) running(s slot) *Node {
	if s.node == none || p.Nodes[s.node].Status != Running {
		return nil
	}
	return &p.Nodes[s.node]
}

// compareUse compares the mean of (total − available) / total.
func compareUse(a, b *Node) int {
	x, y := use(a), use(b)
	if d := x - y; d > 1e-9 || d < -1e-9 {
		return cmp.Compare(x, y)
	}
	return exactUse(a).Cmp(exactUse(b))
}

func use(n *Node) float64 {
	sum, count := 0.0, 0
	eachUse(n, func(used, total demand.Amount) {
		sum += float64(used) / float64(total)
		count++
	})
	return sum / float64(max(count, 1))
}

func exactUse(n *Node) *big.Rat {
	sum, count := new(big.Rat), int64(0)
	eachUse(n, func(used, total demand.Amount) {
		sum.Add(sum, big.NewRat(int64(used), int64(total)))
		count++
	})
	return sum.Quo(sum, big.NewRat(max(count, 1), 1))
}

// eachUse visits the resources of a node's total; one that is not named among
// the available is used up.
func eachUse(n *Node, visit func(used, total demand.Amount)) {
	for _, e := range n.Total {
		if free, _ := n.Available.Get(e.Name); e.Amount > 0 {
			visit(e.Amount-free, e.Amount)
		}
	}
}
