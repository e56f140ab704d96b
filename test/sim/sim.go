package sim

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/scaler"
)

// sim is one run.
type sim struct {
	*clock
	Scenario
	windows   demand.Windows
	record    bool // write decisions whole
	ray       *cluster
	brain     *brain
	tasks     []*task
	pods      []*pod
	watch     map[string]scaler.Worker
	watched   time.Duration  // until when the watch's events are on their way
	replicas  map[string]int // what the Deployments ask for
	published map[string]int
	said      *demand.Report  // the head's last report
	wanted    map[string]bool // marks
	told      map[string]bool // withdrawals
	number    map[string]int
	nodes     int
	sessions  int
	holding   int // worker processes that no task runs on any more
	peak      int // of tasks and actors that want or have resources
	bursts    int // still to come
	turns     map[string]int
	rising    map[string]bool
	removed   map[string]bool // workers by which a target has fallen
	failure   string
	excess    int
	middle    int // decisions after which a life is recorded a second time; 0: none is recorded
	files     []*bytes.Buffer
}

// Result is what came of a run.
type Result struct {
	Failure string // empty: every invariant held
	Trace   string
	Steps   uint64
	Took    time.Duration // in virtual time
	Workers int           // made in all
	Excess  int           // how many workers too many broke the run
	Files   [][]byte      // the recordings
}

// Option changes a run.
type Option func(*sim)

// Windows are others than the default ones.
func Windows(w demand.Windows) Option { return func(s *sim) { s.windows = w } }

// Whole writes every decision whole into the trace.
func Whole(s *sim) { s.record = true }

// Quiet writes no trace.
func Quiet(s *sim) { s.quiet = true }

// Run runs a scenario to its end, or to the first broken invariant.
func Run(sc Scenario, options ...Option) Result {
	s := &sim{
		clock: newClock(sc.Seed), Scenario: sc, windows: demand.DefaultWindows(), watch: map[string]scaler.Worker{},
		replicas: map[string]int{}, published: map[string]int{}, wanted: map[string]bool{}, told: map[string]bool{},
		number: map[string]int{}, turns: map[string]int{}, rising: map[string]bool{}, removed: map[string]bool{},
	}
	for _, o := range options {
		o(s)
	}
	s.begin()
	for s.failure == "" && !s.over() && s.step(s.Limit) {
	}
	if s.failure == "" && !s.over() {
		s.failf("not over after %v: %s", s.Limit, s.rest())
	}
	made := 0
	for _, n := range s.number {
		made += n
	}
	r := Result{Failure: s.failure, Trace: s.trace.String(), Steps: s.count, Took: s.now, Workers: made, Excess: s.excess}
	for _, f := range s.files {
		r.Files = append(r.Files, f.Bytes())
	}
	return r
}

func (s *sim) begin() {
	s.brain = &brain{sim: s}
	s.newCluster()
	s.brain.restart()
	s.bursts = len(s.Bursts)
	for _, b := range s.Bursts {
		s.after(b.At, func() { s.submit(b) })
	}
	for _, f := range s.Faults {
		s.after(f.At, func() { s.fault(f.What) })
	}
	if s.Hop == Local {
		return
	}
	for i := range s.Kinds {
		s.every(15*time.Second, func() bool { s.sync(s.Kinds[i].Name); return true })
		s.every(100*time.Millisecond, func() bool { s.reconcile(s.Kinds[i].Name); return true })
	}
}

func (s *sim) submit(b Burst) {
	s.bursts--
	s.logf("submit %d × %v, actors: %v", b.Count, b.Shape, b.Actors)
	for range b.Count {
		t := &task{id: len(s.tasks), shape: b.Shape, actor: b.Actors, length: s.between(b.Length/2, b.Length)}
		s.tasks = append(s.tasks, t)
		s.ray.submit(t)
	}
}

func (s *sim) fault(what string) {
	s.logf("fault: %s", what)
	switch what {
	case "scaler":
		s.brain.restart()
	case "head":
		s.newHead()
	case "raylet":
		if i := slices.IndexFunc(s.pods, func(p *pod) bool { return p.raylet != nil }); i >= 0 {
			s.pods[i].crash()
		}
	}
}

// newHead ends the head, its driver and, a while later, all raylets.
func (s *sim) newHead() {
	old := s.ray
	if old.dead {
		return
	}
	old.dead = true
	if late := s.said; late != nil {
		s.after(s.between(10*time.Second, 30*time.Second), func() { s.brain.receive(late) })
	}
	for _, p := range slices.Clone(s.pods) {
		if p.raylet != nil {
			s.after(s.between(time.Second, 10*time.Second), func() {
				if p.raylet != nil && p.raylet.cluster == old {
					p.crash()
				}
			})
		}
	}
	s.after(s.between(2*time.Second, 8*time.Second), func() {
		s.newCluster()
		for _, t := range s.tasks {
			if !t.done {
				t.attempt++
				s.ray.submit(t)
			}
		}
	})
}

// over tells whether all work is done and every worker that may go is gone.
func (s *sim) over() bool {
	if s.bursts > 0 || s.wants() > 0 || s.now < 25*time.Second && !s.Exact {
		return false
	}
	for i := range s.Kinds {
		k := &s.Kinds[i]
		if pods := s.of(k.Name); len(pods) != k.Min || s.replicas[k.Name] != k.Min {
			return false
		}
	}
	return true
}

// wants is how many tasks and actors want or have resources, as Ray itself
// counts: a task that runs on a worker process of another one leaves its lease
// request behind until no task of the shape waits.
func (s *sim) wants() int {
	n := s.holding
	for _, t := range s.tasks {
		if !t.done {
			n++
		}
	}
	for v, asked := range s.ray.asked {
		n += max(0, asked-len(s.ray.waiting[v]))
	}
	return n
}

func (s *sim) rest() string {
	out := fmt.Sprintf("%d tasks want resources;", s.wants())
	for _, p := range s.pods {
		out += fmt.Sprintf(" %+v", p.worker())
	}
	return out + fmt.Sprintf(" replicas %v", s.replicas)
}

// timeout is how long a worker may take to join.
func (s *sim) timeout() time.Duration {
	if s.BackOffTimeout > 0 {
		return s.BackOffTimeout
	}
	return scaler.DefaultProvisionTimeout
}

// failf notes the first invariant that broke.
func (s *sim) failf(format string, args ...any) {
	if s.failure == "" {
		s.failure = fmt.Sprintf("at %v: ", s.now) + fmt.Sprintf(format, args...)
		s.logf("BROKEN: %s", s.failure)
	}
}
