package scaler

import (
	"slices"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

// schedule asks the planner what the demand needs beyond what is there.
func (r *round) schedule() {
	speed := r.Settings.UpscalingSpeed
	r.skip()
	r.request = &nodetypes.Request{
		NodeTypes: r.planTypes(), MaxWorkers: max(r.clusterMax(), 1), IdleTimeout: r.Settings.IdleTimeout,
		UpscalingSpeed: &speed, ConserveGPUNodes: true, Demand: r.Snapshot.Demand,
	}
	request := *r.request
	request.Nodes = r.planNodes(r.Loop.nodes)
	r.Loop.nodes = request.Nodes
	r.reply = r.planner.Schedule(request)
	for _, launch := range r.reply.Launch {
		if t := r.byType[launch.Type]; t != nil {
			t.launch = launch
		}
	}
	r.take()
}

// take notes on every member what the plan does with it.
func (r *round) take() {
	rest, at := r.reply.Used, 0
	for _, m := range r.planned {
		if len(rest) == 0 {
			break
		}
		if rest[0].Node == at {
			if m != nil {
				m.use = &rest[0]
			}
			rest = rest[1:]
		}
		at++
	}
	r.idle = make(map[string]nodetypes.Reason, len(r.reply.Terminate))
	for _, t := range r.reply.Terminate {
		r.idle[t.ID] = t.Reason
	}
}

// question is what the planner was asked.
func (r *round) question() *nodetypes.Request {
	request := *r.request
	request.Nodes = r.planNodes(nil)
	return &request
}

// clusterMax is the cluster's maximum without the replicas that are there, take
// no demand and cannot be replaced, and with the nodes that are not ours.
func (r *round) clusterMax() int {
	n := r.Settings.MaxWorkers
	for _, t := range r.types {
		n = less(n, r.stuck(t)-len(r.unseen[t.Name]))
	}
	return n
}

// stuck counts the workers that drain without our having asked.
func (r *round) stuck(t *typeRound) int {
	n := 0
	for _, m := range t.draining {
		if r.removals[m.Name] == nil {
			n++
		}
	}
	return n
}

// less is a maximum less what takes a part of it.
func less(maximum, n int) int {
	if maximum == nodetypes.NoLimit {
		return maximum
	}
	return max(0, maximum-n)
}

// planTypes are the types with the room they have now: none beyond what is
// there while a type backs off.
func (r *round) planTypes() []nodetypes.NodeType {
	var out []nodetypes.NodeType
	for _, t := range r.types {
		out = append(out, r.planType(t))
	}
	return append(out, r.strangers()...)
}

func (r *round) planType(t *typeRound) nodetypes.NodeType {
	nt := t.NodeType
	nt.MaxWorkers = less(nt.MaxWorkers, r.stuck(t))
	if r.clusterMax() <= 0 {
		nt.MaxWorkers = 0
	}
	if t.backOff != nil {
		nt.MaxWorkers = min(nt.MaxWorkers, len(t.running)+len(t.joining))
	}
	nt.MinWorkers = min(nt.MinWorkers, nt.MaxWorkers)
	return nt
}

// strangers are the types of nodes that no type of ours started, the head's
// first of all: they take demand and are neither launched nor given up.
func (r *round) strangers() []nodetypes.NodeType {
	index := map[string]int{}
	var out []nodetypes.NodeType
	for i := range r.Snapshot.Nodes {
		n, m := r.Snapshot.Nodes[i], r.members[i]
		if m != nil && (r.matches.of[i].alike || m.Type == n.Type) {
			continue
		}
		name := r.planTypeOf(i)
		if r.byType[name] != nil {
			continue
		}
		if _, ok := index[name]; !ok {
			index[name] = len(out)
			out = append(out, nodetypes.NodeType{Name: name})
		}
		if !n.Head {
			out[index[name]].MaxWorkers++
		}
	}
	return out
}

// planTypeOf is the type that a node has in the plan: one of its own where it is
// nobody's worker, so that it counts for no minimum and no maximum.
func (r *round) planTypeOf(at int) string {
	n := r.Snapshot.Nodes[at]
	if r.owners[at] == unclaimed {
		return n.Type + "#unmanaged"
	}
	return n.Type
}

// skip leaves draining and lost nodes out of the plan.
func (r *round) skip() {
	r.skipped = make([]bool, len(r.Snapshot.Nodes))
	for i := range r.Snapshot.Nodes {
		r.skipped[i] = r.owners[i] == former || r.matches.of[i].draining || len(r.removals) > 0 && r.going(r.Snapshot.Nodes[i].InstanceID)
	}
	for _, t := range r.types {
		for _, m := range t.draining {
			if m.node != nil {
				r.skipped[m.at] = true
			}
		}
		r.coming = append(r.coming, t.joining...)
	}
}

// planned visits what the plan is told of, in its order: nodes with the members
// whose they are, nil where nobody's, then the joining members.
func (r *round) planned(yield func(*demand.LiveNode, *member) bool) {
	for i := range r.Snapshot.Nodes {
		if !r.skipped[i] && !yield(r.Snapshot.Nodes[i], r.members[i]) {
			return
		}
	}
	for _, m := range r.coming {
		if !yield(nil, m) {
			return
		}
	}
}

// planNodes are the head, what runs at its settled free capacity, and what
// joins as wholly free. A node that stands in the room already, as it is, is left
// there.
func (r *round) planNodes(room []nodetypes.Node) []nodetypes.Node {
	was := len(room)
	out := slices.Grow(room[:0], len(r.Snapshot.Nodes)+len(r.coming))
	for i, n := range r.Snapshot.Nodes {
		if r.skipped[i] {
			continue
		}
		at := len(out)
		out = out[:at+1]
		if at >= was || out[at].Version != any(n) || out[at].Type != r.planTypeOf(i) {
			out[at] = r.planNode(i)
		}
	}
	for _, m := range r.coming {
		out = append(out, nodetypes.Node{ID: m.plan, Type: m.Type, Status: nodetypes.Joining})
	}
	return out
}

// going tells whether a worker is drained although the GCS may not say so yet.
func (r *round) going(worker string) bool {
	rem := r.removals[worker]
	return rem != nil && rem.accepted
}

func (r *round) planNode(at int) nodetypes.Node {
	n := r.Snapshot.Nodes[at]
	return nodetypes.Node{
		ID: n.ID, Type: r.planTypeOf(at), Head: n.Head, Status: nodetypes.Running, Total: n.Total, Available: n.Free,
		Labels: n.Labels, Idle: n.Idle, Gangs: n.Gangs, Version: n,
	}
}

// recycle replaces drained workers by fresh ones when their type is needed
// again: those by which its target has not fallen yet, then those that are
// still there although it has, which the target would have to count otherwise.
func (r *round) recycle() {
	for _, t := range r.types {
		t.draining = r.reuse(t, t.draining)
		t.leaving = r.reuse(t, t.leaving)
		t.late = r.reuse(t, t.late)
	}
}

func (r *round) reuse(t *typeRound, from []*member) []*member {
	kept := from[:0:0]
	for _, m := range from {
		if t.recycled < t.launch.Count() && r.replace(t, m) {
			t.recycled++
		} else {
			kept = append(kept, m)
		}
	}
	return kept
}

// replace makes a worker that is going count as joining: as its fresh
// successor, or as itself where it was given up while Ray was starting.
func (r *round) replace(t *typeRound, m *member) bool {
	given, rem := r.withdrawn[m.Name], r.removals[m.Name]
	if given == nil && rem == nil {
		return false
	}
	if delete(r.withdrawn, m.Name); given != nil && m.Started {
		delete(r.Loop.joining, m.Name)
		return true
	}
	if rem == nil {
		rem = &removal{nodeType: t.Name, asked: r.Now, accepted: true}
		r.removals[m.Name] = rem
	}
	rem.recycled = true
	return true
}

// bound lets each type grow by what upscaling_speed allows, or by what
// minimums, constraints and gangs opened if that is more, and the cluster up to
// its maximum, of which drained workers still take their part.
func (r *round) bound() {
	room := less(r.Settings.MaxWorkers, r.size())
	for _, t := range r.types {
		running := len(t.running) + t.heads
		t.bound = nodetypes.UpscalingBound(r.Settings.UpscalingSpeed, running, len(t.joining)+t.recycled)
		wanted := t.launch.Count() - t.recycled
		t.now = max(0, min(wanted, max(t.bound, t.launch.Exempt()-t.recycled)))
		t.full = t.now > room
		t.now = min(t.now, room)
		room = less(room, t.now)
	}
}

// size is the sum of the targets before launches.
func (r *round) size() int {
	n := 0
	for _, t := range r.types {
		n += len(t.running) + len(t.joining) + len(t.late) + len(t.draining) + t.recycled
	}
	return n
}
