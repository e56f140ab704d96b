package local

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/scaler"
)

// worker is one replica: a name that outlives its processes, like a pod whose
// container is restarted. The fleet's lock guards it.
type worker struct {
	fleet *Fleet
	kind  nodetypes.NodeType
	name  string
	ip    string
	// number is the worker's own among all of the fleet's.
	number int

	running  *process // nil: not started
	lives    int      // processes started so far
	since    time.Time
	joined   bool
	drained  bool
	marked   bool
	stopping bool
	waiting  bool // for its next try
	failures int
	trouble  string
	agent    context.CancelFunc
	attended sync.WaitGroup
}

// started tells whether Ray has been started in it and not ended.
func (w *worker) started() bool { return w.running != nil }

// rank puts the workers that may go last.
func (w *worker) rank() int {
	switch {
	case w.drained:
		return 2
	case !w.started():
		return 1
	}
	return 0
}

func (w *worker) view() scaler.Worker {
	return scaler.Worker{
		Name: w.name, Type: w.kind.Name, Started: w.started(), StartedAt: w.since, Drained: w.drained, Marked: w.marked,
		Failures: w.failures, Trouble: w.trouble,
	}
}

// start starts Ray and the agent beside it. The caller holds the lock.
func (w *worker) start(ctx context.Context) {
	f := w.fleet
	w.lives++
	s := start{kind: w.kind, name: w.name, ip: w.ip, gcs: f.Address(), dir: filepath.Join(f.Dir, fmt.Sprintf("w%d-%d", w.number, w.lives)), keep: f.logsOf(w.name, w.lives)}
	w.since, w.joined = f.Now(), false
	p, err := launch(f.Ray, s, filepath.Join(f.Dir, "logs"), f.spare())
	if err != nil {
		w.failed(ctx, err.Error())
		return
	}
	w.running = p
	f.event(w, Started, "")
	agent, cancel := context.WithCancel(ctx)
	w.agent = cancel
	node := Node{Name: w.name, Since: w.since}
	w.attended.Go(func() { f.Attend(agent, node, Hooks{Found: w.found, Drained: w.drain}) })
	f.wg.Go(func() { w.watch(ctx, p) })
	f.touch()
}

func (w *worker) found() {
	w.fleet.mu.Lock()
	defer w.fleet.mu.Unlock()
	if w.joined || w.stopping {
		return
	}
	w.joined, w.failures, w.trouble = true, 0, ""
	w.fleet.event(w, Joined, "")
	w.fleet.touch()
}

// drain latches: from now on the worker's Ray is not started again.
func (w *worker) drain() {
	w.fleet.mu.Lock()
	defer w.fleet.mu.Unlock()
	if !w.drained {
		w.drained = true
		w.fleet.event(w, Drained, "")
		w.fleet.touch()
	}
}

// watch restarts Ray when it ends by itself or hangs while it starts, as a
// kubelet restarts a container that ends or fails its startup probe.
func (w *worker) watch(ctx context.Context, p *process) {
	trouble := "Ray did not start"
	if w.hangs(p) {
		trouble = fmt.Sprintf("Ray had not joined after %v", w.fleet.Patience)
		p.kill()
	}
	<-p.done
	w.agent()
	w.attended.Wait()
	p.clean()
	f := w.fleet
	f.mu.Lock()
	defer f.mu.Unlock()
	if w.stopping || w.running != p {
		return
	}
	w.running = nil
	detail := fmt.Sprint(p.err)
	f.event(w, Ended, detail)
	f.Log.Warn("worker ended by itself", "worker", w.name, "error", detail)
	if !w.joined {
		w.failed(ctx, trouble+": "+p.tail())
	}
	f.touch()
}

// hangs waits until a start has joined, or ended, or taken too long.
func (w *worker) hangs(p *process) bool {
	late := time.NewTimer(w.fleet.Patience)
	defer late.Stop()
	select {
	case <-p.done:
		return false
	case <-late.C:
	}
	w.fleet.mu.Lock()
	defer w.fleet.mu.Unlock()
	return !w.joined && !w.stopping && w.running == p
}

// failed counts a start in vain and waits before the next one. The caller
// holds the lock.
func (w *worker) failed(ctx context.Context, trouble string) {
	f := w.fleet
	w.failures++
	w.trouble, w.waiting = trouble, true
	f.Log.Warn("worker did not start", "worker", w.name, "failures", w.failures, "trouble", trouble)
	pause := min(time.Second<<min(w.failures-1, 5), 30*time.Second)
	f.wg.Go(func() {
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		w.waiting = false
		f.touch()
	})
}

// stop ends the worker's Ray and its agent.
func (w *worker) stop(ctx context.Context, patience time.Duration) {
	w.fleet.mu.Lock()
	p, agent := w.running, w.agent
	w.fleet.mu.Unlock()
	if agent != nil {
		agent()
	}
	if p != nil {
		p.stop(ctx, patience)
	}
	w.attended.Wait()
}
