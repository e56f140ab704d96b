// Package loop runs the decisions of Ray clusters: it is where the pure core
// meets goroutines and timers. A report or a tick wakes a cluster; every
// cluster has a goroutine of its own, so that a busy one starves no other.
package loop

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/scaler"
	"github.com/rayburst/rayburst/scaler/record"
)

// Workers are one cluster's node types and replicas.
type Workers interface {
	// World returns them as they are now, as values that nobody changes later;
	// the runner fills in the rest.
	World() scaler.World
	// Changed gets a value when World would return something else.
	Changed() <-chan struct{}
}

// Agents are asked over NATS.
type Agents interface {
	Send(ctx context.Context, c demand.Cluster, node string, m demand.Control) (demand.ControlReply, error)
}

// Config is what a runner works with; every field is required.
type Config struct {
	Cluster demand.Cluster
	Workers Workers
	Agents  Agents
	Head    string // the control token of the head's agent
	Publish func(*scaler.Decision)
	Now     func() time.Time // must not go back
	Log     *slog.Logger
	Windows demand.Windows
}

// Runner decides for one cluster.
type Runner struct {
	Config
	reports chan []*demand.Report
	answers chan answer
	core    *scaler.Core
	tapes   tapes
	last    *scaler.Decision
	told    time.Time // when Ray was told a decision
	toldSeq uint64    // which one
	telling bool
	wg      sync.WaitGroup
}

type answer struct {
	worker  string
	reply   demand.ControlReply
	err     error
	telling bool
}

// askTimeout bounds a question to an agent: a hung raylet answers never.
const askTimeout = 6 * time.Second

// tellInterval is how often Ray is told an unchanged decision: a new head
// knows nothing of it.
const tellInterval = 5 * time.Second

// minTell keeps a flapping decision from flooding the GCS.
const minTell = 500 * time.Millisecond

// New is a cluster that has not been decided yet.
func New(c Config) *Runner {
	return &Runner{
		Config: c, reports: make(chan []*demand.Report, 1), answers: make(chan answer, 64),
		core: scaler.NewCore(c.Cluster, c.Windows), tapes: tapes{wake: make(chan struct{}, 1)},
	}
}

// now is the moment as the core is told it. A clock's monotonic reading cannot
// be recorded, so decisions must not be made from it.
func (r *Runner) now() time.Time { return r.Now().Round(0).UTC() }

// Offer hands reports in. It never blocks: reports that have not been read yet
// are kept, and the newest of a node wins.
func (r *Runner) Offer(reports []*demand.Report) {
	for {
		select {
		case r.reports <- reports:
			return
		case waiting := <-r.reports:
			reports = newest(append(waiting, reports...))
		}
	}
}

// newest keeps one report a node, so that a slow cluster holds no queue.
func newest(in []*demand.Report) []*demand.Report {
	at := make(map[string]int, len(in))
	out := in[:0]
	for _, r := range in {
		if i, ok := at[r.NodeID]; ok {
			if r.Newer(out[i]) {
				out[i] = r
			}
			continue
		}
		at[r.NodeID] = len(out)
		out = append(out, r)
	}
	return out
}

// Run decides until the context ends; it returns nil then.
func (r *Runner) Run(ctx context.Context) error {
	defer r.wg.Wait()
	defer r.tapes.end()
	wake := time.NewTimer(0)
	defer wake.Stop()
	r.tapes.begin(nil)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.tapes.wake:
			r.tapes.begin(r.core)
			continue
		case reports := <-r.reports:
			if !r.apply(reports) {
				continue
			}
		case a := <-r.answers:
			if !r.answered(a) {
				continue
			}
		case <-r.Workers.Changed():
		case <-wake.C:
		}
		d := r.decide()
		r.act(ctx, d)
		wake.Reset(max(r.next(d).Sub(r.now()), time.Millisecond))
	}
}

func (r *Runner) apply(reports []*demand.Report) bool {
	news := false
	for _, rep := range reports {
		now := r.now()
		if r.tapes.on() {
			r.tapes.tell(record.Event{At: now, Report: rep})
		}
		news = r.core.Report(rep, now) || news
	}
	return news
}

// decide reads the workers before the demand: a worker that has joined between
// the two is then counted as joining, which errs on the side of too few.
func (r *Runner) decide() *scaler.Decision {
	w := r.Workers.World()
	w.Now = r.now()
	d := r.core.Decide(w)
	if r.tapes.on() {
		r.tapes.tell(record.Event{At: w.Now, Step: &record.Step{World: w, Decision: d}})
	}
	r.log(d)
	r.last = d
	r.Publish(d)
	return d
}

// answered takes in an agent's answer and tells whether a decision may change by it.
func (r *Runner) answered(a answer) bool {
	if a.telling {
		r.telling = false
		if a.err != nil || !a.reply.Accepted {
			r.Log.Debug("ray not told", "error", a.err, "message", a.reply.Message)
		}
		return false
	}
	if a.err != nil {
		a.reply.Message = a.err.Error()
	}
	now := r.now()
	if r.tapes.on() {
		r.tapes.tell(record.Event{At: now, Answer: &record.Answer{Worker: a.worker, Accepted: a.reply.Accepted, Message: a.reply.Message}})
	}
	r.core.DrainAnswered(a.worker, a.reply.Accepted, a.reply.Message, now)
	r.Log.Info("drain answered", "cluster", r.Cluster, "worker", a.worker, "accepted", a.reply.Accepted, "message", a.reply.Message)
	return true
}

// act asks for drains and tells Ray the decision.
func (r *Runner) act(ctx context.Context, d *scaler.Decision) {
	for _, drain := range d.Drain {
		r.wg.Go(func() { r.drain(ctx, drain) })
	}
	if d.Unknown != "" || r.telling || !r.due(d) {
		return
	}
	r.telling, r.told = true, r.now()
	r.toldSeq = d.Seq
	m := demand.Control{Kind: demand.ControlState, State: d.Autoscaler.Get()}
	r.wg.Go(func() {
		reply, err := r.ask(ctx, r.Head, m)
		r.answer(ctx, answer{reply: reply, err: err, telling: true})
	})
}

// next is when to decide again although nothing happens.
func (r *Runner) next(d *scaler.Decision) time.Time {
	if tell := r.told.Add(tellInterval); d.Unknown == "" && !r.telling && tell.Before(d.Wake) {
		return tell
	}
	return d.Wake
}

func (r *Runner) due(d *scaler.Decision) bool {
	age := r.now().Sub(r.told)
	return age >= tellInterval || d.Seq != r.toldSeq && age >= minTell
}

// drain asks the node's own agent, or the head's where the node has none.
func (r *Runner) drain(ctx context.Context, d scaler.Drain) {
	m := demand.Control{Kind: demand.ControlDrain, NodeID: d.NodeID, Reason: reason(d)}
	reply, err := r.ask(ctx, d.NodeID, m)
	if err != nil {
		reply, err = r.ask(ctx, r.Head, m)
	}
	r.answer(ctx, answer{worker: d.Worker, reply: reply, err: err})
}

func reason(d scaler.Drain) string {
	return "Termination of node that's idle for " + d.Idle.Round(time.Second).String() + "."
}

func (r *Runner) ask(ctx context.Context, node string, m demand.Control) (demand.ControlReply, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return r.Agents.Send(ctx, r.Cluster, node, m)
}

func (r *Runner) answer(ctx context.Context, a answer) {
	select {
	case r.answers <- a:
	case <-ctx.Done():
	}
}

// log writes one line per changed decision.
func (r *Runner) log(d *scaler.Decision) {
	if r.last != nil && r.last.Seq == d.Seq {
		return
	}
	if d.Unknown != "" {
		r.Log.Warn("state unknown", "cluster", r.Cluster, "reason", d.Unknown)
		return
	}
	for _, t := range d.Targets {
		if old, ok := previous(r.last, t.Type); !ok || old.Workers != t.Workers || old.Reason != t.Reason {
			r.Log.Info("target", "cluster", r.Cluster, "type", t.Type, "workers", t.Workers, "reason", t.Reason, "detail", t.Detail)
		}
	}
}

func previous(d *scaler.Decision, nodeType string) (scaler.Target, bool) {
	if d == nil {
		return scaler.Target{}, false
	}
	return d.Target(nodeType)
}
