package nodetypes

import "github.com/rayburst/rayburst/demand"

// placeTasks places as many of the waiting tasks and actors as fit, and
// reports the rest (_sched_resource_requests).
func (p *plan) placeTasks() {
	s := p.newStep(p.Demand.Tasks)
	s.last = true
	o := p.place(s, func(s slot) *state { return s.state })
	if p.trace != nil {
		p.trace.tasks = p.trace.step(TaskItem, p.Demand.Tasks, o)
	}
	p.commit(o, func(u *uses, n int64) { u.tasks += n })
	for _, w := range o.opened {
		p.launch[w.state.kind.index].Task += int(w.n)
	}
	p.infeasible.Tasks = unplacedTasks(p.Demand.Tasks, s.unplaced())
}

// unplacedTasks adds equal requests together; the sum stands where the first
// entry with such a request stands among the tasks.
func unplacedTasks(tasks []demand.Shape, left map[int]int64) []demand.Shape {
	if len(left) == 0 {
		return nil
	}
	first, count := map[string]int{}, make([]int64, len(tasks))
	for i, t := range tasks {
		if t.Count == 0 {
			continue
		}
		key := requestKey(t.ResourceRequest)
		if _, ok := first[key]; !ok {
			first[key] = i
		}
		count[first[key]] = addCounts(count[first[key]], left[i])
	}
	var out []demand.Shape
	for i, n := range count {
		if n > 0 {
			out = append(out, demand.Shape{ResourceRequest: tasks[i].ResourceRequest, Count: n})
		}
	}
	return out
}
