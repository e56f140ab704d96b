package keda

import (
	"sync"

	"github.com/rayburst/rayburst/scaler"
)

// key names a node type of one Ray cluster.
type key struct {
	cluster  scaler.Cluster
	nodeType string
}

// hub wakes the streams of a node type. A waker never waits and carries no
// value: a stream that is woken twice while it sends looks once more and finds
// the latest, so a slow consumer costs nobody else anything.
type hub struct {
	mu    sync.Mutex
	wakes map[key]map[chan struct{}]struct{}
}

// join returns a channel that gets an element after each wake of the key, and
// what ends that.
func (h *hub) join(k key) (wake <-chan struct{}, leave func()) {
	c := make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.wakes == nil {
		h.wakes = map[key]map[chan struct{}]struct{}{}
	}
	if h.wakes[k] == nil {
		h.wakes[k] = map[chan struct{}]struct{}{}
	}
	h.wakes[k][c] = struct{}{}
	return c, func() { h.leave(k, c) }
}

func (h *hub) leave(k key, c chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.wakes[k], c)
	if len(h.wakes[k]) == 0 {
		delete(h.wakes, k)
	}
}

// wake wakes the streams of these types in this order.
func (h *hub) wake(c scaler.Cluster, types []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, nodeType := range types {
		for ch := range h.wakes[key{c, nodeType}] {
			select {
			case ch <- struct{}{}:
			default:
			}
		}
	}
}
