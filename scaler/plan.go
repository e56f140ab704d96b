package scaler

import (
	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

// schedule asks the planner what the demand needs beyond what is there.
func (r *round) schedule() {
	speed := r.Settings.UpscalingSpeed
	r.reply = nodetypes.Schedule(nodetypes.Request{
		NodeTypes: r.planTypes(), MaxWorkers: r.clusterMax(), IdleTimeout: r.Settings.IdleTimeout,
		UpscalingSpeed: &speed, ConserveGPUNodes: true, Nodes: r.planNodes(), Demand: r.Snapshot.Demand,
	})
	for _, launch := range r.reply.Launch {
		if t := r.byType[launch.Type]; t != nil {
			t.launch = launch
		}
	}
	r.used = make(map[string]nodetypes.Use, len(r.reply.Used))
	for _, u := range r.reply.Used {
		r.used[u.ID] = u
	}
	r.idle = make(map[string]nodetypes.Reason, len(r.reply.Terminate))
	for _, t := range r.reply.Terminate {
		r.idle[t.ID] = t.Reason
	}
}

// clusterMax is the cluster's maximum without the replicas that are there and
// take no demand.
func (r *round) clusterMax() int {
	if r.Settings.MaxWorkers == nodetypes.NoLimit {
		return nodetypes.NoLimit
	}
	n := r.Settings.MaxWorkers
	for _, t := range r.types {
		n -= len(t.draining)
	}
	return max(n, 1)
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
	if nt.MaxWorkers != nodetypes.NoLimit {
		nt.MaxWorkers = max(0, nt.MaxWorkers-len(t.draining))
	}
	if r.Settings.MaxWorkers <= 0 {
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
		n := &r.Snapshot.Nodes[i]
		if r.byType[n.Type] != nil {
			continue
		}
		if _, ok := index[n.Type]; !ok {
			index[n.Type] = len(out)
			out = append(out, nodetypes.NodeType{Name: n.Type})
		}
		if !n.Head {
			out[index[n.Type]].MaxWorkers++
		}
	}
	return out
}

// planNodes are the head, what runs at its settled free capacity, and what
// joins as wholly free; draining and lost nodes are left out.
func (r *round) planNodes() []nodetypes.Node {
	lost := make(map[string]bool, len(r.lost))
	for _, id := range r.lost {
		lost[id] = true
	}
	for _, t := range r.types {
		for _, m := range t.draining {
			lost[m.id] = true
		}
	}
	out := make([]nodetypes.Node, 0, len(r.Snapshot.Nodes)+8)
	for i := range r.Snapshot.Nodes {
		n := &r.Snapshot.Nodes[i]
		if !lost[n.ID] && !n.Draining && !r.going(n.InstanceID) {
			out = append(out, planNode(n))
		}
	}
	for _, t := range r.types {
		for _, m := range t.joining {
			out = append(out, nodetypes.Node{ID: m.id, Type: t.Name, Status: nodetypes.Joining})
		}
	}
	return out
}

// going tells whether a worker is drained although the GCS may not say so yet.
func (r *round) going(worker string) bool {
	rem := r.removals[worker]
	return rem != nil && rem.accepted
}

func planNode(n *demand.LiveNode) nodetypes.Node {
	return nodetypes.Node{
		ID: n.ID, Type: n.Type, Head: n.Head, Status: nodetypes.Running, Total: n.Total, Available: n.Free,
		Labels: n.Labels, Idle: n.Idle, Gangs: n.Gangs,
	}
}

// recycle replaces drained workers by fresh ones when their type is needed
// again before its target has fallen.
func (r *round) recycle() {
	for _, t := range r.types {
		kept := t.draining[:0:0]
		for _, m := range t.draining {
			rem := r.removals[m.Name]
			if rem == nil || t.recycled >= t.launch.Count() {
				kept = append(kept, m)
				continue
			}
			rem.recycled = true
			t.recycled++
		}
		t.draining = kept
	}
}

// bound lets each type grow by what upscaling_speed allows, or by what
// minimums, constraints and gangs opened if that is more.
func (r *round) bound() {
	for _, t := range r.types {
		running := len(t.running) + t.heads
		t.bound = nodetypes.UpscalingBound(r.Settings.UpscalingSpeed, running, len(t.joining)+t.recycled)
		wanted := t.launch.Count() - t.recycled
		t.now = max(0, min(wanted, max(t.bound, t.launch.Exempt()-t.recycled)))
	}
}
