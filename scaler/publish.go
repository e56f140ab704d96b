package scaler

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

// decision is the round's result, sorted.
func (r *round) decision() *Decision {
	d := &Decision{Session: r.Snapshot.Session, Demand: r.Snapshot.Demand, Drain: r.drain, Lost: r.lost}
	for _, t := range r.types {
		d.Targets = append(d.Targets, r.target(t))
	}
	for name, rem := range r.removals {
		if rem.recycled {
			d.Recycle = append(d.Recycle, name)
		} else if rem.accepted {
			d.Victims = append(d.Victims, name)
		}
	}
	for _, t := range r.types {
		for _, m := range slices.Concat(t.late, t.leaving) {
			if r.withdrawn[m.Name] != nil && !m.Started {
				d.Withdraw = append(d.Withdraw, m.Name)
				d.Victims = append(d.Victims, m.Name)
			}
		}
	}
	slices.Sort(d.Recycle)
	slices.Sort(d.Victims)
	slices.Sort(d.Withdraw)
	d.Waiting = r.waiting()
	r.freeze()
	d.Nodes, d.Plan, d.Autoscaler = later(r.views), later(r.question), later(r.autoscaler)
	return d
}

// freeze copies what later decisions change of what is still to be read.
func (r *round) freeze() {
	r.asks, r.refused = map[string]bool{}, map[string]bool{}
	for name := range r.removals {
		r.asks[name] = true
	}
	for name, until := range r.rejected {
		r.refused[name] = r.Now.Before(until)
	}
	for _, t := range r.types {
		if t.backOff != nil {
			t.backOff = new(*t.backOff)
		}
	}
}

// target is a type's number of workers and why.
func (r *round) target(t *typeRound) Target {
	out := Target{
		Type: t.Name, Replicas: t.Replicas, Running: len(t.running), Joining: len(t.joining) + len(t.late) + t.recycled,
		Draining: len(t.draining), Wanted: max(0, t.launch.Count()-t.recycled), Exempt: t.launch.Exempt(),
		Bound: t.bound, Launch: t.now, Min: t.MinWorkers, Max: t.MaxWorkers, Removed: len(t.leaving),
	}
	out.Workers = out.Running + out.Joining + out.Draining + out.Launch
	out.Reason = r.reason(t, out)
	out.Detail = r.detail(t, out)
	return out
}

// reason is the step that shaped a target most.
func (r *round) reason(t *typeRound, out Target) Reason {
	switch {
	case t.full:
		return ReasonMaxWorkers
	case out.Wanted > out.Launch:
		return ReasonBound
	case out.Launch+t.recycled > 0:
		return cause(t)
	case t.dropped > 0:
		return ReasonWithdrawn
	case r.drained(t) > 0:
		return ReasonIdle
	case t.backOff != nil:
		return ReasonBackOff
	case out.Running > t.MaxWorkers:
		return ReasonOverMaximum
	case out.Draining > 0:
		return ReasonDraining
	case r.held(t, out):
		return ReasonMaxWorkers
	case out.Joining > 0:
		return ReasonJoining
	case len(t.leaving) > 0:
		return ReasonWithdrawn
	case out.Workers > 0 && out.Workers == t.MinWorkers:
		return ReasonMinWorkers
	}
	return ReasonSteady
}

// drained counts the workers by whose drain the target has fallen and that are
// not gone yet.
func (r *round) drained(t *typeRound) int {
	n := 0
	for _, m := range t.leaving {
		if r.removals[m.Name] != nil {
			n++
		}
	}
	return n
}

// cause is what opened most of a type's launches, the demand first.
func cause(t *typeRound) Reason {
	l := t.launch
	switch max(l.Task, l.Gang, l.Constraint, l.Minimum) {
	case l.Task:
		return ReasonTasks
	case l.Gang:
		return ReasonGang
	case l.Constraint:
		return ReasonConstraint
	}
	return ReasonMinWorkers
}

// held tells whether a maximum keeps the type from growing although demand
// waits that it could take.
func (r *round) held(t *typeRound, out Target) bool {
	full := out.Workers >= t.MaxWorkers || r.clusterFull()
	return full && slices.ContainsFunc(r.reply.Infeasible.Tasks, func(s demand.Shape) bool { return t.holds(s.ResourceRequest) })
}

func (r *round) clusterFull() bool {
	n := r.size()
	for _, t := range r.types {
		n += t.now
	}
	return n >= r.Settings.MaxWorkers
}

// holds tells whether an empty worker of the type could take a request.
func (t *typeRound) holds(q demand.ResourceRequest) bool { return len(t.Lacks(q)) == 0 }

// implicitPrefix starts the resources that every node has, in the amount 1.
const implicitPrefix = "node:__internal_implicit_resource_"

func withoutImplicit(r demand.Resources) demand.Resources {
	return slices.DeleteFunc(slices.Clone(r), func(e demand.Resource) bool {
		return strings.HasPrefix(e.Name, implicitPrefix) && e.Amount <= demand.Unit
	})
}

func matches(q demand.ResourceRequest, labels demand.Labels) bool {
	return len(q.Selectors) == 0 ||
		slices.ContainsFunc(q.Selectors, func(s demand.LabelSelector) bool { return s.Matches(labels) })
}

// detail says a reason with its numbers.
func (r *round) detail(t *typeRound, out Target) string {
	have := fmt.Sprintf("%d running, %d joining, %d draining", out.Running, out.Joining, out.Draining)
	switch out.Reason {
	case ReasonBound:
		return fmt.Sprintf("%s; +%d of %d wanted: upscaling_speed %v lets at most %d join at once",
			have, out.Launch, out.Wanted, r.Settings.UpscalingSpeed, out.Joining+max(0, out.Bound))
	case ReasonTasks, ReasonGang, ReasonConstraint, ReasonMinWorkers:
		return fmt.Sprintf("%s; +%d (%s)", have, out.Launch, causes(t))
	case ReasonWithdrawn:
		return fmt.Sprintf("%s; -%d that nobody needs any more or that did not join", have, max(t.dropped, len(t.leaving)))
	case ReasonIdle:
		return fmt.Sprintf("%s; %d drained workers are leaving", have, r.drained(t))
	case ReasonBackOff:
		return have + "; " + t.backOff.String()
	case ReasonMaxWorkers:
		return fmt.Sprintf("%s; max_workers is %s, the cluster's %s", have, limit(t.MaxWorkers), limit(r.Settings.MaxWorkers))
	case ReasonOverMaximum:
		return fmt.Sprintf("%s; max_workers is %d, busy workers are never stopped", have, t.MaxWorkers)
	}
	return have
}

// limit is a maximum in words.
func limit(n int) string {
	if n == nodetypes.NoLimit {
		return "unlimited"
	}
	return strconv.Itoa(n)
}

func causes(t *typeRound) string {
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{{t.launch.Task, "tasks and actors"}, {t.launch.Gang, "placement groups"},
		{t.launch.Constraint, "request_resources"}, {t.launch.Minimum, "min_workers"}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d for %s", c.n, c.what))
		}
	}
	if len(parts) == 0 {
		return "the minimum of " + fmt.Sprint(t.MinWorkers)
	}
	return strings.Join(parts, ", ")
}
