package scaler

// roster is where a cluster's workers stand in a World. It is kept from decision
// to decision, since they seldom change.
type roster struct {
	names []string
	at    map[string]int
}

func (o *roster) update(workers []Worker) {
	if o.holds(workers) {
		return
	}
	o.names, o.at = make([]string, len(workers)), make(map[string]int, len(workers))
	for i := range workers {
		o.names[i], o.at[workers[i].Name] = workers[i].Name, i
	}
}

func (o *roster) holds(workers []Worker) bool {
	if len(o.names) != len(workers) {
		return false
	}
	for i := range workers {
		if workers[i].Name != o.names[i] {
			return false
		}
	}
	return true
}

// find is the place of a worker. It is looked for at one place first: nodes come
// in nearly the order of their workers.
func (o *roster) find(name string, first int) (int, bool) {
	if first >= 0 && first < len(o.names) && o.names[first] == name {
		return first, true
	}
	at, ok := o.at[name]
	return at, ok
}

// has tells whether a worker is there.
func (o *roster) has(name string) bool {
	_, ok := o.at[name]
	return ok
}
