package keda

import (
	"cmp"
	"slices"
	"time"

	"github.com/rayburst/rayburst/scaler"
)

const (
	// renudgeAfter is when a nudge that has not moved the replicas counts as
	// lost (a conflict on the HPA's scale write, a skipped stale sync).
	renudgeAfter = 2 * time.Second
	// renudges is how often a nudge is repeated; then HPA's own period does it.
	renudges = 2
	// together is how many types may start from zero in one decision and still
	// wait for their first replica: with more, KEDA's queue does the waiting.
	together = 10
)

// nudger decides which types of one cluster are nudged when. It is a pure
// state machine: each decision is shown to it once, in order, with its time.
// Unknown decisions must not be shown.
type nudger struct {
	types map[string]*nudged
	off   bool // nobody is nudged
	led   bool // rises are written by somebody else, and nudged only if they are not
}

// nudged is what a nudger remembers of one type.
type nudged struct {
	workers int  // the target last seen
	waiting bool // from zero, for the first replica
	watched bool // nudged, and the replicas were not seen right since
	at      time.Time
	repeats int
}

// observe takes a decision's targets and returns the types to nudge now, in
// the order in which to do it. hpaHas tells whether the HPA of a type has the
// target last streamed.
func (g *nudger) observe(now time.Time, ts []scaler.Target, hpaHas func(nodeType string) bool) []string {
	if g.off {
		return nil
	}
	starting := g.starting(ts) > together
	var due []scaler.Target
	seen := make(map[string]*nudged, len(ts))
	for _, t := range ts {
		s := g.state(t)
		seen[t.Type] = s
		if g.led && s.leads(now, t) {
			continue
		}
		if s.see(now, t, starting, hpaHas) {
			due = append(due, t)
		}
	}
	g.types = seen
	return inOrder(due)
}

// starting counts the types that this decision raises from zero replicas to
// more than one.
func (g *nudger) starting(ts []scaler.Target) (n int) {
	for _, t := range ts {
		if t.Replicas == 0 && t.Workers > 1 && t.Workers != g.state(t).workers {
			n++
		}
	}
	return n
}

// state is what is remembered of a type. One that was never seen counts as
// changed only if its replicas are not what they should be: so a new scaler
// does not nudge every type.
func (g *nudger) state(t scaler.Target) *nudged {
	if s, ok := g.types[t.Type]; ok {
		return s
	}
	return &nudged{workers: t.Replicas}
}

// see is observe for one type.
func (s *nudged) see(now time.Time, t scaler.Target, starting bool, hpaHas func(string) bool) bool {
	switch {
	case t.Workers != s.workers:
		*s = nudged{workers: t.Workers}
		return s.changed(now, t, starting)
	case s.waiting:
		return s.started(now, t)
	case s.watched && now.Sub(s.at) >= renudgeAfter:
		return s.again(now, t, hpaHas)
	}
	return false
}

// leads tells whether a changed target is one that somebody else writes: a rise.
// HPA is not made to look then, as what it reads it may write over a later one
// (horizontal.go of Kubernetes 1.37 repeats a write after a conflict). Whether it
// has come to be is looked at like a nudge's effect.
func (s *nudged) leads(now time.Time, t scaler.Target) bool {
	if t.Workers == s.workers || t.Workers <= t.Replicas {
		return false
	}
	*s = nudged{workers: t.Workers}
	return s.nudge(now)
}

// changed: IsActive brings 0→1, KEDA's poll brings →0, and a nudge at zero
// replicas is lost, because HPA does not read metrics then.
func (s *nudged) changed(now time.Time, t scaler.Target, starting bool) bool {
	switch {
	case t.Workers == 0, t.Workers == 1 && t.Replicas <= 1:
		return false
	case t.Replicas == 0 && !starting:
		s.waiting = true
		return false
	}
	return s.nudge(now)
}

// started ends the wait for the first replica. The replicas may be right
// already, when somebody else wrote them.
func (s *nudged) started(now time.Time, t scaler.Target) bool {
	if t.Replicas == 0 {
		return false
	}
	s.waiting = false
	return t.Replicas != t.Workers && s.nudge(now)
}

// again repeats a nudge whose effect is missing. A type back at zero replicas
// waits: a nudge is lost there.
func (s *nudged) again(now time.Time, t scaler.Target, hpaHas func(string) bool) bool {
	if t.Replicas == t.Workers || s.repeats == renudges {
		s.watched = false
		return false
	}
	if t.Replicas == 0 || !hpaHas(t.Type) {
		return false
	}
	s.repeats++
	return s.nudge(now)
}

func (s *nudged) nudge(now time.Time) bool {
	s.watched, s.at = true, now
	return true
}

// inOrder puts scale-ups first, and the largest change first among them and
// among the rest; equal ones by name. KEDA's queue is first in, first out.
func inOrder(due []scaler.Target) []string {
	rise := func(t scaler.Target) int { return t.Workers - t.Replicas }
	slices.SortFunc(due, func(a, b scaler.Target) int {
		up := func(t scaler.Target) int { return min(0, -rise(t)) } // scale-ups: the largest rise first
		down := func(t scaler.Target) int { return min(0, rise(t)) }
		return cmp.Or(cmp.Compare(up(a), up(b)), cmp.Compare(down(a), down(b)), cmp.Compare(a.Type, b.Type))
	})
	names := make([]string, len(due))
	for i, t := range due {
		names[i] = t.Type
	}
	return names
}
