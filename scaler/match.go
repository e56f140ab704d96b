package scaler

import (
	"slices"
	"time"

	"github.com/rayburst/rayburst/demand"
)

// match is whose an alive node is.
type match struct {
	node     *demand.LiveNode
	owner    owner
	worker   int  // whose node it is, or none
	alike    bool // that is of the node's type
	head     bool
	draining bool
}

// matching is the matches of a snapshot's nodes, in their order. They are kept from
// decision to decision: while the workers and types are the very same, nothing is
// asked of a node that is the very same too.
type matching struct {
	of      []match // by node
	nodeOf  []int   // by worker: its node in the snapshot, or none
	types   []TypeState
	workers []Worker
}

// keep tells how many of the matches may hold still, and has room for all.
func (o *matching) keep(w World) (kept int) {
	kept = len(o.of)
	if !identical(o.types, w.Types) || !identical(o.workers, w.Workers) {
		kept = 0
	}
	o.types, o.workers = w.Types, w.Workers
	nodes := len(w.Snapshot.Nodes)
	o.of = slices.Grow(o.of, max(0, nodes-len(o.of)))[:nodes]
	o.nodeOf = slices.Grow(o.nodeOf[:0], len(w.Workers))
	for range w.Workers {
		o.nodeOf = append(o.nodeOf, none)
	}
	return kept
}

// identical tells whether two slices are one.
func identical[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// match finds every worker's alive node, and the nodes that belong to a former
// life of a worker.
func (r *round) match() {
	nodes := r.Snapshot.Nodes
	kept := r.matches.keep(r.World)
	r.owners, r.members = make([]owner, len(nodes)), make([]*member, len(nodes))
	next := 0
	for i, n := range nodes {
		m := &r.matches.of[i]
		if i >= kept || m.node != n {
			*m = r.matchOf(n, next)
		}
		if m.worker != none {
			r.matches.nodeOf[m.worker], next = i, m.worker+1
		}
		if r.owners[i] = m.owner; m.owner != ours {
			r.strange(m, i)
		}
	}
	slices.Sort(r.lost)
}

// strange notes a node that is no worker's.
func (r *round) strange(m *match, at int) {
	switch n := m.node; {
	case m.head:
		if t := r.byType[n.Type]; t != nil {
			t.heads++
		}
	case m.owner == unclaimed:
		r.unseen = withUnseen(r.unseen, n.Type, at)
	case m.owner == former:
		r.lost = append(r.lost, n.ID)
	}
}

// matchOf looks for a node's worker, at one place first.
func (r *round) matchOf(n *demand.LiveNode, first int) match {
	m := match{node: n, worker: none, head: n.Head, draining: n.Draining}
	if n.Head {
		return m
	}
	at, there := r.roster.find(n.InstanceID, first)
	switch {
	case !there && !n.Draining:
		m.owner = unclaimed
	case !there || r.byType[r.Workers[at].Type] == nil:
	case formerLife(&r.Workers[at], n):
		m.owner = former
	default:
		m.owner, m.worker, m.alike = ours, at, r.Workers[at].Type == n.Type
	}
	return m
}

func withUnseen(m map[string][]int, nodeType string, at int) map[string][]int {
	if m == nil {
		m = map[string][]int{}
	}
	m[nodeType] = append(m[nodeType], at)
	return m
}

// formerLife tells whether a node belongs to a life of its worker that is over.
// A worker that has never been seen to start joins faster than we are told.
func formerLife(w *Worker, n *demand.LiveNode) bool {
	if w.Drained || w.StartedAt.IsZero() {
		return false
	}
	return !w.Started || n.StartTime != 0 && time.UnixMilli(int64(n.StartTime)).Before(w.StartedAt)
}
