package nodetypes

import (
	"cmp"
	"slices"

	"github.com/rayburst/rayburst/demand"
)

// sortedRuns numbers shapes and puts them into the order in which Ray tries
// requests: descending, equal ones in the order given, by
//
//	(conditions of the first selector, kinds of resources, Σ amounts, sorted (name, amount))
//
// Source: _sort_resource_request in _try_schedule. Its first part, the number
// of placement constraints, is the same for all requests of one call. Only
// neighbours that are equal become one run: requests that differ in their
// selectors alone may alternate, and do so in Ray.
func (c *catalog) sortedRuns(shapes []demand.Shape) []run {
	runs := make([]run, 0, len(shapes))
	for i, s := range shapes {
		if s.Count > 0 {
			runs = append(runs, c.run(s, i))
		}
	}
	slices.SortStableFunc(runs, func(a, b run) int { return compareRuns(b, a) })
	return mergeNeighbours(runs)
}

func mergeNeighbours(runs []run) []run {
	out := runs[:0]
	for _, r := range runs {
		if n := len(out); n > 0 && out[n-1].selectors == r.selectors && slices.Equal(out[n-1].needs, r.needs) {
			out[n-1].count = addCounts(out[n-1].count, r.count)
			continue
		}
		out = append(out, r)
	}
	return out
}

func compareRuns(a, b run) int {
	return cmp.Or(
		cmp.Compare(a.conditions, b.conditions),
		cmp.Compare(len(a.needs), len(b.needs)),
		a.sum.compare(b.sum),
		slices.CompareFunc(a.needs, b.needs, func(a, b need) int {
			return cmp.Or(cmp.Compare(a.resource, b.resource), cmp.Compare(a.amount, b.amount))
		}))
}
