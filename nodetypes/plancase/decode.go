// Package plancase reads and writes planning cases: JSON objects with the
// node types, the nodes and the demand of one Ray cluster, and what would be
// launched and terminated for them.
package plancase

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

// Case is a planning case: a valid request, and how its selectors are
// written.
type Case struct {
	nodetypes.Request
	tasks       []written // as Demand.Tasks
	constraints []written // as Demand.Constraints
}

// written is a request's selectors as given.
type written struct {
	selector map[string]string
	fallback []map[string]string
}

// Decode reads one planning case. An error names the key, the rule and the
// value. It is strict: unknown and repeated members, amounts with more than
// four decimals and whatever [nodetypes.Request.Validate] refuses are errors.
func Decode(raw []byte) (Case, error) {
	return decode(raw, func(r *reader, v value) Case { return r.readCase(v) })
}

func decode(raw []byte, read func(*reader, value) Case) (Case, error) {
	v, err := parse(raw)
	if err != nil {
		return Case{}, err
	}
	r := reader{}
	c := read(&r, v)
	if r.err != nil {
		return Case{}, r.err
	}
	return c, c.Validate()
}

// Extend reads a planning case that says only some fields of the format: those
// that are given; the others are the case's own. Demand is added to the case's,
// and so are nodes. The case itself does not change.
func (c Case) Extend(raw []byte, given ...string) (Case, error) {
	return decode(raw, func(r *reader, v value) Case {
		for _, m := range r.object(v, "", caseFields...).members {
			if !slices.Contains(given, m.name) {
				r.fail(m.name, "must not be given here, only "+strings.Join(given, ", "))
			}
		}
		return r.extend(v, c)
	})
}

// extend appends to copies: cases may be extended again and again.
func (r *reader) extend(v value, c Case) Case {
	c.Nodes, c.tasks, c.constraints = slices.Clip(c.Nodes), slices.Clip(c.tasks), slices.Clip(c.constraints)
	d := &c.Demand
	d.Tasks, d.Gangs, d.Constraints = slices.Clip(d.Tasks), slices.Clip(d.Gangs), slices.Clip(d.Constraints)
	c.ConserveGPUNodes = r.bool(v, "", "conserveGpuNodes", c.ConserveGPUNodes)
	r.state(v, &c)
	return c
}

// reader keeps the first error.
type reader struct{ err error }

func (r *reader) fail(key, rule string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s: %s", key, rule)
	}
}

var caseFields = []string{"nodeTypes", "maxWorkers", "idleTimeoutSeconds", "upscalingSpeed", "conserveGpuNodes", "nodes", "demand"}

func (r *reader) readCase(v value) Case {
	v = r.object(v, "", caseFields...)
	c := Case{}
	c.MaxWorkers = r.int(v, "", "maxWorkers", nodetypes.NoLimit)
	c.IdleTimeout = r.timeout(v, "", "idleTimeoutSeconds")
	c.UpscalingSpeed = r.float(v, "", "upscalingSpeed")
	c.ConserveGPUNodes = r.bool(v, "", "conserveGpuNodes", true)
	r.required(v, "", "nodeTypes")
	for i, t := range r.list(v, "", "nodeTypes") {
		c.NodeTypes = append(c.NodeTypes, r.nodeType(t, at("nodeTypes", i), c.MaxWorkers))
	}
	r.state(v, &c)
	return c
}

// state adds the nodes and the demand.
func (r *reader) state(v value, c *Case) {
	types := map[string]*nodetypes.NodeType{}
	for i := range c.NodeTypes {
		types[c.NodeTypes[i].Name] = &c.NodeTypes[i]
	}
	for i, n := range r.list(v, "", "nodes") {
		c.Nodes = append(c.Nodes, r.node(n, at("nodes", i), types))
	}
	if d := v.get("demand"); d != nil {
		r.demand(*d, c)
	}
}

func (r *reader) nodeType(v value, key string, clusterMax int) nodetypes.NodeType {
	v = r.object(v, key, "name", "resources", "labels", "minWorkers", "maxWorkers", "idleTimeoutSeconds",
		"priority", "recoveredAvailability", "cloudAvailability")
	return nodetypes.NodeType{
		Name:                  r.requiredText(v, key, "name"),
		Resources:             r.resources(v, key, "resources").NonZero(),
		Labels:                r.texts(v.get("labels"), join(key, "labels")),
		MinWorkers:            r.int(v, key, "minWorkers", 0),
		MaxWorkers:            r.int(v, key, "maxWorkers", clusterMax),
		IdleTimeout:           r.timeout(v, key, "idleTimeoutSeconds"),
		Priority:              r.int(v, key, "priority", 0),
		RecoveredAvailability: r.float(v, key, "recoveredAvailability"),
		CloudAvailability:     r.float(v, key, "cloudAvailability"),
	}
}

func (r *reader) node(v value, key string, types map[string]*nodetypes.NodeType) nodetypes.Node {
	v = r.object(v, key, "id", "type", "head", "status", "total", "available", "labels", "idleSeconds", "gangs")
	n := nodetypes.Node{
		ID:        r.requiredText(v, key, "id"),
		Type:      r.requiredText(v, key, "type"),
		Head:      r.bool(v, key, "head", false),
		Status:    r.status(v, key),
		Total:     r.resources(v, key, "total").NonZero(),
		Available: r.resources(v, key, "available"),
		Labels:    demand.NewLabels(r.texts(v.get("labels"), join(key, "labels"))),
		Idle:      r.idle(v, key),
		Gangs:     r.names(v, key, "gangs"),
	}
	r.nodeDefaults(&n, v, key, types[n.Type])
	return n
}

// nodeDefaults fills what a running node leaves out from its type.
func (r *reader) nodeDefaults(n *nodetypes.Node, v value, key string, t *nodetypes.NodeType) {
	if n.Status != nodetypes.Running {
		return
	}
	if v.get("total") == nil {
		if t == nil {
			r.fail(join(key, "total"), fmt.Sprintf("is required, for %q is not a listed type", n.Type))
			return
		}
		n.Total = t.Resources
	}
	if v.get("available") == nil {
		n.Available = n.Total
	}
	if v.get("labels") == nil && t != nil {
		n.Labels = demand.NewLabels(t.Labels)
	}
}

func (r *reader) status(v value, key string) nodetypes.Status {
	switch s := r.text(v, key, "status", "running"); s {
	case "running":
		return nodetypes.Running
	case "joining":
		return nodetypes.Joining
	case "draining":
		return nodetypes.Draining
	default:
		r.fail(join(key, "status"), fmt.Sprintf("must be running, joining or draining (%q)", s))
		return nodetypes.Draining
	}
}

func (r *reader) demand(v value, c *Case) {
	v = r.object(v, "demand", "tasks", "gangs", "constraints")
	for i, t := range r.list(v, "demand", "tasks") {
		s, w := r.shape(t, at("demand.tasks", i), true)
		c.Demand.Tasks, c.tasks = append(c.Demand.Tasks, s), append(c.tasks, w)
	}
	for i, g := range r.list(v, "demand", "gangs") {
		c.Demand.Gangs = append(c.Demand.Gangs, r.gang(g, at("demand.gangs", i), len(c.Demand.Gangs)))
	}
	for i, b := range r.list(v, "demand", "constraints") {
		s, w := r.shape(b, at("demand.constraints", i), false)
		c.Demand.Constraints, c.constraints = append(c.Demand.Constraints, s), append(c.constraints, w)
	}
}

func (r *reader) gang(v value, key string, i int) demand.Gang {
	v = r.object(v, key, "name", "strategy", "bundles")
	g := demand.Gang{
		Name:     r.text(v, key, "name", "gang-"+strconv.Itoa(i)),
		Strategy: demand.Strategy(r.text(v, key, "strategy", string(demand.Pack))),
	}
	r.required(v, key, "bundles")
	for i, b := range r.list(v, key, "bundles") {
		s, _ := r.shape(b, at(join(key, "bundles"), i), false)
		g.Bundles = append(g.Bundles, s)
	}
	return g
}

// shape reads a task or a bundle; only tasks may have fallbacks.
func (r *reader) shape(v value, key string, task bool) (demand.Shape, written) {
	allowed := []string{"resources", "count", "labelSelector"}
	if task {
		allowed = append(allowed, "fallback")
	}
	v = r.object(v, key, allowed...)
	s := demand.Shape{Count: int64(r.int(v, key, "count", 1))}
	s.Resources = r.resources(v, key, "resources").NonZero()
	w := written{selector: r.texts(v.get("labelSelector"), join(key, "labelSelector"))}
	for i, f := range r.list(v, key, "fallback") {
		w.fallback = append(w.fallback, r.texts(&f, at(join(key, "fallback"), i)))
	}
	if len(w.selector) == 0 && len(w.fallback) > 0 {
		r.fail(join(key, "fallback"), "must not be given without labelSelector")
	}
	if len(w.selector) > 0 {
		s.Selectors = append(s.Selectors, parseSelector(w.selector))
	}
	for _, f := range w.fallback {
		s.Selectors = append(s.Selectors, parseSelector(f))
	}
	return s, w
}

// object checks that v is an object with these members only.
func (r *reader) object(v value, key string, allowed ...string) value {
	if v.kind != object {
		r.wrongType(key, object, v.kind)
		return value{}
	}
	for _, m := range v.members {
		if !slices.Contains(allowed, m.name) {
			r.fail(join(key, m.name), "is not a known field")
		}
	}
	return v
}

func (r *reader) wrongType(key string, want, got kind) {
	r.fail(cmp.Or(key, "case"), fmt.Sprintf("must be %s, not %s", want, got))
}

func (r *reader) required(v value, key, name string) {
	if v.get(name) == nil {
		r.fail(join(key, name), "is required")
	}
}

// member is the member if it is of that kind, else nil.
func (r *reader) member(v value, key, name string, want kind) *value {
	m := v.get(name)
	if m != nil && m.kind != want {
		r.wrongType(join(key, name), want, m.kind)
		return nil
	}
	return m
}

func (r *reader) text(v value, key, name, otherwise string) string {
	if m := r.member(v, key, name, text); m != nil {
		return m.text
	}
	return otherwise
}

func (r *reader) requiredText(v value, key, name string) string {
	r.required(v, key, name)
	return r.text(v, key, name, "")
}

func (r *reader) bool(v value, key, name string, otherwise bool) bool {
	if m := r.member(v, key, name, boolean); m != nil {
		return m.truth
	}
	return otherwise
}

func (r *reader) list(v value, key, name string) []value {
	if m := r.member(v, key, name, list); m != nil {
		return m.items
	}
	return nil
}

func (r *reader) names(v value, key, name string) []string {
	var out []string
	for i, item := range r.list(v, key, name) {
		if item.kind != text {
			r.wrongType(at(join(key, name), i), text, item.kind)
		}
		out = append(out, item.text)
	}
	return out
}

// texts reads an object of strings.
func (r *reader) texts(v *value, key string) map[string]string {
	if v == nil {
		return nil
	}
	if v.kind != object {
		r.wrongType(key, object, v.kind)
		return nil
	}
	out := make(map[string]string, len(v.members))
	for _, m := range v.members {
		if m.kind != text {
			r.wrongType(join(key, m.name), text, m.kind)
		}
		out[m.name] = m.text
	}
	return out
}

// resources reads an object of amounts, entries of 0 included.
func (r *reader) resources(v value, key, name string) demand.Resources {
	m := r.member(v, key, name, object)
	if m == nil {
		return nil
	}
	out := make(demand.Resources, 0, len(m.members))
	for _, e := range m.members {
		out = append(out, demand.Resource{Name: e.name, Amount: r.amount(e, join(join(key, name), e.name))})
	}
	slices.SortFunc(out, func(a, b demand.Resource) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func (r *reader) amount(m member, key string) demand.Amount {
	if m.kind != number {
		r.wrongType(key, number, m.kind)
		return 0
	}
	n, exact := r.positive(m.text, key, 4)
	if !exact {
		r.fail(key, "must have at most 4 decimals ("+m.text+")")
	}
	if n > int64(demand.MaxAmount) {
		r.fail(key, "must not be above 1e14 ("+m.text+")")
	}
	return demand.Amount(n)
}

// positive reads a number that must not be negative, times 10^decimals.
func (r *reader) positive(number, key string, decimals int) (n int64, exact bool) {
	d := parseDecimal(number)
	if d.negative {
		r.fail(key, "must not be negative ("+number+")")
	}
	return d.times(decimals)
}

// int reads an integer of any sign; beyond 64 bits it saturates, which makes
// a maximum of nodes nodetypes.NoLimit.
func (r *reader) int(v value, key, name string, otherwise int) int {
	m := r.member(v, key, name, number)
	if m == nil {
		return otherwise
	}
	d := parseDecimal(m.text)
	n, exact := d.times(0)
	if !exact {
		r.fail(join(key, name), "must be an integer ("+m.text+")")
	}
	if d.negative {
		n = -n
	}
	return int(n)
}

func (r *reader) float(v value, key, name string) *float64 {
	m := r.member(v, key, name, number)
	if m == nil {
		return nil
	}
	f, _ := strconv.ParseFloat(m.text, 64) // a JSON number; out of range it is ±Inf or 0
	return &f
}

// timeout reads seconds, cut to nanoseconds, which makes no difference to
// idle times in milliseconds.
func (r *reader) timeout(v value, key, name string) *time.Duration {
	m := r.member(v, key, name, number)
	if m == nil {
		return nil
	}
	n, _ := r.positive(m.text, join(key, name), 9)
	return new(time.Duration(n))
}

// idle reads seconds with at most 3 decimals; beyond 292 years it saturates.
func (r *reader) idle(v value, key string) time.Duration {
	m := r.member(v, key, "idleSeconds", number)
	if m == nil {
		return 0
	}
	ms, exact := r.positive(m.text, join(key, "idleSeconds"), 3)
	if !exact {
		r.fail(join(key, "idleSeconds"), "must have at most 3 decimals ("+m.text+")")
	}
	return time.Duration(min(ms, math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
}
