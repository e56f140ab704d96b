package scaler

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

// views explain every worker and every node.
func (r *round) views() []NodeView {
	out := make([]NodeView, 0, len(r.Workers)+1)
	for _, t := range r.typesByName() { // nearly in order already
		for _, m := range t.running {
			out = append(out, r.runningView(t, m))
		}
		for _, m := range t.joining {
			if m.there {
				out = append(out, r.joiningView(t, m))
			}
		}
		for _, m := range t.late {
			out = append(out, r.joiningView(t, m))
		}
		for _, m := range t.draining {
			out = append(out, leavingView(t, m, "Ray refuses new work on it"))
		}
	}
	for i := range r.Snapshot.Nodes {
		if r.owners[i] == nobodys || r.owners[i] == unclaimed {
			out = append(out, strangerView(r.Snapshot.Nodes[i]))
		}
	}
	slices.SortFunc(out, func(a, b NodeView) int {
		return cmp.Or(-compareBool(a.Head, b.Head), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
	})
	return out
}

func (r *round) typesByName() []*typeRound {
	return slices.SortedFunc(slices.Values(r.types), func(a, b *typeRound) int { return cmp.Compare(a.Name, b.Name) })
}

func strangerView(n *demand.LiveNode) NodeView {
	v := nodeView(n)
	v.Name, v.Head, v.Keep, v.Detail = cmp.Or(n.InstanceID, n.ID), n.Head, KeepUnmanaged, "no node type here started it"
	if n.Head {
		v.Keep, v.Detail = KeepHead, "the head is never removed"
	}
	return v
}

// nodeView is what every alive node shows.
func nodeView(n *demand.LiveNode) NodeView {
	v := NodeView{
		Name: n.InstanceID, NodeID: n.ID, Type: n.Type, State: StateRunning, Idle: n.Idle, Activity: n.Activity,
		Total: n.Total, Free: n.Free,
	}
	switch {
	case n.Draining:
		v.State = StateDraining
	case n.Idle > 0:
		v.State = StateIdle
	}
	return v
}

func (r *round) runningView(t *typeRound, m *member) NodeView {
	v := nodeView(m.node)
	v.Keep, v.Detail = r.keep(t, m)
	return v
}

// keep says why a running worker is alive.
func (r *round) keep(t *typeRound, m *member) (Keep, string) {
	if r.asks[m.Name] {
		return KeepNot, "Ray has been asked to drain it"
	}
	if m.node.Idle == 0 {
		return KeepBusy, busy(m.node)
	}
	if m.use != nil {
		return KeepNeeded, needed(m.use)
	}
	return r.keepIdle(t, m)
}

func (r *round) keepIdle(t *typeRound, m *member) (Keep, string) {
	timeout := r.Settings.IdleTimeout
	if t.IdleTimeout != nil {
		timeout = t.IdleTimeout
	}
	idle := m.node.Idle.Round(100 * time.Millisecond)
	switch {
	case timeout == nil:
		return KeepNoTimeout, fmt.Sprintf("idle for %v; neither the type nor the cluster has an idle timeout", idle)
	case m.node.Idle <= *timeout:
		return KeepFresh, fmt.Sprintf("idle for %v of %v", idle, *timeout)
	case r.refused[m.Name]:
		return KeepRejected, fmt.Sprintf("idle for %v; Ray rejected its drain", idle)
	case r.idle[m.id()] == nodetypes.Idle:
		return KeepBatch, fmt.Sprintf("idle for %v; it goes once workers of its type have come or gone", idle)
	}
	return KeepMinimum, fmt.Sprintf("idle for %v; its type is at its minimum of %d", idle, t.MinWorkers)
}

func busy(n *demand.LiveNode) string {
	if len(n.Activity) == 0 {
		return "in use"
	}
	return strings.Join(n.Activity, " ")
}

func needed(u *nodetypes.Use) string {
	return fmt.Sprintf("the plan puts %d tasks and actors, %d bundles of placement groups and %d of request_resources on it",
		u.Tasks, u.Bundles, u.Constraints)
}

func (r *round) joiningView(t *typeRound, m *member) NodeView {
	waited := r.Now.Sub(m.since).Round(100 * time.Millisecond)
	v := NodeView{Name: m.Name, Type: t.Name, State: StatePending, Keep: KeepJoining, Detail: fmt.Sprintf("waits to be started for %v", waited)}
	if m.Started {
		v.State, v.Detail = StateJoining, fmt.Sprintf("Ray is starting for %v", waited)
	}
	if m.Trouble != "" {
		v.Detail += "; " + m.Trouble
	}
	return v
}

func leavingView(t *typeRound, m *member, detail string) NodeView {
	v := NodeView{Name: m.Name, Type: t.Name}
	if m.node != nil {
		v = nodeView(m.node)
	}
	v.State, v.Keep, v.Detail = StateDraining, KeepNot, detail
	return v
}
