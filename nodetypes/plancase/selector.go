package plancase

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rayburst/rayburst/demand"
)

// parseConstraint reads the text of one label of a selector: a, !a, in(a,b)
// or !in(a,b). Blanks around the values in the brackets are ignored.
func parseConstraint(label, text string) demand.LabelConstraint {
	c := demand.LabelConstraint{Key: label}
	text, c.NotIn = strings.CutPrefix(text, "!")
	inner, ok := strings.CutPrefix(text, "in(")
	if !ok || !strings.HasSuffix(inner, ")") {
		c.Values = []string{text}
		return c
	}
	for v := range strings.SplitSeq(strings.TrimSuffix(inner, ")"), ",") {
		c.Values = append(c.Values, strings.TrimSpace(v))
	}
	slices.Sort(c.Values)
	c.Values = slices.Compact(c.Values)
	return c
}

// parseSelector reads an object label → text.
func parseSelector(labels map[string]string) demand.LabelSelector {
	s := make(demand.LabelSelector, 0, len(labels))
	for label, text := range labels {
		s = append(s, parseConstraint(label, text))
	}
	slices.SortFunc(s, func(a, b demand.LabelConstraint) int { return cmp.Compare(a.Key, b.Key) })
	return s
}
