package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/rayburst/rayburst/demand"
)

// vec is an amount of CPU and GPU.
type vec [2]int64

func (v vec) fits(d vec) bool { return v[0] >= d[0] && v[1] >= d[1] }
func (v vec) minus(d vec) vec { return vec{v[0] - d[0], v[1] - d[1]} }
func (v vec) plus(d vec) vec  { return vec{v[0] + d[0], v[1] + d[1]} }

// resources leaves out what is 0, as Ray does.
func (v vec) resources() demand.Resources {
	var out demand.Resources
	for i, name := range [...]string{"CPU", "GPU"} {
		if v[i] > 0 {
			out = append(out, demand.Resource{Name: name, Amount: demand.Amount(v[i]) * demand.Unit})
		}
	}
	return out
}

// task is a task or an actor.
type task struct {
	id      int
	shape   vec
	actor   bool
	length  time.Duration
	attempt int
	done    bool
}

// lease is a driver's request for a worker process: for an actor, or for any
// waiting task of the shape.
type lease struct {
	shape vec
	actor *task
}

// raylet is one node of the Ray cluster.
type raylet struct {
	*cluster
	id       string
	pod      *pod // nil: the head
	total    vec
	free     vec
	queue    []*lease
	backlog  map[vec]int64
	running  map[*task]bool
	view     map[*raylet]vec // what it believes to be free at others
	idle     time.Duration   // since when
	started  time.Duration
	draining bool
	dead     bool
	version  int
}

// row is what the GCS knows of a raylet from its last pull.
type row struct {
	*raylet
	free vec
	idle time.Duration // how long, 0: in use
	at   time.Duration
	load map[vec]int64
}

// cluster is Ray: one life of a head, its GCS, its raylets and its driver.
type cluster struct {
	*sim
	session string
	head    *raylet
	raylets []*raylet
	rows    []*row
	version int
	waiting map[vec][]*task
	asked   map[vec]int // lease requests of tasks that have no worker process yet
	dead    bool
}

func (s *sim) newCluster() *cluster {
	s.sessions++
	c := &cluster{sim: s, session: fmt.Sprintf("session-%d", s.sessions), waiting: map[vec][]*task{}, asked: map[vec]int{}}
	s.ray = c
	c.every(time.Second, c.pull)
	c.after(c.headStart(), func() {
		if c.dead {
			return
		}
		c.head = c.join(nil, vec{})
		c.every(time.Second, c.reportBacklog)
	})
	s.attendHead(c)
	return c
}

// headStart is for how long the node list of a new GCS is empty.
func (c *cluster) headStart() time.Duration {
	if c.sessions == 1 {
		return 0
	}
	return c.between(time.Second, 4*time.Second)
}

// join registers a raylet at the GCS.
func (c *cluster) join(p *pod, total vec) *raylet {
	c.nodes++
	r := &raylet{
		cluster: c, id: fmt.Sprintf("%056x", c.nodes), pod: p, total: total, free: total, started: c.now, idle: c.now,
		backlog: map[vec]int64{}, running: map[*task]bool{}, view: map[*raylet]vec{},
	}
	c.raylets = append(c.raylets, r)
	c.rows = append(c.rows, &row{raylet: r, free: total, at: c.now})
	c.version++
	c.every(100*time.Millisecond, r.tick)
	c.attend(r)
	return r
}

// pull is the GCS asking its raylets, once a second.
func (c *cluster) pull() bool {
	for _, w := range c.rows {
		w.free, w.at, w.idle = w.raylet.free, c.now, 0
		if w.free == w.total && w.pod != nil {
			w.idle = max(c.now-w.raylet.idle, 1)
		}
		w.load = w.raylet.waitingHere()
	}
	c.version++
	return !c.dead
}

func (r *raylet) waitingHere() map[vec]int64 {
	n := map[vec]int64{}
	for v, b := range r.backlog {
		n[v] += b
	}
	for _, l := range r.queue {
		n[l.shape]++
	}
	return n
}

// reportBacklog is the driver telling its raylet what it has not asked a
// worker process for, once a second.
func (c *cluster) reportBacklog() bool {
	if c.dead || c.head == nil {
		return !c.dead
	}
	for v, tasks := range c.waiting {
		if n := int64(max(0, len(tasks)-c.asked[v])); c.head.backlog[v] != n {
			c.head.backlog[v] = n
			c.head.version++
		}
	}
	return true
}

// submit hands a task or an actor to the driver.
func (c *cluster) submit(t *task) {
	if t.actor {
		l := &lease{t.shape, t}
		c.after(c.between(5*time.Millisecond, 30*time.Millisecond), func() { c.toHead(l) })
		return
	}
	c.waiting[t.shape] = append(c.waiting[t.shape], t)
	c.pump(t.shape)
}

// pump asks for worker processes: at most ten at a time for a shape.
func (c *cluster) pump(v vec) {
	for c.asked[v] < min(10, len(c.waiting[v])) {
		c.asked[v]++
		l := &lease{shape: v}
		c.after(c.between(time.Millisecond, 10*time.Millisecond), func() { c.toHead(l) })
	}
}

func (c *cluster) toHead(l *lease) {
	switch {
	case c.dead:
	case c.head == nil:
		c.after(100*time.Millisecond, func() { c.toHead(l) })
	default:
		c.head.enqueue(l)
	}
}

func (r *raylet) enqueue(l *lease) {
	if r.dead || r.draining {
		r.after(10*time.Millisecond, func() { r.toHead(l) })
		return
	}
	if l.actor == nil && len(r.waiting[l.shape]) == 0 {
		r.asked[l.shape]--
		return
	}
	r.queue = append(r.queue, l)
	r.version++
	r.dispatch()
}

// tick is a raylet learning what is free at others.
func (r *raylet) tick() bool {
	if r.dead {
		return false
	}
	clear(r.view)
	for _, o := range r.raylets {
		if o != r && !o.dead && !o.draining {
			r.view[o] = o.free
		}
	}
	if len(r.queue) > 0 {
		r.dispatch()
	}
	return true
}

// dispatch grants leases, sends them to where there is room, and keeps the
// rest here or at a node that is large enough.
func (r *raylet) dispatch() {
	queue := r.queue
	r.queue = nil
	for _, l := range queue {
		switch other := r.elsewhere(l.shape); {
		case r.free.fits(l.shape) && !r.draining:
			r.grant(l)
		case other != nil:
			r.view[other] = r.view[other].minus(l.shape)
			r.version++
			r.after(r.between(time.Millisecond, 20*time.Millisecond), func() { other.enqueue(l) })
		default:
			r.queue = append(r.queue, l)
		}
	}
}

// elsewhere is a node with room for a lease, or, where this one could never
// take it, any that could.
func (r *raylet) elsewhere(v vec) *raylet {
	var room, large []*raylet
	for _, o := range r.raylets {
		free, known := r.view[o]
		if known && free.fits(v) {
			room = append(room, o)
		}
		if known && o.total.fits(v) {
			large = append(large, o)
		}
	}
	if len(room) == 0 && !r.total.fits(v) {
		room = large
	}
	if len(room) == 0 {
		return nil
	}
	return room[r.rng.IntN(len(room))]
}

// grant gives a lease its resources, and a worker process a moment later.
func (r *raylet) grant(l *lease) {
	r.free = r.free.minus(l.shape)
	r.version++
	start := r.between(0, 1500*time.Millisecond)
	if r.chance(0.4) {
		start = r.between(0, 20*time.Millisecond)
	}
	r.after(start, func() { r.granted(l) })
}

func (r *raylet) granted(l *lease) {
	if r.cluster.dead {
		return
	}
	if r.dead {
		r.again(l)
		return
	}
	if l.actor != nil {
		r.run(l.actor)
		return
	}
	r.asked[l.shape]--
	r.next(l.shape, r.between(0, 500*time.Millisecond))
	r.pump(l.shape)
}

// again asks anew for what a dead raylet held.
func (c *cluster) again(l *lease) {
	if l.actor != nil {
		c.submit(l.actor)
		return
	}
	c.asked[l.shape]--
	c.pump(l.shape)
}

// next runs a waiting task on a leased worker process, or gives it back after
// a while.
func (r *raylet) next(v vec, after time.Duration) {
	if tasks := r.waiting[v]; len(tasks) > 0 {
		r.waiting[v] = tasks[1:]
		r.run(tasks[0])
		return
	}
	r.cancel(v)
	r.holding++
	r.after(after, func() {
		r.holding--
		if r.dead || r.cluster.dead {
			return
		}
		if len(r.waiting[v]) > 0 {
			r.next(v, after)
			return
		}
		r.release(v)
	})
}

// cancel takes back lease requests for which no task waits any more.
func (c *cluster) cancel(v vec) {
	for _, r := range c.raylets {
		n := len(r.queue)
		r.queue = slices.DeleteFunc(r.queue, func(l *lease) bool { return l.actor == nil && l.shape == v })
		if d := n - len(r.queue); d > 0 {
			c.asked[v] -= d
			r.version++
		}
	}
}

func (r *raylet) release(v vec) {
	r.free = r.free.plus(v)
	r.version++
	if r.free == r.total {
		r.idle = r.now
	}
	r.dispatch()
}

func (r *raylet) run(t *task) {
	t.attempt++
	attempt := t.attempt
	r.running[t] = true
	r.after(t.length, func() {
		if t.attempt != attempt || r.dead || r.cluster.dead {
			return
		}
		delete(r.running, t)
		t.done = true
		if t.actor {
			r.release(t.shape)
			return
		}
		r.next(t.shape, r.between(0, 500*time.Millisecond))
	})
}

// die ends a raylet; the GCS notices after a while. Drivers try again what ran
// on it.
func (r *raylet) die(noticed time.Duration) {
	if r.dead {
		return
	}
	r.dead = true
	r.after(noticed, func() {
		r.rows = slices.DeleteFunc(r.rows, func(w *row) bool { return w.raylet == r })
		r.cluster.version++
	})
	r.raylets = slices.DeleteFunc(r.raylets, func(o *raylet) bool { return o == r })
	if r.cluster.dead {
		return
	}
	for _, l := range r.queue {
		r.again(l)
	}
	for _, t := range r.sim.tasks {
		if r.running[t] {
			t.attempt++
			r.submit(t)
		}
	}
}

// drain is the GCS asking a raylet whether it may go.
func (c *cluster) drain(id string) bool {
	i := slices.IndexFunc(c.raylets, func(r *raylet) bool { return r.id == id })
	if i < 0 {
		return true // Ray accepts the drain of a node that it does not know
	}
	r := c.raylets[i]
	if r.free != r.total {
		return false
	}
	r.draining = true
	for _, l := range r.queue {
		c.toHead(l)
	}
	r.queue = nil
	r.die(11 * time.Millisecond)
	return true
}
