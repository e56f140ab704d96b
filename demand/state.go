package demand

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Why a cluster's state is not known. None of them is ever zero demand.
var (
	ErrNoData     = errors.New("the head has not reported yet")
	ErrStale      = errors.New("the head's report is too old")
	ErrNoHead     = errors.New("the GCS does not list its head yet")
	ErrIncomplete = errors.New("not every live node has reported yet")
)

// Windows are the times within which the parts of one task's life are seen at
// different moments (measured on Ray 2.60).
type Windows struct {
	Queued  time.Duration `json:"queuedNanoseconds"`  // leases queued at raylets: the least within this
	Total   time.Duration `json:"totalNanoseconds"`   // leases and backlog: the least within this
	Free    time.Duration `json:"freeNanoseconds"`    // a node's free capacity: the most within this
	Joined  time.Duration `json:"joinedNanoseconds"`  // a node listed for less than this counts as empty
	Stale   time.Duration `json:"staleNanoseconds"`   // a report older than this says nothing any more
	Pending time.Duration `json:"pendingNanoseconds"` // Total and Free where only the GCS is asked, which is up to a second late itself
}

// DefaultWindows gave no worker too many on recorded bursts.
func DefaultWindows() Windows {
	return Windows{
		Queued: 300 * time.Millisecond, Total: 1200 * time.Millisecond, Free: 1200 * time.Millisecond,
		Joined: 2 * time.Second, Stale: 5 * time.Second, Pending: 2400 * time.Millisecond,
	}
}

// State is what is known of one Ray cluster: the newest report of every node,
// and what the windows need of older ones. It is not safe for concurrent use.
// Time comes in as the receiver's own clock; the senders' clocks are not read.
type State struct {
	windows  Windows
	cluster  *ClusterState
	head     string    // the node whose agent sent cluster
	at       time.Time // when cluster came
	since    time.Time // when this session's first state came
	nodes    map[string]*node
	order    []*node              // see inOrder; nil: not known
	newest   time.Time            // see newestNode; zero: not known
	gone     map[string]time.Time // nodes that are dead, until nobody can still report for them
	lost     map[string]time.Time // nodes that are dead although the GCS does not know it yet
	listed   bool                 // the cluster's rows are taken, all of them: the same ones need not be again
	alive    map[string]bool      // by node of these
	instance map[string]*Node     // by instance id: room for list
	queued   shapes               // what the raylets say
	pending  shapes               // what the GCS says
}

// node is what is known of one node.
type node struct {
	report *Report
	at     time.Time      // when report came
	until  int64          // how long its raylet's part is fresh, in nanoseconds since 1970; 0: it has none
	info   *Node          // its row in the GCS; nil: not listed
	listed time.Time      // since when
	seen   time.Time      // when it was first heard of
	free   most           // as its raylet says
	gcs    most           // as the GCS says
	demand []QueuedDemand // by key
	shapes []*shape       // of the cluster's, by index of demand
	row    row
}

// NewState is a cluster of which nothing is known.
func NewState(w Windows) *State {
	return &State{
		windows: w, nodes: map[string]*node{}, alive: map[string]bool{}, instance: map[string]*Node{}, gone: map[string]time.Time{}, lost: map[string]time.Time{},
		queued: shapes{w.Queued, w.Total, map[string]*shape{}}, pending: shapes{w.Pending, w.Pending, map[string]*shape{}},
	}
}

// Apply merges a report that came at a moment and tells whether it was news: it
// is none if a snapshot says no other than without it, but for raylets' idle times
// that grow and for Next, which may be later. It is a merge, not a queue: the newest
// report of a node wins, so duplicates and reordering change nothing. The report
// must have passed Check and must not be changed afterwards.
func (s *State) Apply(r *Report, at time.Time) bool {
	s.revive(r.NodeID, at)
	n := s.nodes[r.NodeID]
	if s.late(r, at) || r.Cluster == nil && s.refused(n, r.NodeID, at) {
		return false
	}
	if n == nil {
		n = s.node(r.NodeID, at)
	}
	current := n.report != nil && at.Sub(n.at) <= s.windows.Stale
	if current && !r.Newer(n.report) {
		return false
	}
	news := !current || !r.Raylet.Same(n.report.Raylet)
	n.hear(r, at, s.windows.Stale)
	clusterNews := false
	if r.Cluster != nil {
		clusterNews = !r.Cluster.Equal(s.cluster)
		s.applyCluster(r, at)
		clusterNews = clusterNews || s.order == nil // a node that was lost may be back
	}
	if news {
		s.applyRaylet(n, r, at)
	}
	return news || clusterNews
}

// hear takes in the newest report of a node.
func (n *node) hear(r *Report, at time.Time, stale time.Duration) {
	n.report, n.at, n.until = r, at, 0
	if r != nil && r.Raylet != nil {
		n.until = at.Add(stale).UnixNano()
	}
}

// refused tells whether a node may not report: it is dead, for as long as it
// keeps reporting and a minute more, or there are too many already.
func (s *State) refused(n *node, id string, at time.Time) bool {
	if _, dead := s.gone[id]; dead {
		s.gone[id] = at
		return true
	}
	return n == nil && len(s.nodes) >= MaxNodes
}

// late tells whether a report is of a life of the cluster that is over: an agent
// that started later speaks for another one now.
func (s *State) late(r *Report, at time.Time) bool {
	if r.Cluster == nil || s.cluster == nil || r.Cluster.Session == s.cluster.Session {
		return false
	}
	head := s.nodes[s.head]
	return head != nil && head.report != nil && r.Incarnation < head.report.Incarnation && at.Sub(s.at) <= s.windows.Stale
}

// revive takes back that a node was lost: who still reports long after that is
// alive.
func (s *State) revive(id string, at time.Time) {
	if lost, ok := s.lost[id]; ok && at.Sub(lost) > s.windows.Stale {
		delete(s.lost, id)
		delete(s.gone, id)
	}
}

func (s *State) node(id string, at time.Time) *node {
	n, ok := s.nodes[id]
	if !ok {
		n = &node{seen: at, free: most{window: s.windows.Free}, gcs: most{window: s.windows.Pending}}
		s.nodes[id], s.newest = n, time.Time{}
	}
	return n
}

// applyRaylet replaces a node's part of the cluster's demand, unless the head
// has just called itself dead.
func (s *State) applyRaylet(n *node, r *Report, at time.Time) {
	n.row.kept = false
	l := r.Raylet
	if l == nil || r.Cluster != nil && s.nodes[r.NodeID] != n {
		return
	}
	n.free.set(l.Available, at)
	s.replace(n, MergeQueued(l.Demand), at)
}

func byKey(a, b QueuedDemand) int { return strings.Compare(a.Key(), b.Key()) }

// replace changes the counts by what a node's demand is now, and was; both are
// sorted by key. A node mostly asks for the same again.
func (s *State) replace(n *node, now []QueuedDemand, at time.Time) {
	old, was := n.demand, n.shapes
	n.demand = now
	if slices.EqualFunc(old, now, sameKey) {
		for i := range now {
			was[i].add(now[i].Queued-old[i].Queued, now[i].Backlog-old[i].Backlog, at)
		}
		return
	}
	n.shapes = make([]*shape, 0, len(now))
	for len(old)+len(now) > 0 {
		order := len(old) - len(now) // of the two that come next; where one list is over it is the other's
		if len(old) > 0 && len(now) > 0 {
			order = -byKey(old[0], now[0])
		}
		var queued, backlog int64
		var e *shape
		if order >= 0 {
			e, queued, backlog = was[0], -old[0].Queued, -old[0].Backlog
			old, was = old[1:], was[1:]
		}
		if order <= 0 {
			e = s.queued.shape(now[0].Key(), now[0].ResourceRequest)
			n.shapes, queued, backlog = append(n.shapes, e), queued+now[0].Queued, backlog+now[0].Backlog
			now = now[1:]
		}
		e.add(queued, backlog, at)
	}
}

func sameKey(a, b QueuedDemand) bool { return a.Key() == b.Key() }

// applyCluster takes the GCS's word for which nodes live.
func (s *State) applyCluster(r *Report, at time.Time) {
	if s.cluster == nil || s.cluster.Session != r.Cluster.Session {
		s.restart(r, at)
	}
	if rows := r.Cluster.Nodes; !s.listed || !slices.EqualFunc(rows, s.cluster.Nodes, sameLife) {
		s.list(rows, at)
	} else {
		s.retake(rows, at)
	}
	if s.head != r.NodeID {
		s.newest = time.Time{}
	}
	s.cluster, s.head, s.at = r.Cluster, r.NodeID, at
	s.dropUnlisted(at)
	expire(s.gone, at.Add(-12*s.windows.Stale))
	expire(s.lost, at.Add(-60*s.windows.Stale))
	s.applyPending(r.Cluster.Pending, at)
	s.queued.forget(at)
	s.pending.forget(at)
}

// dropUnlisted drops the nodes that live no more, and those that the GCS has not
// listed for too long.
func (s *State) dropUnlisted(at time.Time) {
	if len(s.nodes) == len(s.alive) {
		return // they are the same
	}
	for id, n := range s.nodes {
		unlisted := n.info == nil && at.Sub(n.at) > s.windows.Stale
		if !s.alive[id] && (n.info != nil || unlisted) {
			s.drop(id, at)
		}
	}
}

// Lose takes a node for dead before the GCS does, which notices a killed
// raylet after 13 s: its queue is with others by then.
func (s *State) Lose(id string, at time.Time) {
	s.lost[id] = at
	if s.nodes[id] != nil {
		s.drop(id, at)
	}
}

func expire(m map[string]time.Time, before time.Time) {
	for id, t := range m {
		if t.Before(before) {
			delete(m, id)
		}
	}
}

// restart forgets the former life of the cluster: its raylets do not come
// back, and the new head has its own.
func (s *State) restart(r *Report, at time.Time) {
	s.since = at
	clear(s.pending.by)
	for id := range s.nodes {
		if id != r.NodeID && s.cluster != nil {
			s.drop(id, at)
		}
	}
}

// list takes the rows of the alive nodes. Of two alive nodes with one instance
// id the newer one counts: the other one's raylet was killed, which the GCS
// notices late.
func (s *State) list(rows []*Node, at time.Time) {
	s.listed = len(s.lost) == 0
	alive, instance := s.alive, s.instance
	clear(alive)
	clear(instance)
	for _, row := range rows {
		if _, lost := s.lost[row.ID]; lost || row.Status == NodeDead {
			continue
		}
		if other := instance[row.InstanceID]; row.InstanceID != "" && other != nil {
			if other.StartTime >= row.StartTime {
				continue
			}
			delete(alive, other.ID)
		}
		instance[row.InstanceID] = row
		alive[row.ID] = true
	}
	for _, row := range rows {
		if alive[row.ID] {
			s.take(row, at)
		}
	}
}

// sameLife tells whether a row takes the place of one in the list of those alive.
func sameLife(row, old *Node) bool {
	return row == old || row.ID == old.ID && row.InstanceID == old.InstanceID && row.StartTime == old.StartTime &&
		(row.Status == NodeDead) == (old.Status == NodeDead)
}

// retake takes the rows that are others than those that stand there.
func (s *State) retake(rows []*Node, at time.Time) {
	for i, row := range rows {
		if row != s.cluster.Nodes[i] && s.alive[row.ID] {
			s.take(row, at)
		}
	}
}

func (s *State) take(row *Node, at time.Time) {
	n := s.node(row.ID, at)
	if n.info == nil {
		n.listed = at
	}
	if old := n.info; old == nil || old.Head != row.Head || old.Type != row.Type || old.InstanceID != row.InstanceID {
		s.order = nil
	}
	if n.info != row {
		n.info, n.row.kept = row, false
	}
	n.gcs.set(row.Available, at)
	delete(s.gone, row.ID)
}

// drop removes a node and its part of the demand.
func (s *State) drop(id string, at time.Time) {
	n := s.nodes[id]
	s.replace(n, nil, at)
	delete(s.nodes, id)
	s.order, s.newest, s.listed = nil, time.Time{}, false
	s.gone[id] = at
}

func (s *State) applyPending(pending []Shape, at time.Time) {
	now := make(map[string]int64, len(pending))
	for _, p := range pending {
		key := p.Key()
		now[key] = p.Count
		s.pending.set(key, p.ResourceRequest, p.Count, at)
	}
	for key, e := range s.pending.by {
		if _, ok := now[key]; !ok {
			s.pending.set(key, e.request, 0, at)
		}
	}
}

// Known fails with ErrNoData, ErrStale, ErrNoHead or ErrIncomplete where the
// cluster's state at a moment is not known.
func (s *State) Known(now time.Time) error {
	if s.cluster == nil {
		return ErrNoData
	}
	if age := now.Sub(s.at); age > s.windows.Stale {
		return fmt.Errorf("%w (over %v)", ErrStale, s.windows.Stale) // without the age: what is known does not change with it
	}
	if !s.hasHead() {
		return ErrNoHead
	}
	if !s.raylets() || now.Sub(s.since) >= s.windows.Stale {
		return nil
	}
	if n := s.missing(now); n > 0 {
		return fmt.Errorf("%w: %d of %d are missing", ErrIncomplete, n, len(s.nodes))
	}
	return nil
}

func (s *State) hasHead() bool {
	order := s.inOrder()
	return len(order) > 0 && order[0].info.Head
}

// raylets tells whether the cluster's raylets have agents of their own.
func (s *State) raylets() bool { return s.nodes[s.head] != nil && s.nodes[s.head].report.Raylet != nil }

// missing counts the nodes that were there when this session was first seen
// and whose raylets have not reported. Nodes that join later are new and empty.
func (s *State) missing(now time.Time) int {
	missing, at := 0, now.UnixNano()
	for _, n := range s.inOrder() {
		if n.listed.Equal(s.since) && !n.fresh(at) {
			missing++
		}
	}
	return missing
}

// fresh tells whether the node's raylet has reported lately.
func (n *node) fresh(now int64) bool { return n.until != 0 && now <= n.until }
