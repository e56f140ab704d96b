package deploy

import (
	"fmt"
	"time"

	"github.com/rayburst/rayburst/scaler"
)

// Activity is what is known of the work in a cluster at one instant. A cluster
// is idle if both are empty.
type Activity struct {
	Unknown string // why nothing is known
	Busy    string // what keeps the cluster
}

// decisionAge is how old a decision may be by clocks of two machines.
const decisionAge = time.Minute

// ActivityOf is what a scaler's decision says of its cluster's work: workers,
// demand that waits, and what runs on the head. nil is a cluster that the
// scaler does not know.
func ActivityOf(d *scaler.Decision, now time.Time) Activity {
	switch {
	case d == nil:
		return Activity{Unknown: "the scaler does not know the cluster"}
	case d.Unknown != "":
		return Activity{Unknown: d.Unknown}
	case now.Sub(d.At) > decisionAge:
		return Activity{Unknown: fmt.Sprintf("the scaler's decision is %v old", now.Sub(d.At).Round(time.Second))}
	}
	for _, t := range d.Targets {
		if n := max(t.Workers, t.Replicas, t.Running+t.Joining+t.Draining); n > 0 {
			return Activity{Busy: fmt.Sprintf("%s has workers: %d", t.Type, n)}
		}
	}
	for _, w := range d.Waiting {
		return Activity{Busy: "demand waits: " + w.What}
	}
	return nodesActivity(d.Nodes.Get())
}

// nodesActivity looks at what is alive without workers: the head, or nodes that
// no node type has started.
func nodesActivity(nodes []scaler.NodeView) Activity {
	head := false
	for _, n := range nodes {
		head = head || n.Head
		if n.State != scaler.StateIdle {
			return Activity{Busy: fmt.Sprintf("node %s is %s", n.Name, n.State)}
		}
	}
	if !head {
		return Activity{Unknown: "the scaler does not see the head"}
	}
	return Activity{}
}

// Verdict is what is to be done about a cluster that may be idle. The set is
// closed.
type Verdict string

// The verdicts.
const (
	VerdictUnknown   Verdict = "Unknown"   // nothing is known: as if it were busy
	VerdictBusy      Verdict = "Busy"      // it has work
	VerdictIdle      Verdict = "Idle"      // it has none, not for long enough
	VerdictTerminate Verdict = "Terminate" // it has had none for the whole time
)

// Idle is the next step of watching a cluster: since is when it was first seen
// idle, or zero. It returns since when it is idle now; what is not known is
// never idle, and ends idleness.
func Idle(since, now time.Time, a Activity, limit time.Duration) (time.Time, Verdict) {
	switch {
	case a.Unknown != "":
		return time.Time{}, VerdictUnknown
	case a.Busy != "":
		return time.Time{}, VerdictBusy
	case since.IsZero():
		since = now
	}
	if now.Sub(since) >= limit {
		return since, VerdictTerminate
	}
	return since, VerdictIdle
}
