package demand

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
)

// Label is one of a node's.
type Label struct{ Key, Value string }

// Labels are a node's: sorted by key, each key once. Treat values as immutable.
type Labels []Label

// NewLabels are those of a map; nil: there are none.
func NewLabels(m map[string]string) Labels {
	if len(m) == 0 {
		return nil
	}
	l := make(Labels, 0, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		l = append(l, Label{key, m[key]})
	}
	return l
}

// Get is the value of a label, and whether there is one.
func (l Labels) Get(key string) (string, bool) {
	i, ok := l.find(key)
	if !ok {
		return "", false
	}
	return l[i].Value, true
}

// With is l with one label set.
func (l Labels) With(key, value string) Labels {
	i, ok := l.find(key)
	if ok {
		l = slices.Clone(l)
		l[i].Value = value
		return l
	}
	return slices.Insert(slices.Clip(l), i, Label{key, value})
}

func (l Labels) find(key string) (int, bool) {
	return slices.BinarySearchFunc(l, key, func(a Label, key string) int { return cmp.Compare(a.Key, key) })
}

// Map are the labels by key.
func (l Labels) Map() map[string]string {
	m := make(map[string]string, len(l))
	for _, a := range l {
		m[a.Key] = a.Value
	}
	return m
}

// MarshalJSON is an object.
func (l Labels) MarshalJSON() ([]byte, error) {
	if l == nil {
		return []byte("null"), nil
	}
	return json.Marshal(l.Map())
}

// UnmarshalJSON reads an object of texts.
func (l *Labels) UnmarshalJSON(b []byte) error {
	var m map[string]string
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	*l = NewLabels(m)
	return nil
}
