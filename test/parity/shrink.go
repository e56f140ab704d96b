package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// shrink takes away from a case what it can while holds stays true, and
// returns what is left: members and list entries are dropped, numbers halved.
// holds must refuse what is no valid case.
func shrink(raw []byte, holds func([]byte) bool) []byte {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	s := shrinker{holds: holds, changed: true}
	if err := d.Decode(&s.root); err != nil {
		return raw
	}
	for s.changed {
		s.changed = false
		s.reduce(s.root, func(v any) { s.root = v })
	}
	return []byte(text(s.root))
}

type shrinker struct {
	root    any
	holds   func([]byte) bool
	changed bool
}

// try does a change, and undoes it if what is looked for is gone.
func (s *shrinker) try(do, undo func()) bool {
	do()
	if s.holds([]byte(text(s.root))) {
		s.changed = true
		return true
	}
	undo()
	return false
}

// reduce makes v smaller; put replaces it within the whole.
func (s *shrinker) reduce(v any, put func(any)) {
	switch v := v.(type) {
	case map[string]any:
		s.object(v)
	case []any:
		s.list(v, put)
	case json.Number:
		s.number(v, put)
	}
}

func (s *shrinker) object(m map[string]any) {
	for _, name := range sorted(m) {
		v := m[name]
		if !s.try(func() { delete(m, name) }, func() { m[name] = v }) {
			s.reduce(v, func(v any) { m[name] = v })
		}
	}
}

// list drops halves, quarters and so on down to single entries.
func (s *shrinker) list(l []any, put func(any)) {
	for size := len(l); size > 0; size /= 2 {
		for i := len(l) - size; i >= 0; i -= size {
			less := slices.Delete(slices.Clone(l), i, i+size)
			if s.try(func() { put(less) }, func() { put(l) }) {
				l = less
			}
		}
	}
	for i := range l {
		s.reduce(l[i], func(v any) { l[i] = v })
	}
}

func (s *shrinker) number(n json.Number, put func(any)) {
	for _, less := range smaller(n.String()) {
		if s.try(func() { put(json.Number(less)) }, func() { put(n) }) {
			s.number(json.Number(less), put)
			return
		}
	}
}

// smaller is 1, then half, then one less; of a fraction 1 and the whole part.
func smaller(n string) []string {
	if whole, fraction, ok := strings.Cut(n, "."); ok && strings.Trim(fraction, "0123456789") == "" {
		return []string{"1", whole}
	}
	i, err := strconv.ParseInt(n, 10, 64)
	if err != nil || i < 2 {
		return nil
	}
	out := []string{"1", strconv.FormatInt(i/2, 10)}
	if i < 100 { // step by step it would take for ever from larger ones
		out = append(out, strconv.FormatInt(i-1, 10))
	}
	return out
}
