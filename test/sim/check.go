package sim

import (
	"math"
	"slices"
	"time"

	"github.com/rayburst/rayburst/scaler"
)

// check looks at every invariant after a decision.
func (b *brain) check(w scaler.World, d *scaler.Decision) {
	b.peak = max(b.peak, b.wants())
	if d.Unknown != "" {
		b.checkUnknown(w, d)
		return
	}
	b.checkBound(d)
	b.checkMaximum(d)
	b.checkFall(w, d)
	if b.Exact {
		b.checkExcess(d)
		b.checkTurns(w, d)
	}
}

// checkUnknown: an unknown state changes no target and causes nothing.
func (b *brain) checkUnknown(w scaler.World, d *scaler.Decision) {
	if len(d.Drain)+len(d.Withdraw)+len(d.Recycle)+len(d.Victims) > 0 {
		b.failf("an unknown state causes %s", summary(d))
	}
	for i, t := range w.Types {
		before := t.Replicas
		if b.last != nil {
			old, _ := b.last.Target(t.Name)
			before = old.Workers
		}
		if now, _ := d.Target(w.Types[i].Name); now.Workers != before {
			b.failf("unknown, but %s goes from %d to %d", t.Name, before, now.Workers)
		}
	}
}

// checkBound: not more may join at once than upscaling_speed allows.
func (b *brain) checkBound(d *scaler.Decision) {
	for _, t := range d.Targets {
		limit := max(5, int(math.Floor(b.Speed*float64(max(t.Running, 1)))))
		if t.Launch > 0 && t.Joining+t.Launch > limit && t.Launch > t.Exempt {
			b.failf("%s: %d join and %d are launched, the bound is %d", t.Type, t.Joining, t.Launch, limit)
		}
	}
}

// checkMaximum: no launch beyond a maximum, and no target but for workers that
// are there.
func (b *brain) checkMaximum(d *scaler.Decision) {
	all, launched := 0, 0
	for _, t := range d.Targets {
		all, launched = all+t.Workers, launched+t.Launch
		if t.Workers > t.Max && (t.Launch > 0 || t.Workers > len(b.of(t.Type))) {
			b.failf("%s: target %d is above its maximum %d", t.Type, t.Workers, t.Max)
		}
	}
	if launched > 0 && all > b.ClusterMax {
		b.failf("the targets' sum %d is above the cluster's maximum %d", all, b.ClusterMax)
	}
}

// checkFall: a target falls only by workers that Ray has accepted to drain and
// that have been seen to be so, or by workers that never joined.
func (b *brain) checkFall(w scaler.World, d *scaler.Decision) {
	for _, t := range d.Targets {
		before := t.Replicas
		if b.last != nil {
			old, _ := b.last.Target(t.Type)
			before = old.Workers
		}
		there, may := b.mayGo(w, d, t)
		fall := before - t.Workers - max(0, before-there)
		if fall > len(may) {
			b.failf("%s falls from %d to %d: %d were there, only %v were drained or have not joined", t.Type, before, t.Workers, there, may)
			return
		}
		for _, name := range may[:max(0, fall)] {
			b.removed[name] = true
		}
	}
}

// mayGo counts the workers that the target counts, and names those by which it
// may fall.
func (b *brain) mayGo(w scaler.World, d *scaler.Decision, t scaler.Target) (there int, may []string) {
	for _, x := range w.Workers {
		gone := x.Drained && x.Marked && slices.Contains(d.Victims, x.Name) || slices.Contains(d.Withdraw, x.Name)
		if !gone {
			delete(b.removed, x.Name)
		}
		if x.Type != t.Type || b.removed[x.Name] {
			continue
		}
		if there++; gone {
			may = append(may, x.Name)
		}
	}
	return there, may
}

// checkExcess: tasks and actors of one worker's worth each, or of a fraction of
// it, never ask for more workers than they need at once.
func (b *brain) checkExcess(d *scaler.Decision) {
	slots := int(b.Kinds[0].Total[0] / b.Bursts[0].Shape[0])
	need := max(b.Kinds[0].Min, (b.peak+slots-1)/slots)
	all := 0
	for _, t := range d.Targets {
		all += t.Workers
	}
	if all > need {
		b.excess = all - need
		b.failf("%d workers are asked for, %d are needed at most", all, need)
	}
}

// checkTurns: a target that has fallen rises again only for a new burst, or for
// a worker that was given up and has started all the same.
func (b *brain) checkTurns(w scaler.World, d *scaler.Decision) {
	for _, t := range d.Targets {
		old := 0
		if b.last != nil {
			last, _ := b.last.Target(t.Type)
			old = last.Workers
		}
		started := slices.ContainsFunc(w.Workers, func(w scaler.Worker) bool { return w.Type == t.Type && w.Started && b.fresh(w) })
		if t.Workers > old && !b.rising[t.Type] && (t.Launch > 0 || !started) {
			b.turns[t.Type]++
			b.rising[t.Type] = true
		}
		if t.Workers < old {
			b.rising[t.Type] = false
		}
		if b.turns[t.Type] > len(b.Bursts)-b.bursts+min(1, b.Kinds[0].Min) {
			b.failf("%s flaps: it has risen %d times for %d bursts", t.Type, b.turns[t.Type], len(b.Bursts)-b.bursts)
		}
	}
}

// fresh tells whether a worker has been started a moment ago.
func (b *brain) fresh(w scaler.Worker) bool { return b.time().Sub(w.StartedAt) < 2*time.Second }

// checkRest: a decision that lets the cluster be for long is made again by whoever
// does not, up to the moment that it names.
func (b *brain) checkRest(w scaler.World, d *scaler.Decision) {
	if d.Wake.Sub(w.Now) <= time.Second {
		return
	}
	twin, err := b.core.Checkpoint().Restore(name)
	if err != nil {
		b.failf("a checkpoint cannot be restored: %v", err)
		return
	}
	for w.Now = w.Now.Add(time.Second); w.Now.Before(d.Wake); w.Now = w.Now.Add(time.Second) {
		if again := twin.Decide(w); again.Seq != d.Seq {
			b.failf("a decision that was to hold until %v does not at %v: %s", d.Wake, w.Now, summary(again))
		}
	}
}
