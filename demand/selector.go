package demand

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// LabelConstraint is one condition on one label of a node, Ray's
// LabelSelectorConstraint: the label's value is (or, with NotIn, is not) one
// of Values. A node without the label satisfies only NotIn.
type LabelConstraint struct {
	Key    string   `json:"key"`
	NotIn  bool     `json:"notIn,omitempty"`
	Values []string `json:"values"` // sorted, each once
}

// Matches tells whether a node with these labels satisfies the condition.
func (c LabelConstraint) Matches(labels Labels) bool {
	v, ok := labels.Get(c.Key)
	return (ok && slices.Contains(c.Values, v)) != c.NotIn
}

// Equal tells whether two conditions are the same in the same words.
func (c LabelConstraint) Equal(o LabelConstraint) bool {
	return c.Key == o.Key && c.NotIn == o.NotIn && slices.Equal(c.Values, o.Values)
}

// String prints the condition in the syntax of Ray's label_selector:
// key=a, key=!a, key=in(a,b), key=!in(a,b).
func (c LabelConstraint) String() string {
	v := strings.Join(c.Values, ",")
	if len(c.Values) != 1 {
		v = "in(" + v + ")"
	}
	if c.NotIn {
		v = "!" + v
	}
	return c.Key + "=" + v
}

// LabelSelector is a list of conditions that must all hold, sorted by key.
// The empty selector matches every node.
type LabelSelector []LabelConstraint

// Matches tells whether a node with these labels satisfies every condition.
func (s LabelSelector) Matches(labels Labels) bool {
	for _, c := range s {
		if !c.Matches(labels) {
			return false
		}
	}
	return true
}

// String prints the conditions separated by blanks.
func (s LabelSelector) String() string {
	parts := make([]string, len(s))
	for i, c := range s {
		parts[i] = c.String()
	}
	return strings.Join(parts, " ")
}

// Equal tells whether two selectors are the same in the same words.
func (s LabelSelector) Equal(o LabelSelector) bool {
	return slices.EqualFunc(s, o, LabelConstraint.Equal)
}

// Canonical is the selector with sorted conditions and sorted, distinct
// values. Ray sends label values in random order, so two entries for one
// selector are equal only in this form.
func (s LabelSelector) Canonical() LabelSelector {
	out := make(LabelSelector, len(s))
	for i, c := range s {
		v := slices.Clone(c.Values)
		slices.Sort(v)
		out[i] = LabelConstraint{c.Key, c.NotIn, slices.Compact(v)}
	}
	slices.SortStableFunc(out, compareConstraints)
	return out
}

func compareConstraints(a, b LabelConstraint) int {
	return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(strconv.FormatBool(a.NotIn), strconv.FormatBool(b.NotIn)),
		slices.Compare(a.Values, b.Values))
}
