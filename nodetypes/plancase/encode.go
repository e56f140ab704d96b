package plancase

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

type result struct {
	Launch     map[string]int  `json:"launch"`
	Terminate  []termination   `json:"terminate"`
	Infeasible infeasible      `json:"infeasible"`
	LaunchNow  *map[string]int `json:"launchNow,omitempty"`
}

type termination struct {
	ID     string           `json:"id"`
	Reason nodetypes.Reason `json:"reason"`
}

type infeasible struct {
	Tasks       []shape  `json:"tasks"`
	Gangs       []string `json:"gangs"`
	Constraints []shape  `json:"constraints"`
}

type shape struct {
	Resources     map[string]json.Number `json:"resources"`
	Count         int64                  `json:"count"`
	LabelSelector map[string]string      `json:"labelSelector,omitempty"`
	Fallback      []map[string]string    `json:"fallback,omitempty"`
}

// Encode writes the plan for a case as one line of JSON without a line break.
// Selectors are repeated as the case has them. Equal replies give equal bytes.
func (c *Case) Encode(r nodetypes.Reply) ([]byte, error) { return json.Marshal(c.result(r)) }

func (c *Case) result(r nodetypes.Reply) result {
	out := result{Launch: map[string]int{}, Terminate: []termination{},
		Infeasible: infeasible{Tasks: c.unplacedTasks(r), Gangs: []string{}, Constraints: c.unplacedConstraints(r)}}
	for _, l := range r.Launch {
		out.Launch[l.Type] = l.Count()
	}
	for _, t := range r.Terminate {
		out.Terminate = append(out.Terminate, termination(t))
	}
	for _, g := range r.Infeasible.Gangs {
		out.Infeasible.Gangs = append(out.Infeasible.Gangs, g.Name)
	}
	if r.LaunchNow != nil {
		out.LaunchNow = &r.LaunchNow
	}
	return out
}

// unplacedTasks finds how each infeasible task was written: as the first task
// of the case with the same request.
func (c *Case) unplacedTasks(r nodetypes.Reply) []shape {
	out := []shape{}
	next := 0 // the infeasible tasks are in the order of the case
	for _, s := range r.Infeasible.Tasks {
		key := s.Key()
		for c.Demand.Tasks[next].Count == 0 || c.Demand.Tasks[next].Key() != key {
			next++
		}
		out = append(out, newShape(s, c.tasks[next]))
	}
	return out
}

// unplacedConstraints are none, or all with a count.
func (c *Case) unplacedConstraints(r nodetypes.Reply) []shape {
	out := []shape{}
	if len(r.Infeasible.Constraints) == 0 {
		return out
	}
	for i, s := range c.Demand.Constraints {
		if s.Count > 0 {
			out = append(out, newShape(s, c.constraints[i]))
		}
	}
	return out
}

func newShape(s demand.Shape, w written) shape {
	return shape{Resources: amounts(s.Resources), Count: s.Count, LabelSelector: w.selector, Fallback: w.fallback}
}

// exact is an amount in whole units, with as many decimals as it needs.
func exact(a demand.Amount) json.Number { return fixed(int64(a), 4) }

// fixed is n / 10^decimals, with as many decimals as it needs.
func fixed(n int64, decimals int) json.Number {
	s := strconv.FormatInt(n, 10)
	if len(s) <= decimals {
		s = strings.Repeat("0", decimals+1-len(s)) + s
	}
	whole, fraction := s[:len(s)-decimals], strings.TrimRight(s[len(s)-decimals:], "0")
	if fraction == "" {
		return json.Number(whole)
	}
	return json.Number(whole + "." + fraction)
}
