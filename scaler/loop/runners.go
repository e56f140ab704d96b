package loop

import (
	"context"
	"sync"

	"github.com/rayburst/rayburst/demand"
)

// Runners are the runners of the clusters there are: clusters come and go.
type Runners struct {
	mu sync.Mutex
	by map[demand.Cluster]*running
	wg sync.WaitGroup
}

// running is a runner, what ends it, and what follows its end.
type running struct {
	*Runner
	cancel context.CancelFunc
}

// Find is a cluster's runner; nil: it has none.
func (r *Runners) Find(c demand.Cluster) *Runner {
	r.mu.Lock()
	defer r.mu.Unlock()
	if found := r.by[c]; found != nil {
		return found.Runner
	}
	return nil
}

// Start runs a runner, with what belongs to it, until the context ends or Stop.
func (r *Runners) Start(ctx context.Context, n *Runner, with ...func(context.Context) error) {
	ctx, cancel := context.WithCancel(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by == nil {
		r.by = map[demand.Cluster]*running{}
	}
	r.by[n.Cluster] = &running{n, cancel}
	for _, f := range append(with, n.Run) {
		r.wg.Go(func() {
			if err := f(ctx); err != nil {
				n.Log.Error("cluster ended", "cluster", n.Cluster, "error", err)
			}
		})
	}
}

// Stop ends a cluster's runner. It does not wait for its end.
func (r *Runners) Stop(c demand.Cluster) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if found := r.by[c]; found != nil {
		found.cancel()
		delete(r.by, c)
	}
}

// Wait waits until all have ended.
func (r *Runners) Wait() { r.wg.Wait() }
