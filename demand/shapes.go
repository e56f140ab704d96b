package demand

import (
	"maps"
	"slices"
	"time"
)

// shapes are the waiting requests of one source, by key, each with its count
// over time.
type shapes struct {
	queued, total time.Duration // the windows
	by            map[string]*shape
}

type shape struct {
	request ResourceRequest
	queued  least // leases
	total   least // leases and backlog
}

// add changes the counts by a node's difference.
func (e *shape) add(queued, backlog int64, at time.Time) {
	if queued != 0 {
		e.queued.set(e.queued.now+queued, at)
	}
	if queued+backlog != 0 {
		e.total.set(e.total.now+queued+backlog, at)
	}
}

// set gives a request its count where leases and backlog are not told apart.
func (s shapes) set(key string, r ResourceRequest, count int64, at time.Time) {
	if e := s.shape(key, r); e.total.now != count {
		e.total.set(count, at)
	}
}

func (s shapes) shape(key string, r ResourceRequest) *shape {
	e, ok := s.by[key]
	if !ok {
		e = &shape{request: r, queued: least{window: s.queued}, total: least{window: s.total}}
		s.by[key] = e
	}
	return e
}

// forget drops the requests that wait no more and that no window needs.
func (s shapes) forget(now time.Time) {
	at := now.UnixNano()
	for key, e := range s.by {
		e.queued.expire(at)
		e.total.expire(at)
		if e.total.now == 0 && len(e.total.past) == 0 {
			delete(s.by, key)
		}
	}
}

// settled are the counts that are certain: per request the larger of the least
// number of leases and the least number of leases and backlog. While leases move
// between raylets only the latter counts: its window is the longer one, and a
// lease may be seen at both for longer than the shorter one where a raylet is
// slow to answer. The second result is when a count could rise although nothing
// is reported; zero: never.
func (s shapes) settled(moving bool, now time.Time) ([]Shape, time.Time) {
	s.forget(now)
	var next time.Time
	out := make([]Shape, 0, len(s.by))
	for _, key := range slices.Sorted(maps.Keys(s.by)) {
		e := s.by[key]
		n := e.total.over(now)
		if !moving {
			n = max(n, e.queued.over(now))
		}
		if n > 0 {
			out = append(out, Shape{e.request, n})
		}
		next = earlier(next, earlier(e.queued.next(), e.total.next()))
	}
	return out, next
}

// earlier is the earlier of two moments, where zero means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
