package keda

import (
	"sync"
	"time"
)

// reads are when the metrics of one cluster's types were asked for last, and what
// was answered.
type reads struct {
	mu   sync.Mutex
	last map[string]read // by node type
}

type read struct {
	workers int
	at      time.Time
	lower   time.Time // when fewer workers were answered last, before these; zero: never
}

// note remembers an answer.
func (r *reads) note(nodeType string, workers int, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil {
		r.last = map[string]read{}
	}
	old := r.last[nodeType]
	now := read{workers, at, old.lower}
	if workers > old.workers {
		now.lower = old.at
	}
	r.last[nodeType] = now
}

// below is when fewer workers than these were answered last; zero: never.
func (r *reads) below(nodeType string, workers int) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.last[nodeType]
	if last.workers < workers {
		return last.at
	}
	return last.lower
}
