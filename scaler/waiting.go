package scaler

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

// waiting explains all demand that has no place on a running node yet.
func (r *round) waiting() []Waiting {
	infeasible := make(map[string]int64, len(r.reply.Infeasible.Tasks))
	for _, s := range r.reply.Infeasible.Tasks {
		infeasible[s.Key()] += s.Count
	}
	var out []Waiting
	for _, s := range r.Snapshot.Demand.Tasks {
		out = append(out, r.waitingTasks(s, infeasible[s.Key()])...)
	}
	for _, g := range r.Snapshot.Demand.Gangs {
		out = append(out, r.waitingGang(g))
	}
	for _, s := range r.reply.Infeasible.Constraints {
		why, detail := r.why(s.ResourceRequest)
		out = append(out, Waiting{What: "request_resources " + s.String(), Count: s.Count, Why: why, Detail: detail})
	}
	return out
}

func (r *round) waitingTasks(s demand.Shape, infeasible int64) []Waiting {
	var out []Waiting
	if infeasible > 0 {
		why, detail := r.why(s.ResourceRequest)
		out = append(out, Waiting{What: s.String(), Count: infeasible, Why: why, Detail: detail})
	}
	if rest := s.Count - infeasible; rest > 0 {
		why, detail := r.onTheWay()
		out = append(out, Waiting{What: s.String(), Count: rest, Why: why, Detail: detail})
	}
	return out
}

func (r *round) waitingGang(g demand.Gang) Waiting {
	w := Waiting{What: fmt.Sprintf("placement group %.12s %s %s", g.Name, g.Strategy, bundles(g)), Count: 1}
	if slices.ContainsFunc(r.reply.Infeasible.Gangs, func(o demand.Gang) bool { return o.Name == g.Name }) {
		w.Why, w.Detail = r.whyGang(g)
	} else {
		w.Why, w.Detail = r.onTheWay()
	}
	return w
}

func bundles(g demand.Gang) string {
	parts := make([]string, len(g.Bundles))
	for i, b := range g.Bundles {
		parts[i] = fmt.Sprintf("%d×%v", b.Count, b.ResourceRequest)
	}
	return strings.Join(parts, ", ")
}

// onTheWay is why demand that the plan has placed still waits.
func (r *round) onTheWay() (WhyWait, string) {
	for _, t := range r.types {
		if t.full {
			return WaitMaximum, "drained workers take a part of the cluster's maximum until they are gone"
		}
		if t.launch.Count()-t.recycled > t.now {
			return WaitBound, fmt.Sprintf("upscaling_speed lets %d of %d workers of %s join now", t.now, t.launch.Count()-t.recycled, t.Name)
		}
	}
	for _, t := range r.types {
		if len(t.joining)+t.now+t.recycled > 0 {
			return WaitJoining, "a worker for it is on its way, or a running one is free"
		}
	}
	return WaitJoining, "a running worker is free for it"
}

// why says why a request that found no place waits.
func (r *round) why(q demand.ResourceRequest) (WhyWait, string) {
	var full, backing []string
	for _, t := range r.types {
		switch {
		case !t.holds(q):
		case t.backOff != nil:
			backing = append(backing, t.Name)
		default:
			full = append(full, t.Name)
		}
	}
	switch {
	case len(backing) > 0:
		return WaitBackOff, "workers of " + strings.Join(backing, ", ") + " did not join lately"
	case len(full) > 0:
		return WaitMaximum, strings.Join(full, ", ") + " could hold it, but max_workers of the type or the cluster is reached"
	case r.liveHolds(q):
		return WaitMaximum, "only a running node that is full could hold it"
	}
	return WaitInfeasible, "no node type has " + q.String() + nearest(r.types, q)
}

func (r *round) liveHolds(q demand.ResourceRequest) bool {
	return slices.ContainsFunc(r.Snapshot.Nodes, func(n *demand.LiveNode) bool {
		return n.Total.Fits(withoutImplicit(q.Resources)) && matches(q, n.Labels)
	})
}

// nearest names the type that lacks least of a request.
func nearest(types []*typeRound, q demand.ResourceRequest) string {
	all := make([]nodetypes.NodeType, len(types))
	for i, t := range types {
		all[i] = t.NodeType
	}
	i := nodetypes.Nearest(all, q)
	if i < 0 {
		return ""
	}
	return "; the nearest is " + all[i].Name + " " + all[i].Resources.String()
}

// whyGang is why for a gang: of a strict pack the sum must fit, of others each
// bundle.
func (r *round) whyGang(g demand.Gang) (WhyWait, string) {
	if g.Strategy == demand.StrictPack {
		var sum demand.Resources
		for _, b := range g.Bundles {
			sum = sum.Add(b.Resources.Scale(b.Count))
		}
		return r.why(demand.ResourceRequest{Resources: sum})
	}
	for _, b := range g.Bundles {
		if why, detail := r.why(b.ResourceRequest); why == WaitInfeasible {
			return why, detail
		}
	}
	return WaitMaximum, "its bundles fit only beyond max_workers of the types or the cluster"
}
