package kuberay

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
)

// ErrManifest is wrapped by every error about a manifest.
var ErrManifest = errors.New("bad RayCluster")

// reader keeps the first thing that is wrong, and what has no equivalent.
type reader struct {
	err    error
	losses []Loss
}

func (r *reader) fail(path, rule string, value any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s: %s (got %s)", ErrManifest, path, rule, shown(value))
	}
}

// lose notes that a value has no equivalent.
func (r *reader) lose(path string, value any, advice string) {
	r.losses = append(r.losses, Loss{Path: path, Value: shown(value), Advice: advice})
}

// section is a mapping whose fields are taken one by one; rest is what nobody
// took.
type section struct {
	*reader
	path   string
	fields map[string]any
}

// take is a field's value; nil if it is absent.
func (s section) take(key string) any {
	v := s.fields[key]
	delete(s.fields, key)
	return v
}

// rest says of all fields that are left, and say something, that they have no
// equivalent.
func (s section) rest() {
	for _, key := range slices.Sorted(maps.Keys(s.fields)) {
		if v := s.fields[key]; !empty(v) {
			s.lose(s.key(key), v, adviceFor(s.key(key)))
		}
	}
}

// empty tells whether a value says nothing.
func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return v == false || v == ""
}

func (s section) key(name string) string {
	if s.path == "" {
		return name
	}
	return s.path + "." + name
}

// mapping is a value as a section, empty if it is absent.
func (r *reader) mapping(path string, v any) section {
	m, ok := v.(map[string]any)
	if !ok && v != nil {
		r.fail(path, "must be a mapping", v)
	}
	return section{r, path, maps.Clone(m)}
}

func (s section) section(key string) section { return s.mapping(s.key(key), s.take(key)) }

// sections are a list's mappings.
func (s section) sections(key string) []section {
	var out []section
	for i, v := range s.list(key) {
		path := fmt.Sprintf("%s[%d]", s.key(key), i)
		if v == nil {
			s.fail(path, "must be a mapping", v)
		}
		out = append(out, s.mapping(path, v))
	}
	return out
}

func (s section) list(key string) []any {
	v := s.take(key)
	l, ok := v.([]any)
	if !ok && v != nil {
		s.fail(s.key(key), "must be a list", v)
	}
	return l
}

// objects are a list's mappings as they are.
func (s section) objects(key string) []map[string]any {
	var out []map[string]any
	for _, e := range s.sections(key) {
		out = append(out, e.fields)
	}
	return out
}

func (s section) object(key string) map[string]any { return s.section(key).fields }

func (s section) text(key string) string {
	v := s.take(key)
	t, ok := v.(string)
	if !ok && v != nil {
		s.fail(s.key(key), "must be text", v)
	}
	return t
}

// scalar is a text or a number as text, as Kubernetes' quantities are.
func (s section) scalar(key string) string {
	switch v := s.take(key).(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	default:
		s.fail(s.key(key), "must be text or a number", v)
		return ""
	}
}

// scalars are a mapping's texts and numbers as texts.
func (s section) scalars(key string) map[string]string {
	m := s.section(key)
	var out map[string]string
	for _, k := range slices.Sorted(maps.Keys(m.fields)) {
		if out == nil {
			out = map[string]string{}
		}
		out[k] = m.scalar(k)
	}
	return out
}

func (s section) boolean(key string) bool {
	v := s.take(key)
	b, ok := v.(bool)
	if !ok && v != nil {
		s.fail(s.key(key), "must be true or false", v)
	}
	return b
}

// integer is a whole number of 32 bits, at least the given one; otherwise if it
// is absent.
func (s section) integer(key string, least, otherwise int) int {
	v := s.take(key)
	if v == nil {
		return otherwise
	}
	n, _ := v.(json.Number)
	i, err := strconv.ParseInt(n.String(), 10, 32)
	if err != nil || i < int64(least) {
		s.fail(s.key(key), fmt.Sprintf("must be a whole number within %d…%d", least, math.MaxInt32), v)
		return otherwise
	}
	return int(i)
}
