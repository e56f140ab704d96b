package plancase

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

// fields are an object's members; encoding/json writes them sorted.
type fields map[string]any

// Marshal writes a valid request as a planning case, one line of JSON without
// a line break: [Decode] reads a case that plans alike, field by field, but for
// idle times, which are rounded up to milliseconds. What equals its default is
// left out. It fails, naming the key, for a selector that the format cannot
// say.
func Marshal(q nodetypes.Request) ([]byte, error) {
	w := writer{}
	out := w.request(&q)
	if w.err != nil {
		return nil, w.err
	}
	return json.Marshal(out)
}

// writer keeps the first error.
type writer struct{ err error }

func (w *writer) fail(key, rule string, value any) {
	if w.err == nil {
		w.err = fmt.Errorf("%s: %s (%v)", key, rule, value)
	}
}

// set leaves out what is the default.
func (f fields) set(name string, v any, isDefault bool) {
	if !isDefault {
		f[name] = v
	}
}

func (w *writer) request(q *nodetypes.Request) fields {
	types, nodes := []fields{}, []fields{}
	listed := map[string]*nodetypes.NodeType{}
	for i := range q.NodeTypes {
		types = append(types, nodeType(&q.NodeTypes[i], q.MaxWorkers))
		listed[q.NodeTypes[i].Name] = &q.NodeTypes[i]
	}
	for i := range q.Nodes {
		nodes = append(nodes, node(&q.Nodes[i], listed[q.Nodes[i].Type]))
	}
	out := fields{"nodeTypes": types}
	out.set("maxWorkers", q.MaxWorkers, q.MaxWorkers == nodetypes.NoLimit)
	out.setTime("idleTimeoutSeconds", q.IdleTimeout)
	if q.UpscalingSpeed != nil {
		out["upscalingSpeed"] = speed(*q.UpscalingSpeed)
	}
	out.set("conserveGpuNodes", false, q.ConserveGPUNodes)
	out.set("nodes", nodes, len(nodes) == 0)
	d := w.demand(&q.Demand)
	out.set("demand", d, len(d) == 0)
	return out
}

// speed is a number; JSON has no infinity but for what overflows.
func speed(f float64) json.Number {
	if math.IsInf(f, 1) {
		return "1e999"
	}
	return json.Number(strconv.FormatFloat(f, 'g', -1, 64))
}

func (f fields) setTime(name string, d *time.Duration) {
	if d != nil {
		f[name] = fixed(int64(*d), 9)
	}
}

func nodeType(t *nodetypes.NodeType, clusterMax int) fields {
	out := fields{"name": t.Name}
	out.set("resources", amounts(t.Resources), len(t.Resources) == 0)
	out.set("labels", t.Labels, len(t.Labels) == 0)
	out.set("minWorkers", t.MinWorkers, t.MinWorkers == 0)
	out.set("maxWorkers", t.MaxWorkers, t.MaxWorkers == clusterMax)
	out.setTime("idleTimeoutSeconds", t.IdleTimeout)
	out.set("priority", t.Priority, t.Priority == 0)
	out.set("recoveredAvailability", t.RecoveredAvailability, t.RecoveredAvailability == nil)
	out.set("cloudAvailability", t.CloudAvailability, t.CloudAvailability == nil)
	return out
}

func node(n *nodetypes.Node, t *nodetypes.NodeType) fields {
	out := fields{"id": n.ID, "type": n.Type}
	out.set("head", true, !n.Head)
	switch n.Status {
	case nodetypes.Joining:
		out["status"] = "joining"
	case nodetypes.Draining:
		out["status"] = "draining"
	default:
		running(out, n, t)
	}
	return out
}

// running adds what only a running node has.
func running(out fields, n *nodetypes.Node, t *nodetypes.NodeType) {
	out.set("total", amounts(n.Total), t != nil && slices.Equal(n.Total, t.Resources))
	out.set("available", amounts(n.Available), slices.Equal(n.Available, n.Total))
	if len(n.Labels) > 0 || t != nil && len(t.Labels) > 0 {
		out["labels"] = n.Labels.Map() // null would mean the type's
	}
	ms := int64((n.Idle + time.Millisecond - 1) / time.Millisecond)
	out.set("idleSeconds", fixed(ms, 3), n.Idle == 0)
	out.set("gangs", n.Gangs, len(n.Gangs) == 0)
}

func (w *writer) demand(d *demand.Demand) fields {
	gangs := []fields{}
	for i, g := range d.Gangs {
		gangs = append(gangs, fields{"name": g.Name, "strategy": g.Strategy, "bundles": w.shapes(at("demand.gangs", i)+".bundles", g.Bundles, false)})
	}
	out := fields{}
	out.set("tasks", w.shapes("demand.tasks", d.Tasks, true), len(d.Tasks) == 0)
	out.set("gangs", gangs, len(gangs) == 0)
	out.set("constraints", w.shapes("demand.constraints", d.Constraints, false), len(d.Constraints) == 0)
	return out
}

func (w *writer) shapes(key string, shapes []demand.Shape, tasks bool) []shape {
	out := []shape{}
	for i, s := range shapes {
		out = append(out, newShape(s, w.selectors(at(key, i), s.Selectors, tasks)))
	}
	return out
}

// selectors are a request's alternatives in the words of the format.
func (w *writer) selectors(key string, list []demand.LabelSelector, task bool) written {
	out := written{}
	for i, s := range list {
		if i == 0 {
			out.selector = w.selector(join(key, "labelSelector"), s)
		} else {
			out.fallback = append(out.fallback, w.selector(at(join(key, "fallback"), i-1), s))
		}
	}
	switch {
	case len(out.fallback) > 0 && !task:
		w.fail(join(key, "fallback"), "must not be given outside tasks", list[1])
	case len(out.fallback) > 0 && len(out.selector) == 0:
		w.fail(join(key, "labelSelector"), "must not be empty before a fallback", list[1])
	}
	return out
}

func (w *writer) selector(key string, s demand.LabelSelector) map[string]string {
	out := make(map[string]string, len(s))
	for _, c := range s.Canonical() {
		if _, twice := out[c.Key]; twice {
			w.fail(join(key, c.Key), "must be given once", c)
		}
		out[c.Key] = w.constraint(join(key, c.Key), c)
	}
	return out
}

// constraint tries both spellings: a value alone may look like another one.
func (w *writer) constraint(key string, c demand.LabelConstraint) string {
	values, not := strings.Join(c.Values, ","), ""
	if c.NotIn {
		not = "!"
	}
	for _, text := range []string{not + values, not + "in(" + values + ")"} {
		if parseConstraint(c.Key, text).Equal(c) {
			return text
		}
	}
	w.fail(key, "must be values that in(a,b) can hold", fmt.Sprintf("%q", c.Values))
	return ""
}

func amounts(r demand.Resources) map[string]json.Number {
	out := make(map[string]json.Number, len(r))
	for _, e := range r {
		out[e.Name] = exact(e.Amount)
	}
	return out
}
