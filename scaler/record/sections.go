package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
)

// sections are the JSON of the fields of a world or a decision by name. What is
// null is left out.
type sections map[string]json.RawMessage

// newSections takes a struct apart.
func newSections(v any) (sections, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var s sections
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, err
	}
	maps.DeleteFunc(s, func(_ string, raw json.RawMessage) bool { return isNull(raw) })
	return s, nil
}

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }

// add puts another struct's sections below a name.
func (s sections) add(name string, v any) error {
	more, err := newSections(v)
	for key, raw := range more {
		s[name+"."+key] = raw
	}
	return err
}

// lists are the sections that are lists of things with names, most of which are
// the same from one step to the next.
var lists = []string{"nodes", "workers"}

// delta writes sections as what has changed since the last ones, and reads them
// back: a section that is not there is as it was, null is there no more, and in
// a list a name stands for the thing of that name as it was.
type delta struct {
	last  sections
	named map[string]map[string]json.RawMessage // by list, by name
}

// encode is what has changed.
func (d *delta) encode(now sections) (sections, error) {
	out := sections{}
	for key, raw := range now {
		if !bytes.Equal(d.last[key], raw) {
			out[key] = raw
		}
	}
	for key := range d.last {
		if _, ok := now[key]; !ok {
			out[key] = json.RawMessage("null")
		}
	}
	for _, key := range lists {
		if raw, ok := out[key]; ok && !isNull(raw) {
			short, err := d.elide(key, raw)
			if err != nil {
				return nil, err
			}
			out[key] = short
		}
	}
	d.last = now
	return out, nil
}

// elide writes names for what is as it was.
func (d *delta) elide(key string, raw json.RawMessage) (json.RawMessage, error) {
	items, names, err := parse(raw)
	if err != nil {
		return nil, err
	}
	before := d.named[key]
	d.remember(key, items, names)
	for i, item := range items {
		if old, ok := before[names[i]]; ok && bytes.Equal(old, item) {
			if items[i], err = json.Marshal(names[i]); err != nil {
				return nil, err
			}
		}
	}
	return json.Marshal(items)
}

// parse takes a list apart.
func parse(raw json.RawMessage) (items []json.RawMessage, names []string, err error) {
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, nil, err
	}
	names = make([]string, len(items))
	for i, item := range items {
		var named struct{ Name string }
		if len(item) > 0 && item[0] == '{' {
			err = json.Unmarshal(item, &named)
		}
		if err != nil {
			return nil, nil, err
		}
		names[i] = named.Name
	}
	return items, names, nil
}

func (d *delta) remember(key string, items []json.RawMessage, names []string) {
	if d.named == nil {
		d.named = map[string]map[string]json.RawMessage{}
	}
	by := make(map[string]json.RawMessage, len(items))
	for i, item := range items {
		by[names[i]] = item
	}
	d.named[key] = by
}

// decode makes the sections whole again.
func (d *delta) decode(changed sections) (sections, error) {
	now := maps.Clone(d.last)
	if now == nil {
		now = sections{}
	}
	for key, raw := range changed {
		if isNull(raw) {
			delete(now, key)
		} else {
			now[key] = raw
		}
	}
	for _, key := range lists {
		if raw, ok := changed[key]; ok && !isNull(raw) {
			whole, err := d.expand(key, raw)
			if err != nil {
				return nil, err
			}
			now[key] = whole
		}
	}
	d.last = now
	return now, nil
}

// expand puts back what names stand for.
func (d *delta) expand(key string, raw json.RawMessage) (json.RawMessage, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, fail(key, "must be a list", fmt.Sprintf("%.80s", raw))
	}
	size := 0
	for i, item := range items {
		if len(item) > 0 && item[0] == '"' {
			var name string
			if err := json.Unmarshal(item, &name); err != nil {
				return nil, err
			}
			old, ok := d.named[key][name]
			if !ok {
				return nil, fail(key, "must name what was in the list before", fmt.Sprintf("%q", name))
			}
			items[i] = old
		}
		if size += len(items[i]); size > MaxLine {
			return nil, fail(key, fmt.Sprintf("must have at most %d bytes", MaxLine), "more")
		}
	}
	whole, err := json.Marshal(items)
	if err != nil {
		return nil, err
	}
	items, names, err := parse(whole)
	if err != nil {
		return nil, fail(key, "must be a list of things with names", err)
	}
	d.remember(key, items, names)
	return whole, nil
}
