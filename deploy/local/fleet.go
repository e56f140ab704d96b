package local

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/rayburst/rayburst/deploy"
	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/scaler"
)

// Hooks are what the agent beside a node tells the fleet.
type Hooks struct {
	Found   func() // the GCS lists the node
	Drained func() // Ray has accepted the node's drain
}

// Node is one life of a node.
type Node struct {
	Name  string // RAY_CLOUD_INSTANCE_ID
	Head  bool
	Since time.Time // when it was started
}

// Config is what a fleet works with; every field is required.
type Config struct {
	Cluster *deploy.Cluster
	Ray     Ray
	Dir     string // a short path of the fleet's own: logs and Ray's temp dirs
	GCSPort int    // 0: any free one
	// Attend runs the agent beside a node that was started at a moment until
	// the context ends.
	Attend func(ctx context.Context, n Node, h Hooks)
	// Event is told what happens to workers; it must not block.
	Event func(Event)
	Now   func() time.Time
	Log   *slog.Logger
	// AtOnce is how many workers may be between their start and their join:
	// each costs about a CPU second, and on a small machine the first of a
	// burst should not wait for the last.
	AtOnce int
	// Patience is how long a worker's Ray may take to join before it is ended
	// and started anew.
	Patience time.Duration
	// KeepLogs is a folder that gets Ray's own logs of every node; empty: they
	// are not kept.
	KeepLogs string
}

// Event is one change in a worker's life.
type Event struct {
	At     time.Time
	Worker string
	Type   string
	What   What
	Detail string
}

// What happened to a worker. The set is closed.
type What string

// The changes in a worker's life.
const (
	Asked   What = "asked"   // the target rose
	Started What = "started" // Ray is starting
	Joined  What = "joined"  // the GCS lists it
	Drained What = "drained" // Ray refuses new work on it
	Removed What = "removed" // its process is gone
	Ended   What = "ended"   // its process ended by itself
)

// Fleet is one Ray cluster on this machine: a head and its workers. It is the
// world that the scaler looks at and the last hop of its decisions.
type Fleet struct {
	Config
	head *head

	mu      sync.Mutex
	workers map[string]*worker
	targets map[string]int
	numbers map[string]int // by type: the last worker's
	nodes   int            // addresses given out
	spares  []*spare
	stopped bool
	changed chan struct{}
	kick    chan struct{}
	wg      sync.WaitGroup
}

// New is a cluster of which nothing runs yet.
func New(c Config) *Fleet {
	return &Fleet{
		Config: c, workers: map[string]*worker{}, targets: map[string]int{}, numbers: map[string]int{},
		changed: make(chan struct{}, 1), kick: make(chan struct{}, 1),
	}
}

// Start starts the head and waits until its GCS answers. It fails with the end
// of Ray's own log.
func (f *Fleet) Start(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Join(f.Dir, "logs"), 0o755); err != nil {
		return fmt.Errorf("making the cluster's folder: %w", err)
	}
	f.head = &head{fleet: f, port: f.GCSPort}
	return f.head.start(ctx)
}

// Address is host:port of the GCS: RAY_ADDRESS of drivers.
func (f *Fleet) Address() string { return f.head.address() }

// Run keeps the head and the workers running until the context ends, then
// stops them all.
func (f *Fleet) Run(ctx context.Context) error {
	f.touch()
	var kept sync.WaitGroup
	kept.Go(func() { f.head.keep(ctx) })
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-f.kick:
			f.launch(ctx)
		}
	}
	kept.Wait()
	f.stop()
	return nil
}

// World is what the scaler decides from: node types, targets and workers.
// Workers that are being stopped are gone already, like pods with a
// deletionTimestamp.
func (f *Fleet) World() scaler.World {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := scaler.World{Settings: scaler.Settings{
		UpscalingSpeed: f.Cluster.UpscalingSpeed, MaxWorkers: f.Cluster.MaxWorkers, IdleTimeout: &f.Cluster.IdleTimeout,
		Head: f.Cluster.Head,
	}}
	for _, t := range f.Cluster.Types {
		w.Types = append(w.Types, scaler.TypeState{NodeType: t, Replicas: f.targets[t.Name]})
	}
	for _, name := range slices.Sorted(maps.Keys(f.workers)) {
		if v := f.workers[name]; !v.stopping {
			w.Workers = append(w.Workers, v.view())
		}
	}
	return w
}

// Changed gets a value when World would return something else.
func (f *Fleet) Changed() <-chan struct{} { return f.changed }

func (f *Fleet) touch() {
	for _, c := range []chan struct{}{f.changed, f.kick} {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// Apply turns a decision into workers. It returns at once; an unknown decision
// changes nothing.
func (f *Fleet) Apply(d *scaler.Decision) {
	if d.Unknown != "" {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		return
	}
	dirty := false
	for _, name := range d.Victims {
		if w := f.workers[name]; w != nil && !w.marked {
			w.marked, dirty = true, true
		}
	}
	for _, name := range d.Recycle {
		dirty = f.remove(f.workers[name]) || dirty
	}
	for _, t := range d.Targets {
		dirty = f.scale(t, d.Withdraw) || dirty
	}
	if dirty {
		f.touch()
	}
}

// scale makes a type's workers as many as its target says. Only drained and
// withdrawn ones are ever removed; others stay although the target is lower.
func (f *Fleet) scale(t scaler.Target, withdrawn []string) bool {
	kind, ok := f.Cluster.Type(t.Type)
	if !ok {
		return false
	}
	dirty := f.targets[t.Type] != t.Workers
	f.targets[t.Type] = t.Workers
	live := f.live(t.Type)
	for _, w := range live[min(t.Workers, len(live)):] {
		if w.drained && w.marked || !w.started() && slices.Contains(withdrawn, w.name) {
			dirty = f.remove(w) || dirty
		}
	}
	for range t.Workers - len(live) {
		f.add(kind)
		dirty = true
	}
	return dirty
}

// live are a type's workers that are not being stopped, those that may be
// removed last.
func (f *Fleet) live(nodeType string) []*worker {
	var out []*worker
	for _, name := range slices.Sorted(maps.Keys(f.workers)) {
		if w := f.workers[name]; w.kind.Name == nodeType && !w.stopping {
			out = append(out, w)
		}
	}
	slices.SortStableFunc(out, func(a, b *worker) int { return a.rank() - b.rank() })
	return out
}

func (f *Fleet) add(kind nodetypes.NodeType) {
	f.numbers[kind.Name]++
	f.nodes++
	w := &worker{fleet: f, kind: kind, name: fmt.Sprintf("%s-%s-%d", f.Cluster.Name, kind.Name, f.numbers[kind.Name]), ip: nodeIP(f.nodes), number: f.nodes}
	f.workers[w.name] = w
	f.event(w, Asked, "")
}

// remove stops a worker in the background, and tells whether it was there.
func (f *Fleet) remove(w *worker) bool {
	if w == nil || w.stopping {
		return false
	}
	w.stopping = true
	f.wg.Go(func() {
		w.stop(context.Background(), stopPatience) // removal goes on while the cluster ends
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.workers, w.name)
		f.event(w, Removed, "")
		f.touch()
	})
	return true
}

// stopPatience is how long Ray may take to end politely.
const stopPatience = 4 * time.Second

func (f *Fleet) event(w *worker, what What, detail string) {
	f.Event(Event{At: f.Now(), Worker: w.name, Type: w.kind.Name, What: what, Detail: detail})
}

// launch starts pending workers, not too many at once.
func (f *Fleet) launch(ctx context.Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	starting := 0
	var pending []*worker
	for _, w := range f.workers {
		switch {
		case w.stopping:
		case w.running != nil && !w.joined:
			starting++
		case w.running == nil && !w.waiting:
			pending = append(pending, w)
		}
	}
	slices.SortFunc(pending, func(a, b *worker) int { return natural(a.name, b.name) })
	for _, w := range pending[:min(len(pending), max(0, f.AtOnce-starting))] {
		w.start(ctx)
	}
	if starting+len(pending) == 0 {
		f.prepare()
	}
}

// prepare fills up the spares while nothing else needs the machine. The caller
// holds the lock.
func (f *Fleet) prepare() {
	for len(f.spares) < spares && !f.stopped {
		s, err := newSpare(f.Ray, start{}.env())
		if err != nil {
			f.Log.Warn("no spare", "error", err) // workers then start without
			return
		}
		f.spares = append(f.spares, s)
	}
}

// spare takes a spare; nil if there is none. The caller holds the lock.
func (f *Fleet) spare() *spare {
	if len(f.spares) == 0 {
		return nil
	}
	s := f.spares[0]
	f.spares = f.spares[1:]
	return s
}

// logsOf is where the logs of one life of a node are kept.
func (f *Fleet) logsOf(name string, life int) string {
	if f.KeepLogs == "" {
		return ""
	}
	return filepath.Join(f.KeepLogs, fmt.Sprintf("%s-%d", name, life))
}

// natural orders names by length first, so that 10 comes after 9.
func natural(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	if a < b {
		return -1
	}
	return 1
}

// stop ends all workers and then the head, by force where they take long, and
// leaves no process.
func (f *Fleet) stop() {
	f.mu.Lock()
	f.stopped = true
	for _, w := range f.workers {
		f.remove(w)
	}
	for _, s := range f.spares {
		f.wg.Go(s.end)
	}
	f.mu.Unlock()
	f.head.agent()
	f.wg.Wait()
	f.head.stop()
	killUnder(f.Dir)
}
