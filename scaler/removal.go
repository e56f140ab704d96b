package scaler

import (
	"cmp"
	"slices"

	"github.com/rayburst/rayburst/nodetypes"
)

// withdraw lets targets fall by joining workers that the plan has left empty
// for long enough: only those whose Ray has not been started, the cheapest
// first.
func (r *round) withdraw() {
	for _, t := range r.types {
		spare := len(t.running) + len(t.joining) - t.MinWorkers
		for i := len(t.joining) - 1; i >= 0; i-- {
			m := t.joining[i]
			m.empty = r.leftEmpty(t, m)
			if m.empty && spare > 0 && r.longEmpty(t, m) {
				r.drop(t, m, false)
				t.joining = slices.Delete(t.joining, i, i+1)
				spare--
			}
		}
	}
}

// leftEmpty tells whether the plan puts nothing on a joining worker.
func (r *round) leftEmpty(t *typeRound, m *member) bool {
	return m.use == nil && t.launch.Count() == 0
}

// longEmpty tells whether a joining worker that is empty now may go: it has
// been empty for long enough, or is above a maximum or the last target, and Ray
// has not been started in it.
func (r *round) longEmpty(t *typeRound, m *member) bool {
	since, ok := r.empty[m.Name]
	if !ok {
		since = r.Now
		r.empty[m.Name] = since
	}
	if m.Started || r.removals[m.Name] != nil {
		return false
	}
	over := r.idle[m.plan] == nodetypes.MaxWorkersOfType || r.idle[m.plan] == nodetypes.MaxWorkers
	return over || m.extra || r.Now.Sub(since) >= r.Settings.WithdrawAfter
}

// remove asks for the drain of one batch of idle workers per type: never
// during a rollout, never while a worker of the type is still needed and not
// ready, never a second batch before the first is gone.
func (r *round) remove() {
	r.clearEmpty()
	for _, t := range r.types {
		if t.Rollout || r.batch(t) || r.awaited(t) {
			continue
		}
		for _, m := range t.running {
			if r.removable(m) {
				r.removals[m.Name] = &removal{nodeType: t.Name, node: m.node.ID, asked: r.Now}
				r.drain = append(r.drain, Drain{Worker: m.Name, NodeID: m.node.ID, Type: t.Name, Idle: m.node.Idle})
			}
		}
	}
	slices.SortFunc(r.drain, func(a, b Drain) int { return cmp.Compare(a.Worker, b.Worker) })
}

// clearEmpty restarts the clock of joining workers that are needed again.
func (r *round) clearEmpty() {
	for _, t := range r.types {
		for _, m := range t.joining {
			if !m.empty {
				delete(r.empty, m.Name)
			}
		}
	}
}

// batch tells whether a removal of the type is under way.
func (r *round) batch(t *typeRound) bool {
	for _, rem := range r.removals {
		if rem.nodeType == t.Name && !rem.lowered {
			return true
		}
	}
	return len(t.leaving) > 0
}

// awaited tells whether a needed worker of the type is on its way.
func (r *round) awaited(t *typeRound) bool {
	if t.now+t.recycled > 0 {
		return true
	}
	return slices.ContainsFunc(t.joining, func(m *member) bool { return !m.empty })
}

// removable tells whether a running worker may be asked to drain: the plan
// gives it up as idle, or it is idle above a maximum.
func (r *round) removable(m *member) bool {
	if !m.there || m.use != nil || len(r.idle) == 0 {
		return false
	}
	reason, ok := r.idle[m.id()]
	if !ok || m.node.Idle == 0 || r.Now.Before(r.rejected[m.Name]) {
		return false
	}
	return reason == nodetypes.Idle || reason == nodetypes.MaxWorkers || reason == nodetypes.MaxWorkersOfType
}
