package scaler

import (
	"math"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

// autoscaler is the decision in the terms of `ray status`: one entry for every
// worker on its way, and as infeasible only what can never be placed, since
// Ray may let those tasks fail.
func (r *round) autoscaler() demand.AutoscalingState {
	s := demand.AutoscalingState{Version: uint64(r.Now.UnixMilli())}
	for _, t := range r.types {
		s.Pending = append(s.Pending, pending(t)...)
		if b := t.backOff; b != nil {
			s.Failed = append(s.Failed, demand.FailedWorkers{
				NodeType: t.Name, Count: b.count, Reason: b.reason, Started: b.started.Unix(), Failed: r.Now.Unix(),
			})
		}
		s.NodeGroups = append(s.NodeGroups, group(t.NodeType))
	}
	for _, q := range r.reply.Infeasible.Tasks {
		if why, _ := r.why(q.ResourceRequest); why == WaitInfeasible {
			s.Infeasible = append(s.Infeasible, q.ResourceRequest)
		}
	}
	for _, g := range r.reply.Infeasible.Gangs {
		if why, _ := r.whyGang(g); why == WaitInfeasible {
			s.InfeasibleGangs = append(s.InfeasibleGangs, g)
		}
	}
	s.InfeasibleConstraints = r.reply.Infeasible.Constraints
	return s
}

func pending(t *typeRound) []demand.PendingWorker {
	var out []demand.PendingWorker
	for _, m := range t.joining {
		p := demand.PendingWorker{NodeType: t.Name}
		if m.there {
			p.InstanceID, p.Details = m.Name, string(StatePending)
			if m.Started {
				p.Details = string(StateJoining)
			}
		}
		out = append(out, p)
	}
	for range t.now {
		out = append(out, demand.PendingWorker{NodeType: t.Name})
	}
	return out
}

func group(t nodetypes.NodeType) demand.NodeGroup {
	limit := -1
	if t.MaxWorkers <= math.MaxInt32 {
		limit = t.MaxWorkers
	}
	return demand.NodeGroup{Name: t.Name, Resources: t.Resources, MinWorkers: t.MinWorkers, MaxWorkers: limit}
}
