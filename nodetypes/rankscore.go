package nodetypes

import (
	"fmt"
	"strconv"

	"github.com/rayburst/rayburst/demand"
)

// Score is how a new node was ranked, in the order of comparison: the first
// number that differs decides, and higher wins.
type Score struct {
	Label     int     // which label selector holds: the first of n counts n, the last 1; 0 without selectors
	NoGPU     bool    // it wastes no GPU on demand without GPU
	Kinds     int     // of resources that it would use
	Least     float64 // utilization of its least used resource: total × (used/total)³, to 4 digits
	Mean      float64 // mean utilization of its resources, likewise
	Recovered float64 // the type's recovered availability
	Priority  int     // the type's
	Cloud     float64 // the type's cloud availability
}

func (r *rank) score() Score {
	return Score{r.label, r.gpuOK, r.kinds, whole(r.leastNear), whole(r.meanNear), r.kind.recovered, r.kind.priority, r.kind.cloud}
}

// whole is a number of amounts in whole units, rounded for people.
func whole(f float64) float64 {
	f, _ = strconv.ParseFloat(strconv.FormatFloat(f/float64(demand.Unit), 'g', 4, 64), 64) // it has just been printed
	return f
}

// defeat says in words why r lost to the winner, whose type is named so.
func (r *rank) defeat(winner *rank, name string) string {
	a, b := r.score(), winner.score()
	differs := func(what string, ours, theirs any) string {
		return fmt.Sprintf("%s scored higher: %s %v, here %v", name, what, theirs, ours)
	}
	switch {
	case a.Label != b.Label:
		return differs("rank of the label selector that holds", a.Label, b.Label)
	case a.NoGPU != b.NoGPU:
		return name + " scored higher: here a GPU would be wasted on demand without GPU"
	case a.Kinds != b.Kinds:
		return differs("kinds of resources in use", a.Kinds, b.Kinds)
	case r.compareLeast(winner) != 0:
		return differs("utilization of the least used resource", a.Least, b.Least)
	case r.compareMean(winner) != 0:
		return differs("mean utilization", a.Mean, b.Mean)
	case a.Recovered != b.Recovered:
		return differs("recovered availability", a.Recovered, b.Recovered)
	case a.Priority != b.Priority:
		return differs("priority", a.Priority, b.Priority)
	case a.Cloud != b.Cloud:
		return differs("cloud availability", a.Cloud, b.Cloud)
	}
	return name + " is as good and comes first"
}
