package nodetypes

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rayburst/rayburst/demand"
)

// tally is a step's items in the making.
type tally struct {
	*trace
	outcome
	items   []Item
	of      []int // the item of each shape
	nodes   []map[int]int64
	news    []map[int]OnType
	room    []int64 // by node type, after the step
	cluster int64   // room
	failed  bool    // nothing is kept
}

// step makes the items of a step over these shapes. It is asked before the
// outcome is applied.
func (t *trace) step(kind Kind, shapes []demand.Shape, o outcome) []Item {
	y := &tally{trace: t, outcome: o, failed: kind != TaskItem && !o.done()}
	y.group(kind, shapes)
	y.count()
	for i, n := range o.left {
		y.items[y.of[o.runs[i].source]].Missing += n
	}
	for i := range y.items {
		y.settle(i)
	}
	return y.items
}

// group adds equal shapes together.
func (y *tally) group(kind Kind, shapes []demand.Shape) {
	first := map[string]int{}
	y.of = make([]int, len(shapes))
	for i, s := range shapes {
		if s.Count == 0 {
			continue
		}
		key := requestKey(s.ResourceRequest)
		at, ok := first[key]
		if !ok {
			at, first[key] = len(y.items), len(y.items)
			y.items = append(y.items, Item{Kind: kind, Shape: demand.Shape{ResourceRequest: s.ResourceRequest}})
			y.nodes, y.news = append(y.nodes, map[int]int64{}), append(y.news, map[int]OnType{})
		}
		y.of[i] = at
		y.items[at].Count = addCounts(y.items[at].Count, s.Count)
	}
}

// count counts who took what, and what room is left.
func (y *tally) count() {
	p := y.plan
	y.cluster, y.room = p.roomOfCluster(), p.countByType(func(slot) bool { return true })
	for i, n := range y.room {
		y.room[i] = p.maxOfType(i) - n
	}
	for _, w := range y.opened {
		y.room[w.state.kind.index] -= int64(w.n)
		y.cluster -= int64(w.n)
	}
	if y.failed {
		return
	}
	for _, w := range y.wins {
		y.took(w, y.list[w.at].node, 0)
	}
	for _, w := range y.opened {
		y.took(w, none, int64(w.n))
	}
}

// took notes one win; opened is the number of nodes that it opens.
func (y *tally) took(w win, node int, opened int64) {
	for _, k := range w.takes {
		item := y.of[y.runs[k.run].source]
		if node != none {
			y.nodes[item][node] += k.n
			continue
		}
		on := y.news[item][w.state.kind.index]
		on.Count += k.n * int64(w.n)
		on.Nodes += opened
		y.news[item][w.state.kind.index], opened = on, 0
	}
}

// settle completes an item.
func (y *tally) settle(i int) {
	item, types := &y.items[i], y.plan.NodeTypes
	for _, node := range slices.Sorted(maps.Keys(y.nodes[i])) {
		item.Nodes = append(item.Nodes, OnNode{y.plan.Nodes[node].ID, y.plan.Nodes[node].Type, y.nodes[i][node]})
	}
	for _, t := range slices.Sorted(maps.Keys(y.news[i])) {
		on := y.news[i][t]
		item.New = append(item.New, OnType{types[t].Name, on.Nodes, on.Count})
	}
	if item.Infeasible = item.Missing; y.failed {
		item.Infeasible = item.Count
	}
	lacking := 0
	for t := range types {
		c := y.consider(i, t)
		item.Types = append(item.Types, c)
		if c.Verdict == Lacking {
			lacking++
		}
	}
	if item.Infeasible > 0 && lacking == len(types) && lacking > 0 {
		item.Nearest = types[Nearest(types, item.ResourceRequest)].Name
	}
}

// consider says what was decided about a node type for an item.
func (y *tally) consider(i, t int) Considered {
	item, nt := &y.items[i], &y.plan.NodeTypes[t]
	out := Considered{Type: nt.Name}
	c := y.contestOf(i)
	lacks := nt.Lacks(item.ResourceRequest)
	if len(lacks) == 0 {
		out.Score = c.scoreOf(t)
	}
	switch on, ok := y.news[i][t]; {
	case ok:
		out.Verdict, out.Detail = Chosen, y.chosen(on, t, item.Missing)
	case len(lacks) > 0:
		out.Verdict, out.Detail, out.Lacks = Lacking, list(lacks), lacks
	case item.Missing > 0 && (y.room[t] <= 0 || y.cluster <= 0):
		out.Verdict, out.Detail = y.full(t)
	case y.failed:
		out.Verdict, out.Detail = NotPlaced, "it could, but the whole has no place"
	case item.Missing > 0:
		out.Verdict, out.Detail = NotPlaced, "the plan has reached its limit of rounds"
	case c == nil:
		out.Verdict, out.Detail = NotNeeded, y.notNeeded(item)
	default:
		out.Verdict, out.Detail = y.beaten(c, t)
	}
	return out
}

func (y *tally) beaten(c *contest, t int) (Verdict, string) {
	if d, ok := c.defeatOf(t); ok {
		return Outscored, d.why
	}
	return y.full(t)
}

// contestOf is the first contest for an item's runs, or nil.
func (y *tally) contestOf(item int) *contest {
	for i, c := range y.contests {
		if c != nil && y.of[y.runs[i].source] == item {
			return c
		}
	}
	return nil
}

func (y *tally) chosen(on OnType, t int, missing int64) string {
	text := fmt.Sprintf("%d on new nodes, %d opened for it", on.Count, on.Nodes)
	if on.Nodes == 0 {
		text = fmt.Sprintf("%d on nodes that are opened anyway", on.Count)
	}
	if missing == 0 {
		return text
	}
	_, full := y.full(t)
	return text + "; then " + full
}

// full says which maximum keeps a type from growing: the cluster's, where the
// type's is not lower.
func (y *tally) full(t int) (Verdict, string) {
	own, all := y.plan.NodeTypes[t].MaxWorkers, y.plan.Request.MaxWorkers
	if y.room[t] <= 0 && (own < all || y.cluster > 0) {
		return TypeFull, fmt.Sprintf("its maximum of %d is reached", own)
	}
	return ClusterFull, fmt.Sprintf("the cluster's maximum of %d is reached", all)
}

func (y *tally) notNeeded(i *Item) string {
	if len(i.New) > 0 {
		return "nodes that are planned anyway have room"
	}
	return "nodes that exist have room"
}

func list(lacks []Lack) string {
	parts := make([]string, len(lacks))
	for i, l := range lacks {
		parts[i] = l.String()
	}
	return strings.Join(parts, "; ")
}
