package sim

import (
	"cmp"
	"slices"
	"time"

	"github.com/rayburst/rayburst/scaler"
)

// apply carries a decision out.
func (s *sim) apply(d *scaler.Decision) {
	if d.Unknown != "" {
		return // KEDA gets an error and holds
	}
	if s.Hop == Local {
		s.applyNow(d)
		return
	}
	s.mark(d)
	s.withhold(d.Withdraw)
	for _, name := range d.Recycle {
		s.later(300*time.Millisecond, name, func(p *pod) { p.kill("recycled") })
	}
	for _, t := range d.Targets {
		if s.Hop == Nudged && t.Workers != s.published[t.Type] {
			s.after(s.between(20*time.Millisecond, 300*time.Millisecond), func() { s.sync(t.Type) })
		}
		s.published[t.Type] = t.Workers
	}
}

// later does something to a pod, if it is still there, a moment later.
func (s *sim) later(at time.Duration, name string, do func(*pod)) {
	s.after(s.between(5*time.Millisecond, at), func() {
		if i := slices.IndexFunc(s.pods, func(p *pod) bool { return p.name == name }); i >= 0 {
			do(s.pods[i])
		}
	})
}

// mark gives victims their deletion cost, and takes it from others.
func (s *sim) mark(d *scaler.Decision) {
	for _, p := range s.pods {
		want := slices.Contains(d.Victims, p.name)
		if s.wanted[p.name] == want {
			continue
		}
		s.wanted[p.name] = want
		s.later(300*time.Millisecond, p.name, func(p *pod) {
			p.marked = s.wanted[p.name]
			p.seen()
			p.after(p.between(0, 600*time.Millisecond), func() { p.cost = p.marked })
		})
	}
}

// withhold tells the agents of withdrawn workers not to start Ray.
func (s *sim) withhold(names []string) {
	for _, name := range names {
		if s.told[name] {
			continue
		}
		s.told[name] = true
		s.later(200*time.Millisecond, name, func(p *pod) { p.withheld = !p.started })
	}
}

// sync is the HPA's: the published target becomes the Deployment's replicas.
func (s *sim) sync(kind string) {
	target, ok := s.published[kind]
	if !ok || s.brain.unknown {
		return
	}
	if s.replicas[kind] != target {
		s.logf("the HPA sets %s to %d (from %d)", kind, target, s.replicas[kind])
		s.replicas[kind] = target
		s.brain.wake()
	}
	s.reconcile(kind)
}

// reconcile is the ReplicaSet's: as many pods as replicas.
func (s *sim) reconcile(kind string) {
	pods := s.of(kind)
	for range s.replicas[kind] - len(pods) {
		s.addPod(s.kind(kind))
	}
	slices.SortStableFunc(pods, func(a, b *pod) int { return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(b.number, a.number)) })
	for _, p := range pods[:max(0, len(pods)-s.replicas[kind])] {
		p.kill("scaled down")
	}
}

// rank is the order in which Kubernetes deletes: pods without a machine, then
// those not ready, then by deletion cost.
func (p *pod) rank() int {
	switch {
	case !p.assigned:
		return 0
	case !p.ready && p.cost:
		return 1
	case !p.ready:
		return 2
	case p.cost:
		return 3
	}
	return 4
}

// applyNow is the embedded fleet's: only drained and withdrawn workers are ever
// removed.
func (s *sim) applyNow(d *scaler.Decision) {
	for _, p := range s.pods {
		if !p.marked && slices.Contains(d.Victims, p.name) {
			p.marked = true
			p.seen()
		}
	}
	for _, p := range slices.Clone(s.pods) {
		if slices.Contains(d.Recycle, p.name) {
			p.kill("recycled")
		}
	}
	for _, t := range d.Targets {
		s.scale(t, d.Withdraw)
	}
}

func (s *sim) scale(t scaler.Target, withdrawn []string) {
	s.replicas[t.Type] = t.Workers
	pods := s.of(t.Type)
	slices.SortStableFunc(pods, func(a, b *pod) int { return a.local() - b.local() })
	for _, p := range pods[min(t.Workers, len(pods)):] {
		if p.drained && p.marked || !p.started && slices.Contains(withdrawn, p.name) {
			p.kill("scaled down")
		}
	}
	for range t.Workers - len(pods) {
		s.addPod(s.kind(t.Type))
	}
}

func (p *pod) local() int {
	switch {
	case p.drained:
		return 2
	case !p.started:
		return 1
	}
	return 0
}

func (s *sim) kind(name string) *Kind {
	return &s.Kinds[slices.IndexFunc(s.Kinds, func(k Kind) bool { return k.Name == name })]
}
