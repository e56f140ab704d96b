package scaler

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

// Loop is the memory between the decisions of one cluster. Step is called on
// every report and every tick; DrainAnswered when Ray has answered a drain.
// It is not safe for concurrent use.
//
// Nothing in it must survive a restart: removals under way are seen in the
// workers themselves (Drained), and the rest costs one window.
type Loop struct {
	cluster   demand.Cluster
	asked     map[string]int       // by type: the last published target
	removals  map[string]*removal  // by worker
	rejected  map[string]time.Time // by worker: not to be asked before
	empty     map[string]time.Time // by joining worker: since when the plan leaves it empty
	joining   map[string]time.Time // by worker: since when it has been joining
	withdrawn map[string]*givenUp  // by worker: did not join, or need not
	backOffs  map[string]*backOff  // by type
	last      *Decision

	roster   roster
	matches  matching
	phantoms phantoms
	nodes    []nodetypes.Node // room for what the plan is told of
	planner  nodetypes.Planner
}

// NewLoop is a cluster that has never been decided.
func NewLoop(c demand.Cluster) *Loop {
	return &Loop{
		cluster: c, asked: map[string]int{}, removals: map[string]*removal{}, rejected: map[string]time.Time{},
		empty: map[string]time.Time{}, joining: map[string]time.Time{}, withdrawn: map[string]*givenUp{},
		backOffs: map[string]*backOff{}, phantoms: phantoms{},
	}
}

// How long a cluster is left alone when nothing is reported.
const (
	tick = time.Second
	rest = 5 * time.Second // where nothing is under way
)

// Step makes the decision of one instant:
//
//	known? → workers → plan → bound → targets → withdraw → idle → reasons
//
// The same calls in the same order give the same decisions.
func (l *Loop) Step(w World) *Decision {
	w = withDefaults(w)
	l.yield(w.Types)
	if w.Snapshot == nil {
		return l.publish(l.unknown(w), w)
	}
	r := newRound(l, w) // workers: what each type has
	r.schedule()        // plan: what the demand needs
	r.recycle()         // demand is back: drained workers are replaced
	r.bound()           // how much of it now
	r.withdraw()        // joining workers that nobody needs
	r.remove()          // idle workers, by agreement
	return l.publish(r.decision(), w)
}

// yield takes what the Deployments of paused types ask for as what is asked for.
func (l *Loop) yield(types []TypeState) {
	for _, t := range types {
		if t.Paused {
			l.asked[t.Name] = t.Replicas
		}
	}
}

func withDefaults(w World) World {
	s := &w.Settings
	s.ProvisionTimeout = cmp.Or(s.ProvisionTimeout, DefaultProvisionTimeout)
	s.WithdrawAfter = cmp.Or(s.WithdrawAfter, DefaultWithdrawAfter)
	return w
}

// unknown holds what was: the targets of the last decision, or what the
// Deployments ask for.
func (l *Loop) unknown(w World) *Decision {
	d := &Decision{Unknown: "no snapshot"}
	if w.Unknown != nil {
		d.Unknown = w.Unknown.Error()
	}
	for _, t := range w.Types {
		held, ok := l.asked[t.Name]
		if !ok {
			held = t.Replicas
		}
		d.Targets = append(d.Targets, Target{
			Type: t.Name, Workers: held, Replicas: t.Replicas, Reason: ReasonUnknown,
			Min: t.MinWorkers, Max: t.MaxWorkers, Detail: "held: " + d.Unknown,
		})
	}
	return d
}

// publish gives a decision its place in the sequence.
func (l *Loop) publish(d *Decision, w World) *Decision {
	d.Cluster, d.At = l.cluster, w.Now
	slices.SortFunc(d.Targets, func(a, b Target) int { return cmp.Compare(a.Type, b.Type) })
	if d.Unknown == "" {
		for _, t := range d.Targets {
			l.asked[t.Type] = t.Workers
		}
		l.yield(w.Types)
	}
	d.Wake = w.Now.Add(tick)
	if l.resting(d, w.Snapshot) {
		d.Wake = w.Now.Add(rest)
	}
	if w.Snapshot != nil && !w.Snapshot.Next.IsZero() && w.Snapshot.Next.Before(d.Wake) {
		d.Wake = w.Snapshot.Next
	}
	d.Seq = 1
	if l.last != nil {
		d.Seq = l.last.Seq
		if !d.Same(l.last) {
			d.Seq++
		}
	}
	l.last = d
	return d
}

// resting tells whether no time that passes can change a decision by itself:
// nobody joins, leaves, idles or is backed off from.
func (l *Loop) resting(d *Decision, s *demand.Snapshot) bool {
	waits := len(l.removals) + len(l.rejected) + len(l.empty) + len(l.joining) + len(l.withdrawn) + len(l.backOffs)
	return waits == 0 && s != nil && !s.Idles && !slices.ContainsFunc(d.Targets, func(t Target) bool { return t.Workers != t.Replicas })
}

// Same tells whether two decisions say the same, whenever they were made.
func (d *Decision) Same(o *Decision) bool {
	return d.Unknown == o.Unknown && d.Session == o.Session && slices.Equal(d.Targets, o.Targets) &&
		slices.Equal(d.Victims, o.Victims) && slices.Equal(d.Withdraw, o.Withdraw) && slices.Equal(d.Recycle, o.Recycle) &&
		slices.EqualFunc(d.Drain, o.Drain, func(a, b Drain) bool { return a.Worker == b.Worker }) &&
		slices.Equal(d.Waiting, o.Waiting)
}

// DrainAnswered tells the loop what came of a drain that a decision asked for.
// An error means that nothing is known: the worker is asked again later.
func (l *Loop) DrainAnswered(worker string, accepted bool, message string, now time.Time) {
	r := l.removals[worker]
	switch {
	case r == nil:
	case accepted:
		r.accepted = true
	default:
		delete(l.removals, worker)
		l.rejected[worker] = now.Add(rejectionPause)
	}
}

// removal is one worker on its way out.
type removal struct {
	nodeType string
	node     string // that was asked; empty: another scaler asked it
	asked    time.Time
	accepted bool
	settled  time.Time // since when it has been drained and marked; zero: it is not
	lowered  bool      // the target has fallen by it
	recycled bool      // it is deleted for a fresh one instead
	kept     time.Time // since when nobody is going to remove it; zero: somebody is
}

// givenUp is a worker that is not to join any more.
type givenUp struct {
	failed  bool      // it took too long
	marked  time.Time // since when it has been seen to be the first to go; zero: it is not
	lowered bool      // the target has fallen by it
	kept    time.Time // since when nobody is going to remove it; zero: somebody is
}

// backOff keeps a type whose workers did not join from being launched.
type backOff struct {
	until   time.Time
	pause   time.Duration
	started time.Time
	count   int
	reason  string
}

const (
	firstBackOff = 5 * time.Minute
	maxBackOff   = 30 * time.Minute
)

// fail starts or doubles a type's back-off.
func (l *Loop) fail(nodeType, reason string, n int, started, now time.Time) {
	b := l.backOffs[nodeType]
	if b == nil {
		b = &backOff{pause: firstBackOff / 2}
		l.backOffs[nodeType] = b
	}
	if now.Before(b.until) {
		return
	}
	b.pause = min(2*b.pause, maxBackOff)
	b.until, b.reason, b.count, b.started = now.Add(b.pause), reason, n, started
}

func (b *backOff) String() string {
	return fmt.Sprintf("%d workers did not join (%s), next try %s", b.count, b.reason, b.until.UTC().Format(time.TimeOnly))
}
