package nodetypes

import (
	"fmt"
	"strings"

	"github.com/rayburst/rayburst/demand"
)

// Lack is one thing for which no node of a type can take a request: too
// little of a resource or, without a resource, that no label selector holds.
type Lack struct {
	Resource   string
	Has, Needs demand.Amount
}

// String says it for people: GPU: has 0, needs 1.
func (l Lack) String() string {
	if l.Resource == "" {
		return "its label selector does not hold"
	}
	return fmt.Sprintf("%s: has %v, needs %v", l.Resource, l.Has, l.Needs)
}

// Lacks is why not even an empty node of the type could take a request:
// resources by name, then the selector. None if it could.
func (t *NodeType) Lacks(r demand.ResourceRequest) []Lack {
	var out []Lack
	for _, e := range r.Resources {
		has, stated := t.Resources.Get(e.Name)
		if !stated && strings.HasPrefix(e.Name, implicitPrefix) {
			has = demand.Unit
		}
		if has < e.Amount {
			out = append(out, Lack{e.Name, has, e.Amount})
		}
	}
	if !holdsAny(r.Selectors, demand.NewLabels(t.Labels)) {
		out = append(out, Lack{})
	}
	return out
}

// holdsAny tells whether one of the alternatives holds; none asks for nothing.
func holdsAny(selectors []demand.LabelSelector, labels demand.Labels) bool {
	for _, s := range selectors {
		if s.Matches(labels) {
			return true
		}
	}
	return len(selectors) == 0
}

// Nearest is the index of the type that lacks least of a request, -1 without
// types. A resource that a type has not at all weighs double.
func Nearest(types []NodeType, r demand.ResourceRequest) int {
	best, least := none, 0
	for i := range types {
		weight := 0
		for _, l := range types[i].Lacks(r) {
			if weight++; l.Resource != "" && l.Has == 0 {
				weight++
			}
		}
		if best == none || weight < least {
			best, least = i, weight
		}
	}
	return best
}
