package keda

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/rayburst/rayburst/scaler"
)

// answer is all that the RPCs say about one node type.
type answer struct {
	listed    bool // the decision has a target for the type
	workers   int  // the target
	replicas  int  // what the Deployment asked for when it was decided
	nudges    uint64
	activated time.Time // when the target last rose from 0
	raised    time.Time // when replicas were first seen above 0 after that
}

// published is what the RPCs of one cluster answer from: one decision, never
// changed once published. Its answers outlive an unknown decision, so that the
// number of nudges does, but workers may be read only if unknown is "".
type published struct {
	decision *scaler.Decision
	answers  map[string]answer
}

// unknown says why the workers must not be read at this time.
func (p *published) unknown(now time.Time, fresh time.Duration) string {
	if p == nil {
		return "nothing was decided yet"
	}
	if p.decision.Unknown != "" {
		return p.decision.Unknown
	}
	if age := now.Sub(p.decision.At); age > fresh {
		return "the last decision is " + age.Truncate(time.Second).String() + " old"
	}
	return ""
}

// answer of a type; the zero one if it was never heard of.
func (p *published) answer(nodeType string) answer {
	if p == nil {
		return answer{}
	}
	return p.answers[nodeType]
}

// next is the table after a decision that is known.
func (p *published) next(now time.Time, d *scaler.Decision) *published {
	n := &published{d, make(map[string]answer, len(d.Targets))}
	for _, t := range d.Targets {
		n.answers[t.Type] = p.answer(t.Type).next(now, t)
	}
	if p == nil {
		return n
	}
	for nodeType, a := range p.answers { // a type that is gone keeps its nudges: its stream may be open
		if _, ok := n.answers[nodeType]; !ok {
			n.answers[nodeType] = answer{nudges: a.nudges}
		}
	}
	return n
}

// next is the answer after a new target. A type seen for the first time counts
// as activated now if it has no replica yet.
func (a answer) next(now time.Time, t scaler.Target) answer {
	n := answer{listed: true, workers: t.Workers, replicas: t.Replicas, nudges: a.nudges, activated: a.activated, raised: a.raised}
	if t.Workers > 0 && a.workers == 0 && (a.listed || t.Replicas == 0) {
		n.activated = now
	}
	if t.Replicas > 0 && a.replicas == 0 {
		n.raised = now
	}
	return n
}

// cluster is the row of one Ray cluster. Readers load current and share no
// lock with anyone; mu is for publishers alone.
type cluster struct {
	current atomic.Pointer[published]
	mu      sync.Mutex
	nudger  nudger
	effects effects
	reads   reads
}

// change is what a decision asks the streams to do.
type change struct {
	activity []string // types that became known, active or inactive
	nudged   []string // in the order in which to do it
}

// publish makes a decision the one from which everything is answered.
func (c *cluster) publish(now time.Time, fresh time.Duration, d *scaler.Decision, hpaHas func(string, uint64) bool, tell func(Stage, time.Duration)) change {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.current.Load()
	if why := (&published{decision: d}).unknown(now, fresh); why != "" {
		c.current.Store(before.forget(d))
		return change{}
	}
	after := before.next(now, d)
	has := func(nodeType string) bool { return hpaHas(nodeType, before.answer(nodeType).nudges) }
	c.effects.see(now, d.Targets, has, tell)
	nudged := c.nudger.observe(now, d.Targets, has)
	c.effects.begin(now, nudged, d.Targets)
	for _, nodeType := range nudged {
		a := after.answers[nodeType]
		a.nudges++
		after.answers[nodeType] = a
	}
	c.current.Store(after)
	return change{activityChanges(before, after, before.unknown(now, fresh) != ""), nudged}
}

// forget keeps the answers of p under a decision that is unknown.
func (p *published) forget(d *scaler.Decision) *published {
	if p == nil {
		return &published{decision: d}
	}
	return &published{d, p.answers}
}

// activityChanges are the types whose IsActive differs from before, in the
// order of the targets; all of them if nothing was known before.
func activityChanges(before, after *published, all bool) []string {
	var types []string
	for _, t := range after.decision.Targets {
		a := before.answer(t.Type)
		if all || !a.listed || (a.workers > 0) != (t.Workers > 0) {
			types = append(types, t.Type)
		}
	}
	return types
}
