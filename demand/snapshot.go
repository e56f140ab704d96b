package demand

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Source says where a snapshot's demand comes from.
type Source string

// The sources of demand. They are never added up.
const (
	FromRaylets Source = "raylets" // the sum over all raylets
	FromGCS     Source = "gcs"     // the GCS's own sum, up to a second old
)

// LiveNode is an alive node at its settled free capacity.
type LiveNode struct {
	*Node
	// Total is the raylet's own, if it has reported.
	Total Resources
	// Free is the most that was free within the window, all of it for a node
	// that has just joined. It is never above Total.
	Free Resources
	// Idle is how long nothing has been on it; 0: something is.
	Idle     time.Duration
	Draining bool
	// Reported tells whether its own agent has reported lately.
	Reported bool
}

// Snapshot is one cluster at one instant, settled: no task is in it twice.
type Snapshot struct {
	Session   string
	Nodes     []*LiveNode // the head first, then by type and worker; one that an earlier snapshot had too has not changed
	Demand    Demand
	Source    Source
	Truncated bool // a raylet cut its list of shapes: counts mean "at least"
	Idles     bool // a node other than the head idles: longer from moment to moment
	// Next is when the snapshot could change although nothing is reported;
	// zero: never.
	Next time.Time
}

// Snapshot is the cluster as known now. It fails as Known does.
func (s *State) Snapshot(now time.Time) (*Snapshot, error) {
	if err := s.Known(now); err != nil {
		return nil, err
	}
	out := &Snapshot{Session: s.cluster.Session, Source: s.source(now)}
	out.Next = s.at.Add(s.windows.Stale + time.Nanosecond)
	s.liveNodes(out, now)
	s.demand(out, now)
	return out, nil
}

// source is the raylets, unless one of them has been silent for too long.
func (s *State) source(now time.Time) Source {
	if !s.raylets() {
		return FromGCS
	}
	at := now.UnixNano()
	for _, n := range s.inOrder() {
		if !n.fresh(at) && now.Sub(n.listed) > s.windows.Stale {
			return FromGCS
		}
	}
	return FromRaylets
}

func (s *State) demand(out *Snapshot, now time.Time) {
	var next time.Time
	if out.Source == FromRaylets {
		until := s.moving(now)
		out.Demand.Tasks, next = s.queued.settled(!until.IsZero(), now)
		next = earlier(next, until)
	} else {
		out.Demand.Tasks, next = s.pending.settled(true, now)
	}
	out.Next = earlier(out.Next, next)
	out.Demand.Gangs, out.Demand.Constraints = s.cluster.Gangs, s.cluster.Constraints
}

// moving is until when leases move between raylets, since one of them is new;
// zero: they do not.
func (s *State) moving(now time.Time) time.Time {
	if end := s.newestNode().Add(s.windows.Joined); now.Before(end) {
		return end
	}
	return time.Time{}
}

// newestNode is when the last of the nodes was first heard of, the head left
// aside. It is kept while no node comes or goes.
func (s *State) newestNode() time.Time {
	if !s.newest.IsZero() {
		return s.newest
	}
	for id, n := range s.nodes {
		if id != s.head && n.seen.After(s.newest) {
			s.newest = n.seen
		}
	}
	return s.newest
}

func (s *State) liveNodes(out *Snapshot, now time.Time) {
	order := s.inOrder()
	out.Nodes = make([]*LiveNode, len(order))
	at, next := now.UnixNano(), out.Next.UnixNano()
	for i, n := range order {
		fresh := n.fresh(at)
		if !n.row.holds(out.Source, fresh, at) {
			n.row = s.settle(n, out.Source, now)
		}
		out.Nodes[i] = n.row.live
		next = min(next, n.row.until, s.silent(n, fresh, at))
		out.Truncated = out.Truncated || n.row.truncated
		out.Idles = out.Idles || n.row.idles
	}
	out.Next = moment(next)
}

// row is a node as it was settled. It is kept, since of many nodes few change:
// until a report says something new of the node, it falls silent, or its moment
// has come.
type row struct {
	live      *LiveNode
	source    Source
	from      int64
	until     int64 // when it could change although nothing is reported, or never
	kept      bool
	reported  bool // as live
	truncated bool // its raylet has cut its list of shapes
	idles     bool // it is no head, and idles
}

// never is later than any moment.
const never = math.MaxInt64

func (r *row) holds(source Source, fresh bool, now int64) bool {
	return r.kept && r.reported == fresh && r.from <= now && now < r.until && r.source == source
}

func (s *State) settle(n *node, source Source, now time.Time) row {
	live, next := s.live(n, source, now)
	out := row{live: &live, source: source, from: now.UnixNano(), until: never, reported: live.Reported}
	if !next.IsZero() {
		out.until = next.UnixNano()
	}
	out.kept = !live.Reported || live.Idle == 0 // else it idles longer from moment to moment
	out.idles = live.Idle > 0 && !live.Head
	out.truncated = live.Reported && n.report.Raylet.Truncated
	return out
}

// inOrder are the listed nodes in the order of a snapshot. It is kept while no
// node comes, goes, or is called something else.
func (s *State) inOrder() []*node {
	if s.order != nil {
		return s.order
	}
	for _, n := range s.nodes {
		if n.info != nil {
			s.order = append(s.order, n)
		}
	}
	slices.SortFunc(s.order, func(a, b *node) int {
		return cmp.Or(-compareBool(a.info.Head, b.info.Head), cmp.Compare(a.info.Type, b.info.Type),
			cmp.Compare(a.info.InstanceID, b.info.InstanceID), cmp.Compare(a.info.ID, b.info.ID))
	})
	return s.order
}

// silent is when a node will have been silent for too long; never: it has been.
func (s *State) silent(n *node, fresh bool, now int64) int64 {
	until := n.until
	if !fresh {
		until = n.listed.Add(s.windows.Stale).UnixNano()
	}
	if until >= now {
		return until + 1
	}
	return never
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// live settles one node. The second result is when it could change although
// nothing is reported.
func (s *State) live(n *node, source Source, now time.Time) (LiveNode, time.Time) {
	out := LiveNode{Node: n.info, Total: n.info.Total, Idle: gcsIdle(n.info), Draining: n.info.Status == NodeDraining}
	free := &n.gcs
	if n.fresh(now.UnixNano()) {
		out.Reported = true
		out.Total = n.report.Raylet.Total
		out.Idle = s.idle(n, out.Idle, now)
		out.Draining = out.Draining || n.report.Raylet.Draining
		free = &n.free
	}
	joined := s.windows.Joined
	if source == FromGCS {
		joined += time.Second
	}
	if now.Sub(n.listed) < joined {
		out.Free = out.Total
		return out, n.listed.Add(joined)
	}
	out.Free = within(free.over(now), out.Total)
	return out, free.next()
}

// idle is the shorter of what the raylet and the GCS say, so that a node in
// use never counts as idle.
func (s *State) idle(n *node, gcs time.Duration, now time.Time) time.Duration {
	if n.report.Raylet.Idle == 0 {
		return 0
	}
	return min(gcs, n.report.Raylet.Idle+now.Sub(n.at))
}

func gcsIdle(n *Node) time.Duration {
	if n.Status == NodeIdle {
		return n.Idle
	}
	return 0
}

// within caps what is free by what there is. A resource that is used up stays
// left out, as Ray leaves it out.
func within(free, total Resources) Resources {
	out := make(Resources, 0, len(free))
	for _, e := range free {
		if t, ok := total.Get(e.Name); ok {
			out = append(out, Resource{e.Name, min(e.Amount, t)})
		}
	}
	return out
}
