package nodetypes

import "github.com/rayburst/rayburst/demand"

// floors has, for every run, the least that it and each run behind it ask of
// every resource: a node with less of one of them takes none of these runs.
type floors struct {
	kinds int
	least []demand.Amount // kinds for each run
}

// maxFloors bounds the memory; where there would be more there are none.
const maxFloors = 1 << 20

func newFloors(kinds int, runs []run) floors {
	if kinds == 0 || len(runs) == 0 || kinds > maxFloors/len(runs) {
		return floors{}
	}
	f := floors{kinds, make([]demand.Amount, kinds*len(runs))}
	for i := len(runs) - 1; i >= 0; i-- {
		at := f.of(i)
		for _, n := range runs[i].needs {
			at[n.resource] = n.amount
		}
		if i+1 < len(runs) {
			for j, behind := range f.of(i + 1) {
				at[j] = min(at[j], behind)
			}
		}
	}
	return f
}

func (f floors) of(run int) []demand.Amount { return f.least[run*f.kinds : (run+1)*f.kinds] }

// above is a resource of which run and all behind it ask for more than is free,
// or none.
func (f floors) above(free []demand.Amount, run int) int {
	if f.kinds == 0 {
		return none
	}
	for i, least := range f.of(run) {
		if free[i] < least {
			return i
		}
	}
	return none
}
