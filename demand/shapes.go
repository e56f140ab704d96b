package demand

import (
	"slices"
	"time"
)

// shapes are the waiting requests of one source, by key, each with its count
// over time.
type shapes map[string]*shape

type shape struct {
	request ResourceRequest
	queued  least // leases
	total   least // leases and backlog
}

// add changes a request's counts by a node's difference.
func (s shapes) add(key string, r ResourceRequest, queued, backlog int64, at time.Time) {
	if queued == 0 && backlog == 0 {
		return
	}
	e := s.shape(key, r)
	total := e.total.now + queued + backlog
	e.queued.set(e.queued.now+queued, at)
	e.total.set(total, at)
}

// set gives a request its count where leases and backlog are not told apart.
func (s shapes) set(key string, r ResourceRequest, count int64, at time.Time) {
	if e := s.shape(key, r); e.total.now != count {
		e.total.set(count, at)
	}
}

func (s shapes) shape(key string, r ResourceRequest) *shape {
	e, ok := s[key]
	if !ok {
		e = &shape{request: r}
		s[key] = e
	}
	return e
}

// settled are the counts that are certain: per request the larger of the least
// number of leases and the least number of leases and backlog. It forgets what
// no window needs any more. The second result is when a count could rise
// although nothing is reported; zero: never.
func (s shapes) settled(queued, total time.Duration, now time.Time) ([]Shape, time.Time) {
	var next time.Time
	keys := make([]string, 0, len(s))
	for key := range s {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	out := make([]Shape, 0, len(s))
	for _, key := range keys {
		e := s[key]
		n := max(e.queued.over(queued, now), e.total.over(total, now))
		if n > 0 {
			out = append(out, Shape{e.request, n})
		} else if e.total.now == 0 && len(e.total.past) == 0 {
			delete(s, key)
		}
		next = earlier(next, earlier(e.queued.next(queued), e.total.next(total)))
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
