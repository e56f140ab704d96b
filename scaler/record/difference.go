package record

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Difference is the error about a decision that is not the recorded one.
type Difference struct {
	N      int // of the decision, counted from 1
	At     time.Time
	After  time.Duration // the recording's start
	Fields []Field       // that differ, sorted
}

// Field is one value of a decision that differs; empty where there is none.
type Field struct{ Name, Recorded, Played string }

// shown is how many fields an error shows.
const shown = 20

// Error names the decision and the first fields that differ.
func (d *Difference) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "decision %d at %+.2fs (%s) is not the recorded one:", d.N, d.After.Seconds(), stamp(d.At))
	for _, f := range d.Fields[:min(shown, len(d.Fields))] {
		fmt.Fprintf(&b, "\n  %s\n    recorded %s\n    played   %s", f.Name, cmp.Or(f.Recorded, "nothing"), cmp.Or(f.Played, "nothing"))
	}
	if more := len(d.Fields) - shown; more > 0 {
		fmt.Fprintf(&b, "\n  and %d more", more)
	}
	return b.String()
}

// differences are the values in which two decisions differ.
func differences(recorded, played sections) []Field {
	was, is := map[string]string{}, map[string]string{}
	for _, s := range []struct {
		in  sections
		out map[string]string
	}{{recorded, was}, {played, is}} {
		for key, raw := range s.in {
			flatten(key, raw, s.out, depth)
		}
	}
	names := maps.Clone(was)
	maps.Copy(names, is)
	var out []Field
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if was[name] != is[name] {
			out = append(out, Field{name, was[name], is[name]})
		}
	}
	if len(out) == 0 { // the same in other words, by hand
		out = []Field{{"the text", "with the same values", "otherwise"}}
	}
	return out
}

// depth is how deep values are told apart: that of a waiting request's selector.
const depth = 8

// flatten writes every value below a name: targets[gpu].workers.
func flatten(name string, raw json.RawMessage, out map[string]string, depth int) {
	var fields map[string]json.RawMessage
	var items []json.RawMessage
	switch raw = bytes.TrimSpace(raw); {
	case depth == 0:
		out[name] = string(raw)
	case len(raw) > 0 && raw[0] == '{' && json.Unmarshal(raw, &fields) == nil:
		for key, value := range fields {
			flatten(name+"."+key, value, out, depth-1)
		}
	case len(raw) > 0 && raw[0] == '[' && json.Unmarshal(raw, &items) == nil:
		flattenList(name, items, out, depth-1)
	default:
		out[name] = string(raw)
	}
}

// flattenList names items by what they are of, or by their place.
func flattenList(name string, items []json.RawMessage, out map[string]string, depth int) {
	out[name] = strconv.Itoa(len(items)) + " entries"
	for i, item := range items {
		var of struct{ Name, Type, Worker string }
		place := strconv.Itoa(i)
		if json.Unmarshal(item, &of) == nil {
			place = cmp.Or(of.Worker, of.Name, of.Type, place)
		}
		if _, taken := out[name+"["+place+"]"]; taken {
			place += "#" + strconv.Itoa(i)
		}
		out[name+"["+place+"]"] = "there"
		flatten(name+"["+place+"]", item, out, depth)
	}
}
