package scaler

import "strconv"

// phantom is a replica that is asked for and not there yet.
type phantom struct {
	Worker
	plan string // its id in the plan
}

// phantoms are the phantoms of each type, by number: their names are made once.
type phantoms map[string][]*phantom

func (p phantoms) get(nodeType string, i int) *phantom {
	for n := len(p[nodeType]); n <= i; n++ {
		name := nodeType + "#" + strconv.Itoa(n)
		p[nodeType] = append(p[nodeType], &phantom{Worker{Name: name, Type: nodeType}, "new:" + name})
	}
	return p[nodeType][i]
}

// phantomType is the type of a replica that is asked for and not there yet; empty
// for the name of a worker.
func phantomType(name string) string {
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '#' {
			return name[:i]
		}
	}
	return ""
}
