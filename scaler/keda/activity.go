package keda

import "time"

const (
	// heartbeat repeats the state: KEDA drops an activation that comes before
	// the HPA exists (keda #8168), and more often than this it only costs
	// status patches.
	heartbeat = 15 * time.Second
	// quiet keeps a second `true` from an activation: KEDA writes replicas 1
	// on what its cache says, so within its lag a repeat could undo 1→N
	// (keda pkg/scaling/executor/scale_scaledobjects.go, scaleFromZeroOrIdle).
	quiet = 5 * time.Second
)

const (
	// ledLimit is for how long KEDA is not told of a rise from zero that somebody
	// else writes. After that it is to write it.
	ledLimit = time.Second
	// cacheLag is within what time KEDA's cache shows a written Deployment.
	cacheLag = time.Second
)

// heldUntil is when KEDA may be told that a type is active. A rise from zero that
// somebody else writes must be in KEDA's cache by then: one that finds zero there
// writes 1 over it (scaleFromZeroOrIdle reads the replicas from its cache and
// writes without). Zero: now.
func (a answer) heldUntil(led bool) time.Time {
	switch {
	case !led || a.workers == 0 || a.activated.IsZero():
		return time.Time{}
	case a.replicas == 0 || a.raised.Before(a.activated):
		return a.activated.Add(ledLimit)
	}
	return a.raised.Add(cacheLag)
}

// activity is what one StreamIsActive has sent.
type activity struct {
	sent   bool // anything at all
	active bool // last
	at     time.Time
}

// due is when to send this answer: at once on opening and on an edge,
// otherwise 15 s after the last message. A `true` that is no edge keeps quiet
// after an activation; on opening only if the activation was seen to work.
func (a *activity) due(now time.Time, v answer) time.Time {
	active, due := v.workers > 0, now
	switch {
	case a.sent && (a.active != active || active && v.activated.After(a.at)): // the latter: an edge down and up at once
		return now
	case a.sent:
		due = a.at.Add(heartbeat)
	case v.replicas == 0:
		return now
	}
	if until := v.activated.Add(quiet); active && due.Before(until) {
		return until
	}
	return due
}
