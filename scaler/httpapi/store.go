// Package httpapi shows published decisions over HTTP: JSON for programs,
// health for kubelets, metrics for Prometheus.
package httpapi

import (
	"maps"
	"slices"
	"sync"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/scaler"
)

// Store keeps the last decision of every cluster. It is safe for concurrent
// use; decisions are values that nobody changes.
type Store struct {
	mu   sync.RWMutex
	last map[demand.Cluster]*scaler.Decision
	made map[demand.Cluster]uint64
}

// NewStore is without decisions.
func NewStore() *Store {
	return &Store{last: map[demand.Cluster]*scaler.Decision{}, made: map[demand.Cluster]uint64{}}
}

// Publish replaces a cluster's decision.
func (s *Store) Publish(d *scaler.Decision) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last[d.Cluster] = d
	s.made[d.Cluster]++
}

// Forget drops a cluster that is no more.
func (s *Store) Forget(c demand.Cluster) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.last, c)
	delete(s.made, c)
}

// Get is a cluster's last decision; nil if there is none.
func (s *Store) Get(c demand.Cluster) *scaler.Decision {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.last[c]
}

// All are the last decisions, sorted by cluster.
func (s *Store) All() []*scaler.Decision {
	s.mu.RLock()
	defer s.mu.RUnlock()
	keys := slices.SortedFunc(maps.Keys(s.last), func(a, b demand.Cluster) int {
		if a.String() < b.String() {
			return -1
		}
		return 1
	})
	out := make([]*scaler.Decision, len(keys))
	for i, k := range keys {
		out[i] = s.last[k]
	}
	return out
}

func (s *Store) count(c demand.Cluster) uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.made[c]
}
