package nodetypes

import (
	"slices"
	"time"
)

// terminateIdle gives up workers that have been idle for longer than their
// timeout, on which this pass placed nothing, while their type stays at or
// above its minimum. It visits them in termination order, equal ones as they
// stand in the list after scheduling (_enforce_idle_termination).
func (p *plan) terminateIdle() {
	var slots []slot
	for _, s := range p.list {
		if p.kept(s) && p.isIdle(s) {
			slots = append(slots, s)
		}
	}
	slices.SortStableFunc(slots, p.compareForTermination)
	count := p.countByType(p.kept)
	for _, s := range slots {
		k := s.state.kind.index
		if count[k] > int64(p.NodeTypes[k].MinWorkers) {
			count[k]--
			p.terminated[s.node] = idle
		}
	}
}

func (p *plan) isIdle(s slot) bool {
	n := p.running(s)
	if n == nil || n.Head || p.used[s.node] != (uses{}) {
		return false
	}
	timeout, ok := p.idleTimeout(s.state.kind.index)
	return ok && n.Idle > timeout
}

// idleTimeout is the type's, else the cluster's, else none.
func (p *plan) idleTimeout(nodeType int) (time.Duration, bool) {
	t := p.NodeTypes[nodeType].IdleTimeout
	if t == nil {
		t = p.Request.IdleTimeout
	}
	if t == nil {
		return 0, false
	}
	return *t, true
}
