package demand

import (
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
	out := ResourceRequest{Resources: r.Resources.NonZero()}
	for _, s := range r.Selectors {
		out.Selectors = append(out.Selectors, s.Canonical())
	}
	if len(out.Selectors) == 1 && len(out.Selectors[0]) == 0 {
		out.Selectors = nil
	}
	return out
}

// MergeShapes adds up equal requests, to MaxCount at most, and drops those with
// no count and those inside placement groups. The result is sorted by key, so it does not depend
// on the order of its input.
func MergeShapes(in []Shape) []Shape {
	at := make(map[string]int, len(in))
	keys := make([]string, 0, len(in))
	out := make([]Shape, 0, len(in))
	for _, s := range in {
		if s.Count <= 0 || InsideGang(s.Resources) {
			continue
		}
		c := Shape{s.Canonical(), s.Count}
		key := c.Key()
		if i, ok := at[key]; ok {
			out[i].Count = min(out[i].Count+c.Count, MaxCount)
			continue
		}
		at[key] = len(out)
		keys, out = append(keys, key), append(out, c)
	}
	slices.Sort(keys)
	sorted := make([]Shape, len(out))
	for i, k := range keys {
		sorted[i] = out[at[k]]
	}
	return sorted
}

// MergeQueued is MergeShapes for a raylet's demand.
func MergeQueued(in []QueuedDemand) []QueuedDemand {
	at := make(map[string]int, len(in))
	keys := make([]string, 0, len(in))
	out := make([]QueuedDemand, 0, len(in))
	for _, q := range in {
		if q.Queued+q.Backlog <= 0 || InsideGang(q.Resources) {
			continue
		}
		c := QueuedDemand{q.Canonical(), q.Queued, q.Backlog}
		key := c.Key()
		if i, ok := at[key]; ok {
			out[i].Queued = min(out[i].Queued+c.Queued, MaxCount)
			out[i].Backlog = min(out[i].Backlog+c.Backlog, MaxCount)
			continue
		}
		at[key] = len(out)
		keys, out = append(keys, key), append(out, c)
	}
	slices.Sort(keys)
	sorted := make([]QueuedDemand, len(out))
	for i, k := range keys {
		sorted[i] = out[at[k]]
	}
	return sorted
}
