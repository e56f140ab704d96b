package e2e_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/rayburst/rayburst/scaler"
)

// instant is a kind of event of a scale-up or a scale-down.
type instant string

// The instants, in the order in which they come about: on the way up, then on
// the way down.
const (
	demandSubmitted   instant = "demand submitted"
	decisionPublished instant = "decision published"
	replicasWritten   instant = "replicas written"
	podCreated        instant = "pod created"
	podScheduled      instant = "pod scheduled"
	rayStarted        instant = "Ray container started"
	nodeAlive         instant = "node alive in Ray"
	taskBegins        instant = "first task begins"

	taskEnded     instant = "last task ended"
	nodeIdle      instant = "idle in Ray"
	drainAsked    instant = "drain asked"
	drainAccepted instant = "drain accepted"
	podNotReady   instant = "pod not ready"
	podMarked     instant = "pod marked"
	targetFalls   instant = "target falls"
	podDeleted    instant = "pod deleted"
	podGone       instant = "pod gone"
)

var (
	upwards = []instant{
		demandSubmitted, decisionPublished, replicasWritten, podCreated, podScheduled, rayStarted, nodeAlive, taskBegins,
	}
	downwards = []instant{
		taskEnded, nodeIdle, drainAsked, drainAccepted, podNotReady, podMarked, targetFalls, replicasWritten, podDeleted, podGone,
	}
	// fleetwide instants are of no single worker.
	fleetwide = []instant{demandSubmitted, decisionPublished, targetFalls, replicasWritten}
	// causes are what an instant must not come before.
	causes = map[instant][]instant{
		decisionPublished: {demandSubmitted},
		replicasWritten:   {decisionPublished, targetFalls},
		podCreated:        {replicasWritten},
		podScheduled:      {podCreated},
		rayStarted:        {podScheduled},
		nodeAlive:         {rayStarted},
		taskBegins:        {nodeAlive},
		nodeIdle:          {taskEnded},
		drainAsked:        {nodeIdle},
		drainAccepted:     {drainAsked},
		podNotReady:       {drainAsked},
		podMarked:         {drainAccepted},
		targetFalls:       {podNotReady, podMarked},
		podDeleted:        {replicasWritten},
		podGone:           {podDeleted},
	}
)

// heardLate is by how much later than another a watch may tell of what was
// sooner.
const heardLate = 100 * time.Millisecond

// moment is when something was first so: for a worker, or at a number of workers.
type moment struct {
	event   instant
	worker  string
	workers int
	at      time.Time
}

// phase is one change of the number of workers.
type phase struct {
	from, to int
	moments  []moment
}

func (p *phase) String() string { return fmt.Sprintf("%d→%d", p.from, p.to) }

// events are those of a phase.
func (p *phase) events() []instant {
	if p.to < p.from {
		return downwards
	}
	return upwards
}

// lacks says what has not come about yet; empty: the phase is over.
func (p *phase) lacks() string {
	for _, e := range p.events() {
		have, want := 0, max(p.to-p.from, p.from-p.to)
		for _, m := range p.moments {
			if m.event == e && (m.worker != "" || m.workers == p.to) {
				have++
			}
		}
		if slices.Contains(fleetwide, e) {
			want = 1
		}
		if have < want {
			return fmt.Sprintf("%v: %d of %d %q", p, have, want, e)
		}
	}
	return ""
}

// first is when an event came about: for this worker, else for the first one.
func (p *phase) first(e instant, worker string) (at time.Time) {
	for _, m := range p.moments {
		if m.event == e && m.worker == worker {
			return m.at
		}
		if m.event == e && (at.IsZero() || m.at.Before(at)) {
			at = m.at
		}
	}
	return at
}

// check fails if something came before its cause.
func (p *phase) check(t *testing.T) {
	t.Helper()
	for _, m := range p.moments {
		for _, cause := range causes[m.event] {
			if at := p.first(cause, m.worker); !at.IsZero() && m.at.Before(at.Add(-heardLate)) {
				t.Errorf("%v: %q of %q came %.3f s before %q", p, m.event, m.worker, at.Sub(m.at).Seconds(), cause)
			}
		}
	}
}

// begin is the phase's first moment.
func (p *phase) begin() time.Time {
	return slices.MinFunc(p.moments, func(a, b moment) int { return a.at.Compare(b.at) }).at
}

// rows are the moments in the order of the events, with seconds since the first.
func (p *phase) rows(number map[string]string) (out [][]string) {
	begin := p.begin()
	slices.SortStableFunc(p.moments, func(a, b moment) int { return a.at.Compare(b.at) })
	for _, e := range p.events() {
		for _, m := range p.moments {
			if m.event == e {
				out = append(out, []string{p.String(), string(e), number[m.worker], fmt.Sprintf("%.3f", m.at.Sub(begin).Seconds())})
			}
		}
	}
	return out
}

// timeline notes the moments of one type's phases, one after another.
type timeline struct {
	*cluster
	nodeType string

	mu     sync.Mutex
	phases []*phase
	number map[string]string // of a worker, in the order of their creation
}

// timeline begins to watch a type that has no workers.
func (c *cluster) timeline(nodeType string) *timeline {
	c.t.Helper()
	l := &timeline{cluster: c, nodeType: nodeType, number: map[string]string{}}
	ctx := c.t.Context()
	l.follow(kube.AppsV1().Deployments(c.namespace).Watch(ctx, metav1.ListOptions{LabelSelector: "ray.io/group=" + nodeType}))
	l.follow(kube.CoreV1().Pods(c.namespace).Watch(ctx, metav1.ListOptions{LabelSelector: "ray.io/group=" + nodeType}))
	go l.poll()
	go l.listen(c.begin(nodesScript))
	return l
}

// follow notes what a watch shows, until the test ends.
func (l *timeline) follow(w watch.Interface, err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(w.Stop)
	go func() {
		for e := range w.ResultChan() {
			at := time.Now()
			switch o := e.Object.(type) {
			case *appsv1.Deployment:
				if o.Spec.Replicas != nil {
					l.count(replicasWritten, replicasWritten, int(*o.Spec.Replicas), at)
				}
			case *corev1.Pod:
				l.seePod(e.Type, o, at)
			}
		}
	}()
}

func (l *timeline) seePod(change watch.EventType, p *corev1.Pod, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.number[p.Name] == "" {
		l.number[p.Name] = strconv.Itoa(len(l.number) + 1)
	}
	for e, is := range map[instant]bool{
		podCreated: change == watch.Added, podScheduled: p.Spec.NodeName != "", podNotReady: !ready(*p),
		podMarked: p.Annotations["rayburst.io/drained"] != "", podDeleted: p.DeletionTimestamp != nil, podGone: change == watch.Deleted,
	} {
		if is {
			l.note(moment{event: e, worker: p.Name, at: at})
		}
	}
}

// count notes a number of workers that is not the phase's first: one event on
// the way up, another on the way down.
func (l *timeline) count(up, down instant, workers int, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.phases) == 0 {
		return
	}
	switch p := l.now(); {
	case workers > p.from:
		l.note(moment{event: up, workers: workers, at: at})
	case workers < p.from:
		l.note(moment{event: down, workers: workers, at: at})
	}
}

// now is the phase that is on its way.
func (l *timeline) now() *phase { return l.phases[len(l.phases)-1] }

// note keeps the first moment of its kind of the phase. The caller holds mu.
func (l *timeline) note(m moment) {
	if len(l.phases) == 0 || !slices.Contains(l.now().events(), m.event) {
		return
	}
	p := l.now()
	if !slices.ContainsFunc(p.moments, func(o moment) bool {
		return o.event == m.event && o.worker == m.worker && o.workers == m.workers
	}) {
		p.moments = append(p.moments, m)
	}
}

// tells notes what a script says: a pod's name, if the event is a worker's, and a time.
func (l *timeline) tells(e instant, pod, seconds string) {
	at, err := strconv.ParseFloat(seconds, 64)
	if err != nil || pod != "" && !strings.HasPrefix(pod, release+"-"+l.nodeType+"-") {
		return // a line that is cut off, or a node of another type; what is missed is told at the end
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	m := moment{event: e, worker: pod, at: time.UnixMicro(int64(at * 1e6))}
	if pod == "" && len(l.phases) > 0 {
		m.workers = l.now().to
	}
	l.note(m)
}

// nodesScript says which nodes Ray takes for alive, as soon as it does.
const nodesScript = `
seen = set()
while True:
    alive = {n["NodeManagerHostname"] for n in ray.nodes() if n["Alive"]}
    at = time.time()
    for name in sorted(alive - seen):
        say("alive", name, f"{at:.6f}")
    seen = alive
    time.sleep(0.02)
`

func (l *timeline) listen(s *script) {
	for line := range s.lines {
		if words := strings.Fields(line); len(words) == 3 && words[0] == "alive" {
			l.tells(nodeAlive, words[1], words[2])
		}
	}
}

// poll asks the scaler a hundred times a second. A decision carries its own time.
func (l *timeline) poll() {
	for l.t.Context().Err() == nil {
		if d := l.decision(); d != nil && d.Unknown == "" {
			l.decided(d)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (l *timeline) decided(d *scaler.Decision) {
	if t, ok := d.Target(l.nodeType); ok {
		l.count(decisionPublished, targetFalls, t.Workers, d.At)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range d.Nodes.Get() {
		for e, is := range map[instant]bool{
			nodeIdle: n.Idle > 0, drainAsked: n.Keep == scaler.KeepNot, drainAccepted: n.State == scaler.StateDraining,
		} {
			if is && n.Type == l.nodeType {
				l.note(moment{event: e, worker: n.Name, at: d.At})
			}
		}
	}
}

// tasksScript submits one task, then two, and ends them all, each when it is
// told to. A container's first process is as old as the container.
const tasksScript = `
from ray.experimental.internal_kv import _internal_kv_get, _internal_kv_put


def born():
    ticks = int(open("/proc/1/stat").read().rsplit(")", 1)[1].split()[19])
    return time.time() - float(open("/proc/uptime").read().split()[0]) + ticks / os.sysconf("SC_CLK_TCK")


@ray.remote(num_cpus=1, max_retries=0)
def timed():
    yield pod(), f"{born():.6f}", f"{time.time():.6f}"
    while not _internal_kv_get(b"timeline-over"):
        time.sleep(0.1)
    yield pod(), f"{time.time():.6f}"


runs = []
for n in (1, 2):
    pause()
    asked = time.time()
    new = [timed.remote() for _ in range(n)]
    say("asked", f"{asked:.6f}")
    for run in new:
        say("began", *ray.get(next(run)))
    runs += new
pause()
_internal_kv_put(b"timeline-over", b"yes", overwrite=True)
for run in runs:
    say("ended", *ray.get(next(run)))
`

// TestTimeline notes the instants of a scale-up from zero, of one from one
// worker and of the scale-down to zero, and checks that nothing comes before its
// cause. TIMELINE=FILE writes them: make timeline.
func TestTimeline(t *testing.T) {
	c := newCluster(t, workers("small", "idleTimeoutSeconds: 4\nmaxWorkers: 3"))
	c.becomes("small", 0)
	l, s := c.timeline("small"), c.begin(tasksScript)
	l.up(s, 0, 1)
	l.up(s, 1, 3)
	l.down(s, 3)
	for _, p := range l.phases {
		p.check(t)
	}
	l.write(os.Getenv("TIMELINE"))
}

func (l *timeline) up(s *script, from, to int) {
	l.t.Helper()
	l.open(from, to)
	s.tell()
	l.tells(demandSubmitted, "", s.says("asked")[0])
	for range to - from {
		said := s.says("began")
		l.tells(rayStarted, said[0], said[1])
		l.tells(taskBegins, said[0], said[2])
	}
	l.complete()
	l.stays(l.nodeType, to, 3*time.Second) // what is late of this phase is not taken for the next one's
}

func (l *timeline) down(s *script, from int) {
	l.t.Helper()
	l.open(from, 0)
	s.tell()
	for range from {
		said := s.says("ended")
		l.tells(taskEnded, said[0], said[1])
	}
	l.complete()
}

func (l *timeline) open(from, to int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.phases = append(l.phases, &phase{from: from, to: to})
}

// complete waits until all of a phase has been seen.
func (l *timeline) complete() {
	l.t.Helper()
	eventually(l.t, "all is seen", func() (bool, string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		lacks := l.now().lacks()
		return lacks == "", lacks
	})
}

// write logs the timeline, and writes it to a file if there is to be one.
func (l *timeline) write(file string) {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	rows := [][]string{{"phase", "event", "worker", "seconds"}}
	for _, p := range l.phases {
		rows = append(rows, p.rows(l.number)...)
	}
	var b strings.Builder
	if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
		l.t.Fatal(err)
	}
	l.t.Logf("the instants:\n%s", b.String())
	if file == "" {
		return
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil { //nolint:gosec // a figure of the documents
		l.t.Fatal(err)
	}
}
