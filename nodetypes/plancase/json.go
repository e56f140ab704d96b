package plancase

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"
)

// maxDepth is more than any planning case nests.
const maxDepth = 16

// value is a JSON value as it is written: members in order, numbers as text.
type value struct {
	kind    kind
	text    string // of a string or a number
	truth   bool
	members []member
	items   []value
}

type member struct {
	name string
	value
}

type kind string

const (
	null    kind = "null"
	boolean kind = "a boolean"
	number  kind = "a number"
	text    kind = "a string"
	list    kind = "a list"
	object  kind = "an object"
)

// parse reads one JSON value. Unlike encoding/json it refuses an object that
// names a member twice, and text that is not UTF-8.
func parse(raw []byte) (value, error) {
	if !utf8.Valid(raw) {
		return value{}, fmt.Errorf("is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return parseValue(d, "", 0)
}

func parseValue(d *json.Decoder, key string, depth int) (value, error) {
	if depth > maxDepth {
		return value{}, fmt.Errorf("%s: must not be nested so deep (%d)", key, maxDepth)
	}
	t, err := d.Token()
	if err != nil {
		return value{}, noEOF(err)
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '{' {
			return parseObject(d, key, depth)
		}
		return parseList(d, key, depth)
	case string:
		return value{kind: text, text: t}, nil
	case json.Number:
		return value{kind: number, text: t.String()}, nil
	case bool:
		return value{kind: boolean, truth: t}, nil
	}
	return value{kind: null}, nil
}

func parseObject(d *json.Decoder, key string, depth int) (value, error) {
	v, seen := value{kind: object}, map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return v, noEOF(err)
		}
		name, _ := t.(string)
		if seen[name] {
			return v, fmt.Errorf("%s: must be given once", join(key, name))
		}
		seen[name] = true
		child, err := parseValue(d, join(key, name), depth+1)
		if err != nil {
			return v, err
		}
		v.members = append(v.members, member{name, child})
	}
	_, err := d.Token()
	return v, noEOF(err)
}

func parseList(d *json.Decoder, key string, depth int) (value, error) {
	v := value{kind: list}
	for d.More() {
		child, err := parseValue(d, at(key, len(v.items)), depth+1)
		if err != nil {
			return v, err
		}
		v.items = append(v.items, child)
	}
	_, err := d.Token()
	return v, noEOF(err)
}

// noEOF is for an end of input within a value, which is an error.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

func at(key string, i int) string { return key + "[" + strconv.Itoa(i) + "]" }

// get is the member of that name, or nil if there is none or it is null.
func (v value) get(name string) *value {
	i := slices.IndexFunc(v.members, func(m member) bool { return m.name == name })
	if i < 0 || v.members[i].kind == null {
		return nil
	}
	return &v.members[i].value
}
