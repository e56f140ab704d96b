// Package demand is what the raylets of a Ray cluster say: how much they have,
// how much of it is free, and what waits for resources. It holds values and
// functions only; the clock, NATS and Ray live in its sub-folders and callers.
package demand

import (
	"slices"
	"strconv"
	"strings"
)

// ResourceRequest is what one task, actor or bundle needs: Ray's
// ResourceRequest without its placement constraints.
type ResourceRequest struct {
	Resources Resources `json:"resources"`
	// Selectors are alternatives in order of preference: the label selector,
	// then its fallbacks. None means any node.
	Selectors []LabelSelector `json:"selectors,omitempty"`

	key string // of a canonical request; empty: not known
}

// Equal tells whether two requests ask for the same in the same words.
func (r ResourceRequest) Equal(o ResourceRequest) bool {
	return slices.Equal(r.Resources, o.Resources) && slices.EqualFunc(r.Selectors, o.Selectors, LabelSelector.Equal)
}

// Key is a string that is equal for equal requests and only for them, if
// selectors are canonical. It is not made again for what [ResourceRequest.Canonical]
// returned, whose fields must not be changed.
func (r ResourceRequest) Key() string {
	if r.key != "" {
		return r.key
	}
	var b strings.Builder
	for _, e := range r.Resources {
		b.WriteString(strconv.Quote(e.Name))
		b.WriteString(strconv.FormatInt(int64(e.Amount), 10))
	}
	for _, s := range r.Selectors {
		b.WriteByte('|')
		for _, c := range s {
			b.WriteString(strconv.Quote(c.Key))
			b.WriteString(strconv.FormatBool(c.NotIn))
			for _, v := range c.Values {
				b.WriteString(strconv.Quote(v))
			}
			b.WriteByte(';')
		}
	}
	return b.String()
}

// String prints the request for people: {GPU: 1} [zone=a or zone=b].
func (r ResourceRequest) String() string {
	if len(r.Selectors) == 0 {
		return r.Resources.String()
	}
	parts := make([]string, len(r.Selectors))
	for i, s := range r.Selectors {
		parts[i] = s.String()
	}
	return r.Resources.String() + " [" + strings.Join(parts, " or ") + "]"
}

// Shape is a request with the number of times it is wanted. Counts are never
// expanded into single requests.
type Shape struct {
	ResourceRequest
	Count int64 `json:"count"`
}

func (s Shape) equal(o Shape) bool { return s.Count == o.Count && s.Equal(o.ResourceRequest) }

// Strategy is a placement group's strategy, in Ray's spelling.
type Strategy string

// The four strategies of Ray's placement groups.
const (
	Pack         Strategy = "PACK"
	Spread       Strategy = "SPREAD"
	StrictPack   Strategy = "STRICT_PACK"
	StrictSpread Strategy = "STRICT_SPREAD"
)

// Strict tells whether the strategy puts a condition on nodes.
func (s Strategy) Strict() bool { return s == StrictPack || s == StrictSpread }

// Gang is a placement group that waits, with the bundles that have no node
// yet. It is placed wholly or not at all.
type Gang struct {
	Name     string   `json:"name"` // the placement group's id in hex, or any unique name
	Strategy Strategy `json:"strategy"`
	Bundles  []Shape  `json:"bundles"`
}

func (g Gang) equal(o Gang) bool {
	return g.Name == o.Name && g.Strategy == o.Strategy && slices.EqualFunc(g.Bundles, o.Bundles, Shape.equal)
}

// Demand is all that waits in one Ray cluster.
type Demand struct {
	Tasks       []Shape `json:"tasks"` // tasks and actors, each request once
	Gangs       []Gang  `json:"gangs"`
	Constraints []Shape `json:"constraints"` // request_resources(): held against totals, all or nothing
}
