package sim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/scaler"
	"github.com/rayburst/rayburst/scaler/record"
)

// name is the simulated cluster's.
var name = demand.Cluster{Namespace: "default", Name: "sim"}

// brain is the scaler: the real core.
type brain struct {
	*sim
	core    *scaler.Core
	last    *scaler.Decision
	unknown bool
	waking  bool
	tapes   tapes
	life    int
	alarm   uint64
}

func (b *brain) restart() {
	b.life++
	b.core = scaler.NewCore(name, b.windows)
	b.beginTape(nil)
	b.last, b.unknown = nil, true
	b.logf("the scaler starts")
	b.wake()
}

// receive takes a report in.
func (b *brain) receive(r *demand.Report) {
	if err := r.Check(); err != nil {
		b.failf("an agent has made a bad report: %v", err)
		return
	}
	r = b.tapeReport(r)
	if b.core.Report(r, b.time()) {
		b.wake()
	}
}

// wake decides a moment later, once for all that happens until then.
func (b *brain) wake() {
	if b.waking {
		return
	}
	b.waking = true
	b.after(b.between(0, 3*time.Millisecond), func() {
		b.waking = false
		b.decide()
	})
}

func (b *brain) decide() {
	w := b.world()
	d := b.core.Decide(w)
	b.tape(record.Event{At: w.Now, Step: &record.Step{World: w, Decision: d}})
	b.unknown = d.Unknown != ""
	b.check(w, d)
	b.checkRest(w, d)
	b.write(d)
	b.apply(d)
	b.last = d
	for _, drain := range d.Drain {
		b.drain(drain)
	}
	b.alarm++
	alarm := b.alarm
	b.after(max(d.Wake.Sub(w.Now), time.Millisecond), func() {
		if b.alarm == alarm {
			b.decide()
		}
	})
}

func (b *brain) world() scaler.World {
	w := scaler.World{Now: b.time(), Workers: b.workers(), Settings: scaler.Settings{
		UpscalingSpeed: b.Speed, MaxWorkers: b.ClusterMax, IdleTimeout: &b.Idle, RemovalSettle: b.Settle, ProvisionTimeout: b.BackOffTimeout,
	}}
	for i := range b.Kinds {
		k := &b.Kinds[i]
		w.Types = append(w.Types, scaler.TypeState{Replicas: b.replicas[k.Name], NodeType: nodetypes.NodeType{
			Name: k.Name, Resources: k.Total.resources(), MinWorkers: k.Min, MaxWorkers: k.Max, Priority: k.Priority,
		}})
	}
	return w
}

// drain asks Ray, and tells the loop the answer unless it is lost.
func (b *brain) drain(d scaler.Drain) {
	life, lost := b.life, b.chance(b.AnswerLost)
	b.after(b.between(time.Millisecond, 60*time.Millisecond), func() {
		accepted := b.ask(d)
		wait := b.between(time.Millisecond, 60*time.Millisecond)
		if lost {
			wait = 6 * time.Second
		}
		b.after(wait, func() {
			if b.life == life {
				b.tape(record.Event{At: b.time(), Answer: &record.Answer{Worker: d.Worker, Accepted: accepted && !lost}})
				b.core.DrainAnswered(d.Worker, accepted && !lost, "", b.time())
				b.wake()
			}
		})
	})
}

func (b *brain) ask(d scaler.Drain) bool {
	accepted := !b.ray.dead && b.ray.drain(d.NodeID)
	b.logf("drain of %s (node %s): accepted=%v", d.Worker, short(d.NodeID), accepted)
	if i := slices.IndexFunc(b.pods, func(p *pod) bool { return p.name == d.Worker }); accepted && i >= 0 {
		if p := b.pods[i]; p.raylet != nil && p.raylet.id == d.NodeID {
			b.after(b.between(0, 50*time.Millisecond), p.refuse)
		}
	}
	return accepted
}

// write puts a decision into the trace if it is another than the last.
func (b *brain) write(d *scaler.Decision) {
	if b.last != nil && b.last.Seq == d.Seq && len(d.Lost) == 0 {
		return
	}
	if b.record {
		data, err := json.Marshal(d)
		b.logf("%s %v", data, err)
	}
	b.logf("%s", summary(d))
}

func summary(d *scaler.Decision) string {
	var s strings.Builder
	fmt.Fprintf(&s, "decision %d:", d.Seq)
	if d.Unknown != "" {
		fmt.Fprintf(&s, " unknown (%s)", d.Unknown)
	}
	for _, t := range d.Targets {
		fmt.Fprintf(&s, " %s=%d %s (%s)", t.Type, t.Workers, t.Reason, t.Detail)
	}
	for _, d := range d.Drain {
		fmt.Fprintf(&s, " drain %s", d.Worker)
	}
	for _, list := range []struct {
		what  string
		names []string
	}{{"withdraw", d.Withdraw}, {"victims", d.Victims}, {"recycle", d.Recycle}, {"lost", d.Lost}} {
		if len(list.names) > 0 {
			fmt.Fprintf(&s, " %s %v", list.what, list.names)
		}
	}
	for _, w := range d.Waiting {
		fmt.Fprintf(&s, "; %d×%s %s", w.Count, w.What, w.Why)
	}
	return s.String()
}
