package deploy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"sigs.k8s.io/yaml"
)

// Change is an object that an update makes, changes or removes.
type Change struct {
	Verb         string // create, change or remove
	Kind, Name   string
	Diff         string // of a changed object, unified, without headers
	ReplacesPods bool   // its pods are made anew
}

// Changes compares two manifests, YAML streams of Kubernetes objects, by kind and
// name: what is made and changed in the order of the new one, then what is
// removed. Contents of Secrets are not shown. It fails if one is no YAML.
func Changes(old, updated string) ([]Change, error) {
	was, _, err := objects(old)
	if err != nil {
		return nil, fmt.Errorf("reading the old manifests: %w", err)
	}
	is, order, err := objects(updated)
	if err != nil {
		return nil, fmt.Errorf("reading the new manifests: %w", err)
	}
	var out []Change
	for _, id := range order {
		before, ok := was[id]
		switch {
		case !ok:
			out = append(out, is[id].change("create"))
		case before.text != is[id].text:
			out = append(out, before.to(is[id]))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(was)) {
		if _, ok := is[id]; !ok {
			out = append(out, was[id].change("remove"))
		}
	}
	return out, nil
}

// manifestObject is one of a manifest, as YAML with sorted keys.
type manifestObject struct {
	kind, name, text, template string
}

func (o manifestObject) change(verb string) Change {
	return Change{Verb: verb, Kind: o.kind, Name: o.name}
}

func (o manifestObject) to(next manifestObject) Change {
	c := next.change("change")
	c.ReplacesPods = o.template != next.template
	if o.kind == "Secret" {
		return c
	}
	diff := udiff.Unified("", "", o.text, next.text)
	_, c.Diff, _ = strings.Cut(strings.TrimPrefix(diff, "--- \n"), "\n")
	return c
}

// objects are the objects of a manifest by kind and name, and these in order.
func objects(manifest string) (map[string]manifestObject, []string, error) {
	out := map[string]manifestObject{}
	var order []string
	for _, doc := range strings.Split("\n"+manifest, "\n---") {
		var m map[string]any
		if err := yaml.Unmarshal([]byte(doc), &m); err != nil {
			return nil, nil, err
		}
		if len(m) == 0 {
			continue
		}
		o, err := objectOf(m)
		if err != nil {
			return nil, nil, err
		}
		id := o.kind + "/" + o.name
		out[id] = o
		order = append(order, id)
	}
	return out, order, nil
}

func objectOf(m map[string]any) (manifestObject, error) {
	kind, _ := m["kind"].(string)
	meta, _ := m["metadata"].(map[string]any)
	name, _ := meta["name"].(string)
	text, err := yaml.Marshal(m)
	if err != nil {
		return manifestObject{}, err
	}
	o := manifestObject{kind: kind, name: name, text: string(text)}
	if spec, ok := m["spec"].(map[string]any); ok && spec["template"] != nil {
		template, err := yaml.Marshal(spec["template"])
		if err != nil {
			return manifestObject{}, err
		}
		o.template = string(template)
	}
	return o, nil
}
