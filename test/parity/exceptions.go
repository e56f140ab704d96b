package main

import (
	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/nodetypes/plancase"
)

// exception is a rule for differences in which Ray is wrong, or in which
// nothing is specified.
type exception struct {
	name   string
	reason string
	// explains tells whether the rule is all that this difference comes from.
	explains func(v verdict, exactly planner) (bool, error)
}

// exceptions are tried in this order. Each must be narrow enough that a fault
// of ours cannot hide behind it.
var exceptions = []exception{
	{
		name: "minimums above the maximum",
		reason: "The minimums do not fit under the cluster's maximum. Ray adds the missing nodes of a type as one object, many times in " +
			"the list; the maximum then terminates all of them with the first. What to plan instead is not specified.",
		explains: func(v verdict, _ planner) (bool, error) {
			c, err := plancase.Decode(v.raw)
			return err == nil && minimumsAboveMaximum(c.Request), nil
		},
	},
	{
		name: "binary rounding",
		reason: "Ray adds, subtracts and compares doubles: 0.6 − 0.2 − 0.2 is less than 0.2, and utilizations that are equal differ in " +
			"their last bit. Raylets count in integers of 1/10,000, as we do. The rule holds only where Ray's own code gives our answer " +
			"as soon as it computes with fractions.",
		explains: func(v verdict, exactly planner) (bool, error) {
			a, err := exactly(v.raw)
			return a.Error == "" && a.equal(v.ours), err
		},
	},
}

// minimumsAboveMaximum tells whether nodes are missing to the minimums and
// there is no room for them beside the nodes that the types' maximums keep.
func minimumsAboveMaximum(q nodetypes.Request) bool {
	kept, missing, head := 0, 0, 0
	for _, t := range q.NodeTypes {
		have, most := 0, t.MaxWorkers
		for _, n := range q.Nodes {
			if n.Type != t.Name || n.Status == nodetypes.Draining {
				continue
			}
			have++
			if n.Head {
				head = 1
				most += min(1, nodetypes.NoLimit-most)
			}
		}
		missing += max(0, t.MinWorkers-have)
		kept += max(min(have, most), t.MinWorkers)
	}
	return missing > 0 && q.MaxWorkers < nodetypes.NoLimit && kept > q.MaxWorkers+head
}
