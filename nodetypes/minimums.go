package nodetypes

import "slices"

// enforceMinimums adds what is missing to every type's minimum. All nodes that
// are not given up count, a head of the type too. The new nodes stand before
// the others, in configuration order (_enforce_min_workers_per_type).
func (p *plan) enforceMinimums() {
	have := p.countByType(p.kept)
	var added []slot
	for i, t := range p.NodeTypes {
		if missing := int64(t.MinWorkers) - have[i]; missing > 0 {
			added = append(added, slot{p.fresh[i], none, missing})
			p.launch[i].Minimum += int(missing)
		}
	}
	if len(added) > 0 {
		p.list = slices.Concat(added, p.list)
	}
}
