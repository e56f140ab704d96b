package sim

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rayburst/rayburst/scaler"
)

// pod is one worker: a name that outlives its raylets.
type pod struct {
	*sim
	kind      *Kind
	name      string
	number    int
	doomed    bool // never starts
	assigned  bool // to a machine
	started   bool // Ray is running, or starting
	startedAt time.Duration
	ready     bool // as Kubernetes sees it
	drained   bool
	withheld  bool // its agent has been told not to start Ray
	marked    bool
	cost      bool // Kubernetes' own controller has seen the mark
	going     bool // terminating
	failures  int
	lives     int
	raylet    *raylet
}

// addPod makes a replica.
func (s *sim) addPod(k *Kind) {
	s.number[k.Name]++
	p := &pod{sim: s, kind: k, name: fmt.Sprintf("%s-%d", k.Name, s.number[k.Name]), number: s.number[k.Name], doomed: s.chance(s.Doomed)}
	s.pods = append(s.pods, p)
	s.logf("%s is asked for", p.name)
	p.seen()
	if !p.doomed {
		s.after(s.between(0, 2*time.Second), func() { p.assigned = true; p.start() })
	}
}

// start starts Ray in the pod.
func (p *pod) start() {
	if p.going || p.withheld || p.drained || p.started {
		return
	}
	p.started, p.startedAt = true, p.now
	p.lives++
	life := p.lives
	p.seen()
	fails := p.chance(p.StartFails)
	p.after(p.between(p.least(), p.least()+8*time.Second), func() { p.up(life, fails) })
}

// least is how long Ray takes to start at least: longer than Kubernetes takes to
// tell that it has been started.
func (s *sim) least() time.Duration {
	if s.Hop == Local {
		return 500 * time.Millisecond
	}
	return s.WatchLag + 500*time.Millisecond
}

func (p *pod) up(life int, fails bool) {
	switch {
	case p.going || p.lives != life || !p.started:
	case fails:
		p.failures++
		p.crash()
	case p.ray.dead || p.ray.head == nil:
		p.after(time.Second, func() { p.up(life, fails) }) // the head is absent: ray start tries again
	default:
		p.failures = 0
		p.raylet = p.ray.join(p, p.kind.Total)
		p.after(p.between(0, 2*time.Second), func() { p.ready = p.raylet != nil })
		p.seen()
		p.logf("%s joins as node %s", p.name, short(p.raylet.id))
	}
}

func short(id string) string { return id[len(id)-4:] }

// crash ends Ray in the pod; its container is started again after a while.
func (p *pod) crash() {
	p.started, p.ready = false, false
	if p.raylet != nil {
		p.raylet.die(p.between(10*time.Millisecond, 14*time.Second))
		p.raylet = nil
	}
	p.logf("%s: Ray ends", p.name)
	p.seen()
	p.after(p.between(500*time.Millisecond, 4*time.Second), p.start)
}

// refuse is the agent's answer to an accepted drain.
func (p *pod) refuse() {
	p.drained, p.ready, p.raylet = true, false, nil
	p.seen()
}

// kill deletes the pod. Whoever deletes one that works has broken the promise.
func (p *pod) kill(why string) {
	if p.going {
		return
	}
	p.logf("%s is deleted (%s)", p.name, why)
	if p.raylet != nil && !p.raylet.dead && !p.raylet.cluster.dead {
		p.failf("%s is deleted (%s) although its node is alive, not drained, and runs %d", p.name, why, len(p.raylet.running))
	} else if p.started && !p.drained && p.failures == 0 && p.now-p.startedAt > p.WatchLag+2*time.Second && p.now-p.startedAt < p.timeout() && !p.everRan() {
		p.failf("%s is deleted (%s) although Ray has been started in it", p.name, why)
	}
	p.going, p.started = true, false
	if p.raylet != nil {
		p.raylet.die(0)
	}
	p.pods = slices.DeleteFunc(p.pods, func(o *pod) bool { return o == p })
	p.seen()
}

func (p *pod) everRan() bool { return p.lives > 1 }

// seen lets the scaler's watch see the pod as it is, a moment later and in the
// order of the changes, as Kubernetes does.
func (p *pod) seen() {
	if p.Hop == Local {
		p.see()
		return
	}
	p.watched = max(p.watched, p.now+p.between(5*time.Millisecond, p.WatchLag))
	p.after(p.watched-p.now, p.see)
}

func (p *pod) see() {
	delete(p.watch, p.name)
	if !p.going {
		p.watch[p.name] = p.worker()
	}
	p.brain.wake()
}

func (p *pod) worker() scaler.Worker {
	w := scaler.Worker{
		Name: p.name, Type: p.kind.Name, Started: p.started, Drained: p.drained, Marked: p.marked, Failures: p.failures,
	}
	if p.lives > 0 {
		w.StartedAt = epoch.Add(p.startedAt).Truncate(p.precision())
	}
	if p.doomed {
		w.Trouble, w.Hopeless = "no machine has room", true
	}
	return w
}

// precision is that of a start time: Kubernetes has whole seconds.
func (s *sim) precision() time.Duration {
	if s.Hop == Local {
		return time.Millisecond
	}
	return time.Second
}

// workers is the watch's view, sorted.
func (s *sim) workers() []scaler.Worker {
	out := slices.Collect(maps.Values(s.watch))
	slices.SortFunc(out, func(a, b scaler.Worker) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// of are the pods of a type.
func (s *sim) of(kind string) []*pod {
	return slices.DeleteFunc(slices.Clone(s.pods), func(p *pod) bool { return p.kind.Name != kind })
}
