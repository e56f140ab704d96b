package deploy

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parser walks a YAML document and keeps the first thing that is wrong.
type parser struct {
	err    error
	merges int // followed so far
}

// fields are a mapping's values by key.
type fields struct {
	key    string // the mapping's own path
	order  []string
	values map[string]*yaml.Node
	node   *yaml.Node
}

func (f fields) path(key string) string {
	if f.key == "" {
		return key
	}
	return f.key + "." + key
}

func (p *parser) fail(at *yaml.Node, key, rule string, value any) {
	if p.err != nil {
		return
	}
	line := 0
	if at != nil {
		line = at.Line
	}
	p.err = &FieldError{Line: line, Key: key, Rule: rule, Value: fmt.Sprint(value)}
}

func (p *parser) failf(m fields, key, rule string, value any) {
	at := m.values[key]
	if at == nil {
		at = m.node
	}
	p.fail(at, m.path(key), rule, value)
}

// mapping reads a mapping's keys; only the known ones are allowed, unless
// known is nil. An absent value (null) is an empty mapping.
func (p *parser) mapping(key string, n *yaml.Node, known []string) fields {
	m := fields{key: key, values: map[string]*yaml.Node{}, node: n}
	n = resolve(n)
	if n == nil || n.Tag == "!!null" {
		return m
	}
	if n.Kind != yaml.MappingNode {
		p.fail(n, orFile(key), "must be a mapping", describe(n))
		return m
	}
	pairs := p.pairs(n)
	for i := 0; i+1 < len(pairs); i += 2 {
		k := pairs[i]
		switch {
		case k.Kind != yaml.ScalarNode:
			p.fail(k, orFile(key), "keys must be plain text", describe(k))
		case m.values[k.Value] != nil:
			p.fail(k, m.path(k.Value), "must be given once", "twice")
		case known != nil && !slices.Contains(known, k.Value):
			p.fail(k, m.path(k.Value), unknownKey(k.Value, known), "an unknown key")
		}
		m.order = append(m.order, k.Value)
		m.values[k.Value] = resolve(pairs[i+1])
	}
	return m
}

// maxMerges bounds merges of merges, which may be endless.
const maxMerges = 1000

// pairs are a mapping's keys and values, with those that it merges (<<) after
// its own: of equal ones its own count, then those merged first.
func (p *parser) pairs(n *yaml.Node) []*yaml.Node {
	own := make([]*yaml.Node, 0, len(n.Content))
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := n.Content[i]; k.Tag == "!!merge" {
			merged = append(merged, p.merged(resolve(n.Content[i+1]))...)
		} else {
			own = append(own, k, n.Content[i+1])
		}
	}
	seen := map[string]bool{}
	for i := 0; i < len(own); i += 2 {
		seen[own[i].Value] = true
	}
	for i := 0; i < len(merged); i += 2 {
		if !seen[merged[i].Value] {
			seen[merged[i].Value] = true
			own = append(own, merged[i], merged[i+1])
		}
	}
	return own
}

// merged are the pairs of what a mapping merges: a mapping or a list of them.
func (p *parser) merged(n *yaml.Node) []*yaml.Node {
	switch p.merges++; {
	case p.merges > maxMerges:
		p.fail(n, "<<", fmt.Sprintf("there must be at most %d merges in all", maxMerges), "more")
	case n.Kind == yaml.MappingNode:
		return p.pairs(n)
	case n.Kind == yaml.SequenceNode:
		var out []*yaml.Node
		for _, c := range n.Content {
			out = append(out, p.merged(resolve(c))...)
		}
		return out
	default:
		p.fail(n, "<<", "must merge a mapping or a list of mappings", describe(n))
	}
	return nil
}

func orFile(key string) string {
	if key == "" {
		return "the file"
	}
	return key
}

func resolve(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	return strconv.Quote(n.Value)
}

// scalar is a key's value; nil if it is absent or not one value.
func (p *parser) scalar(m fields, key, want string) *yaml.Node {
	n, ok := m.values[key]
	if !ok || n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.ScalarNode {
		p.fail(n, m.path(key), "must be "+want, describe(n))
		return nil
	}
	return n
}

func (p *parser) text(m fields, key, otherwise string) string {
	n := p.scalar(m, key, "text")
	if n == nil {
		return otherwise
	}
	if n.Tag != "!!str" && p.err == nil {
		p.fail(n, m.path(key), "must be text: put it in quotes", n.Value)
	}
	return n.Value
}

// boolean reads what YAML 1.1, which Ray reads, calls true and false.
func (p *parser) boolean(m fields, key string, otherwise bool) bool {
	n := p.scalar(m, key, "true or false")
	if n == nil {
		return otherwise
	}
	v := otherwise
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 || n.Decode(&v) != nil {
		p.fail(n, m.path(key), "must be true or false", describe(n))
	}
	return v
}

// list is a key's entries; none if it is absent.
func (p *parser) list(m fields, key string) []*yaml.Node {
	n := m.values[key]
	if n == nil || n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		p.fail(n, m.path(key), "must be a list", describe(n))
		return nil
	}
	out := make([]*yaml.Node, len(n.Content))
	for i, c := range n.Content {
		out[i] = resolve(c)
	}
	return out
}

// texts are a list's entries, which must be text.
func (p *parser) texts(m fields, key string) []entry {
	var out []entry
	for i, n := range p.list(m, key) {
		path := fmt.Sprintf("%s[%d]", m.path(key), i)
		if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
			p.fail(n, path, "must be text", describe(n))
		}
		out = append(out, entry{path, n.Value, n})
	}
	return out
}

// entry is one text of a list.
type entry struct {
	key, text string
	node      *yaml.Node
}

// plain is a value as JSON knows it; what JSON does not know is refused.
func (p *parser) plain(key string, n *yaml.Node) any {
	var v, out any
	if n == nil || p.err != nil {
		return nil
	}
	err := n.Decode(&v)
	var b []byte
	if err == nil {
		b, err = json.Marshal(v)
	}
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		p.fail(n, key, "must be what JSON can say", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	return out
}

func (p *parser) number(m fields, key string, otherwise, most float64) float64 {
	n := p.scalar(m, key, "a number")
	if n == nil {
		return otherwise
	}
	var v float64
	if (n.Tag != "!!int" && n.Tag != "!!float") || n.Decode(&v) != nil || math.IsNaN(v) || v < 0 || v > most {
		p.fail(n, m.path(key), "must be a number "+span(most), describe(n))
	}
	return v
}

func span(most float64) string {
	if math.IsInf(most, 1) {
		return "that is at least 0"
	}
	return "within 0…" + strconv.FormatFloat(most, 'g', -1, 64)
}

func (p *parser) integer(m fields, key string, otherwise, most int) int {
	n := p.scalar(m, key, "a whole number")
	if n == nil {
		return otherwise
	}
	var v int
	if n.Tag != "!!int" || n.Decode(&v) != nil || v < 0 || v > most {
		p.fail(n, m.path(key), fmt.Sprintf("must be a whole number within 0…%d", most), describe(n))
	}
	return v
}

func (p *parser) signed(m fields, key string) int {
	n := p.scalar(m, key, "a whole number")
	if n == nil {
		return 0
	}
	var v int32
	if n.Tag != "!!int" || n.Decode(&v) != nil {
		p.fail(n, m.path(key), "must be a whole number", describe(n))
	}
	return int(v)
}

// unknownKey names the nearest key that is known.
func unknownKey(key string, known []string) string {
	best, least := "", math.MaxInt
	for _, k := range known {
		if d := distance(key, k); d < least {
			best, least = k, d
		}
	}
	return "is not a key of Ray's cluster YAML; the nearest is " + best
}

// distance is the edit distance (Levenshtein) of two names.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
