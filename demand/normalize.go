package demand

import (
	"maps"
	"slices"
	"strings"
)

// InsideGang tells whether a request belongs to a task inside a placement
// group (CPU_group_<hex>, bundle_group_<hex>): no new node helps it, and it
// stays for ever if the group was removed while it waited, so it is dropped.
func InsideGang(r Resources) bool {
	return slices.ContainsFunc(r, func(e Resource) bool { return strings.Contains(e.Name, "_group_") })
}

// Canonical is the request as it is compared: no entries of 0, selectors
// sorted, and no selectors at all where only one empty one is given.
func (r ResourceRequest) Canonical() ResourceRequest {
	if r.key != "" {
		return r
	}
	out := ResourceRequest{Resources: r.Resources.NonZero()}
	for _, s := range r.Selectors {
		out.Selectors = append(out.Selectors, s.Canonical())
	}
	if len(out.Selectors) == 1 && len(out.Selectors[0]) == 0 {
		out.Selectors = nil
	}
	out.key = out.Key()
	return out
}

// MergeShapes adds up equal requests, to MaxCount at most, and drops those with
// no count and those inside placement groups. The result is sorted by key, so it
// does not depend on the order of its input.
func MergeShapes(in []Shape) []Shape {
	m := merger[Shape]{by: make(map[string]*Shape, len(in))}
	for _, s := range in {
		if s.Count > 0 && !InsideGang(s.Resources) {
			c := s.Canonical()
			t := m.at(c.Key())
			t.ResourceRequest, t.Count = c, min(t.Count+s.Count, MaxCount)
		}
	}
	return m.sorted()
}

// MergeQueued is MergeShapes for a raylet's demand. What is merged already is
// returned as it is.
func MergeQueued(in []QueuedDemand) []QueuedDemand {
	if merged(in) {
		return in
	}
	m := merger[QueuedDemand]{by: make(map[string]*QueuedDemand, len(in))}
	for _, q := range in {
		if q.Queued+q.Backlog > 0 && !InsideGang(q.Resources) {
			c := q.Canonical()
			t := m.at(c.Key())
			t.ResourceRequest, t.Queued, t.Backlog = c, min(t.Queued+q.Queued, MaxCount), min(t.Backlog+q.Backlog, MaxCount)
		}
	}
	return m.sorted()
}

func merged(in []QueuedDemand) bool {
	last := ""
	for _, q := range in {
		if q.key <= last || q.Queued+q.Backlog <= 0 || max(q.Queued, q.Backlog) > MaxCount || InsideGang(q.Resources) {
			return false
		}
		last = q.key
	}
	return true
}

// merger keeps one entry a key.
type merger[T any] struct{ by map[string]*T }

func (m merger[T]) at(key string) *T {
	t := m.by[key]
	if t == nil {
		t = new(T)
		m.by[key] = t
	}
	return t
}

func (m merger[T]) sorted() []T {
	out := make([]T, 0, len(m.by))
	for _, key := range slices.Sorted(maps.Keys(m.by)) {
		out = append(out, *m.by[key])
	}
	return out
}
