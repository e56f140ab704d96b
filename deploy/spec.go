package deploy

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// shape tells which keys of a mapping are Ray's own: these are in camelCase in
// a RayCluster's spec. A nil shape has none, and is kept as it is.
type shape struct {
	keys  rules
	open  bool              // other keys are allowed, and kept as they are
	inner map[string]*shape // of the values, by Ray's key
	each  *shape            // of the values of keys that are all the user's
}

var (
	dockerShape = &shape{keys: dockerKeys}
	typeShape   = &shape{keys: typeKeys, inner: map[string]*shape{"docker": dockerShape}}
	topShape    = &shape{keys: topKeys, inner: map[string]*shape{
		"auth": {keys: authKeys}, "available_node_types": {each: typeShape}, "docker": dockerShape, "provider": {keys: providerKeys, open: true},
	}}
)

// ParseSpec reads the spec of a RayCluster: Ray's cluster YAML with its keys in
// camelCase and without cluster_name, which is the object's name. It fails with
// a *FieldError that names the key as the spec has it, or with ErrYAML.
func ParseSpec(name string, spec map[string]any) (*Cluster, error) {
	b, err := snakeYAML(name, spec)
	if err != nil {
		return nil, err
	}
	c, err := ParseCluster(b)
	if err != nil {
		return nil, InSpec(spec, err)
	}
	return c, nil
}

// InSpec is an error about a cluster YAML that was made of a spec, with the key
// as the spec has it. Other errors stay as they are.
func InSpec(spec map[string]any, err error) error {
	if e, ok := err.(*FieldError); ok { //nolint:errorlint // a wrapped one has more to say
		return &FieldError{Key: topShape.camelPath(e.Key, spec), Rule: e.Rule, Value: e.Value}
	}
	return err
}

// snakeYAML is the cluster YAML of a spec. It is JSON, which leaves no text to
// be taken for something else, but for a speed without bound.
func snakeYAML(name string, spec map[string]any) ([]byte, error) {
	if _, ok := spec["clusterName"]; ok {
		return nil, &FieldError{Key: "clusterName", Rule: "must not be given: the object's name is it", Value: describeJSON(spec["clusterName"])}
	}
	doc, err := topShape.snake("", spec)
	if err != nil {
		return nil, err
	}
	doc["cluster_name"] = name
	start := "{"
	if s, _ := doc["upscaling_speed"].(string); s == "inf" || s == ".inf" {
		delete(doc, "upscaling_speed")
		start = `{"upscaling_speed": .inf, `
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrYAML, err)
	}
	return append([]byte(start), b[1:]...), nil
}

// snake is a mapping with Ray's keys as a cluster YAML has them.
func (s *shape) snake(path string, m map[string]any) (map[string]any, error) {
	out := make(map[string]any, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		at := strings.TrimPrefix(path+"."+key, ".")
		to, inner, err := s.rayKey(at, key)
		if err != nil {
			return nil, err
		}
		if _, ok := out[to]; ok {
			return nil, &FieldError{Key: at, Rule: "must be given once", Value: "twice"}
		}
		value := m[key]
		if sub, ok := value.(map[string]any); ok && inner != nil {
			if value, err = inner.snake(at, sub); err != nil {
				return nil, err
			}
		}
		out[to] = value
	}
	return out, nil
}

// rayKey is a key as Ray has it, and the shape of its value.
func (s *shape) rayKey(path, key string) (string, *shape, error) {
	if s.each != nil {
		return key, s.each, nil
	}
	to := snakeCase(key)
	if _, ok := s.keys[to]; ok && camelCase(to) == key {
		return to, s.inner[to], nil
	}
	if s.open {
		return key, nil, nil
	}
	return "", nil, &FieldError{Key: path, Rule: unknownKey(key, s.camelKeys()), Value: "an unknown key"}
}

// camelKeys are Ray's keys as a spec has them, sorted. cluster_name is none.
func (s *shape) camelKeys() []string {
	var out []string
	for key := range s.keys {
		if key != "cluster_name" {
			out = append(out, camelCase(key))
		}
	}
	slices.Sort(out)
	return out
}

// SpecKeys are the keys of a RayCluster's spec by the mapping that they are in:
// "" is the spec itself, * any name of the user's. Each list is sorted.
func SpecKeys() map[string][]string {
	typeDocker := rules{"pull_before_run": nil, "worker_image": nil, "worker_run_options": nil}
	return map[string][]string{
		"": topShape.camelKeys(), "auth": topShape.inner["auth"].camelKeys(), "docker": dockerShape.camelKeys(),
		"provider": topShape.inner["provider"].camelKeys(), "availableNodeTypes.*": typeShape.camelKeys(),
		"availableNodeTypes.*.docker": (&shape{keys: typeDocker}).camelKeys(),
	}
}

// camelPath is the way to a key as the spec has it.
func (s *shape) camelPath(path string, value any) string {
	m, _ := value.(map[string]any)
	if s == nil {
		return path
	}
	if s.each != nil {
		name := userKey(path, m)
		rest, more := strings.CutPrefix(path[len(name):], ".")
		if !more {
			return path
		}
		return name + "." + s.each.camelPath(rest, m[name])
	}
	key, rest, more := strings.Cut(path, ".")
	name, index, _ := strings.Cut(key, "[")
	if _, ok := s.keys[name]; !ok {
		return path
	}
	camel := camelCase(name) + strings.TrimPrefix(key, name)
	if !more || index != "" {
		return strings.TrimSuffix(camel+"."+rest, ".")
	}
	return camel + "." + s.inner[name].camelPath(rest, m[camel])
}

// userKey is the key of m that the path begins with, the longest of several.
func userKey(path string, m map[string]any) string {
	best := ""
	for key := range m {
		if rest, ok := strings.CutPrefix(path, key); ok && (rest == "" || rest[0] == '.') && len(key) > len(best) {
			best = key
		}
	}
	return best
}

// CamelSpec is a Ray cluster YAML as a RayCluster's spec, and its cluster_name.
// It fails as ParseCluster does.
func CamelSpec(b []byte) (name string, spec map[string]any, err error) {
	c, err := ParseCluster(b)
	if err != nil {
		return "", nil, err
	}
	node, err := document(b)
	if err != nil {
		return "", nil, err
	}
	value, err := plain(node)
	if err != nil {
		return "", nil, fmt.Errorf("%w: %w", ErrYAML, err)
	}
	m, _ := value.(map[string]any)
	delete(m, "cluster_name")
	return c.Name, topShape.camel(m), nil
}

// plain is a YAML value as JSON has it: numbers without end are texts.
func plain(node *yaml.Node) (any, error) {
	var out any
	if err := node.Decode(&out); err != nil {
		return nil, err
	}
	b, err := json.Marshal(finite(out))
	if err != nil {
		return nil, err
	}
	out = nil
	return out, json.Unmarshal(b, &out)
}

// finite is a value with .inf as a text, as JSON has no such number.
func finite(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key := range v {
			v[key] = finite(v[key])
		}
	case []any:
		for i := range v {
			v[i] = finite(v[i])
		}
	case float64:
		if math.IsInf(v, 1) {
			return "inf"
		}
	}
	return v
}

// camel is a mapping with Ray's keys as a spec has them.
func (s *shape) camel(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for key, value := range m {
		to, inner := key, s.each
		if _, ok := s.keys[key]; ok {
			to, inner = camelCase(key), s.inner[key]
		}
		if sub, ok := value.(map[string]any); ok && inner != nil {
			value = inner.camel(sub)
		}
		out[to] = value
	}
	return out
}

// camelCase is the name of a snake_case key in camelCase.
func camelCase(key string) string {
	var out strings.Builder
	for i, part := range strings.Split(key, "_") {
		if i > 0 && part != "" {
			part = strings.ToUpper(part[:1]) + part[1:]
		}
		out.WriteString(part)
	}
	return out.String()
}

// snakeCase is the name of a camelCase key in snake_case.
func snakeCase(key string) string {
	var out strings.Builder
	for _, r := range key {
		if r >= 'A' && r <= 'Z' {
			out.WriteByte('_')
			r += 'a' - 'A'
		}
		out.WriteRune(r)
	}
	return out.String()
}

func describeJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}
