package deploy

import (
	"fmt"
	"math"
	"strconv"

	"github.com/rayburst/rayburst/nodetypes"
)

// aggressiveSpeed is what Ray takes autoscaling_mode: aggressive for.
const aggressiveSpeed = 99_999

// speed is upscaling_speed or, as in Ray, what older files say instead.
func (p *parser) speed(m fields) float64 {
	if given(m, "upscaling_speed") {
		return p.number(m, "upscaling_speed", defaultSpeed, math.Inf(1))
	}
	if p.text(m, "autoscaling_mode", "default") == "aggressive" {
		return aggressiveSpeed
	}
	if f := p.number(m, "target_utilization_fraction", 0, 1); f > 0 {
		return 1/max(f, 0.001) - 1
	}
	return defaultSpeed
}

// given tells whether a key has a value.
func given(m fields, key string) bool {
	n := m.values[key]
	return n != nil && n.Tag != "!!null"
}

// oldTypes are the head and the one worker type of a file without
// available_node_types, whose machines head_node and worker_nodes describe.
func (p *parser) oldTypes(c *Cluster, m fields, common common) {
	limit := c.MaxWorkers
	if limit < 0 {
		limit = defaultTypeMax
	}
	head, worker := p.oldNode(m, "head_node"), p.oldNode(m, "worker_nodes")
	c.Head = nodetypes.NodeType{Name: "head", Resources: p.filled(c, head.fields, head.node, true)}
	w := nodetypes.NodeType{
		Name: "worker", Resources: p.filled(c, worker.fields, worker.node, false),
		MinWorkers: p.integer(m, "min_workers", 0, maxWorkersLimit), MaxWorkers: limit,
	}
	if p.err == nil && w.MinWorkers > w.MaxWorkers {
		p.failf(m, "min_workers", fmt.Sprintf("must not be above max_workers (%d)", w.MaxWorkers), w.MinWorkers)
	}
	if len(w.Resources) == 0 {
		c.warnf("available_node_types: not given; workers have 1 CPU")
		w.Resources = oneCPU
	}
	if len(c.Head.Resources) == 0 && w.MaxWorkers == 0 {
		c.warnf("head_node.resources: not given; the head has 1 CPU, as there are no workers")
		c.Head.Resources = oneCPU
	}
	c.Types = []nodetypes.NodeType{w}
	c.HeadPod = p.headPod(head.node, common)
	c.Pods[w.Name] = p.workerPod(fields{}, worker.node, common)
}

// oldNode is head_node or worker_nodes as a type's fields: the resources are
// beside the machine's own keys there.
func (p *parser) oldNode(m fields, key string) (out struct {
	fields
	node
}) {
	inner := p.mapping(key, m.values[key], nil)
	out.fields = fields{key: key, node: m.values[key]}
	if r := inner.values["resources"]; r != nil {
		out.fields = inner
	}
	out.node = p.nodeConfig(key, m.values[key])
	return out
}

// oldMinimum understands min_workers, initial_workers and
// worker_default_node_type beside available_node_types: workers that no type
// asks for are of the default one.
func (p *parser) oldMinimum(c *Cluster, m fields) {
	least := p.integer(m, "min_workers", 0, maxWorkersLimit)
	if initial := p.integer(m, "initial_workers", 0, maxWorkersLimit); initial > least {
		c.warnf("initial_workers: a key of old Ray versions; workers that nothing needs are not started")
	}
	if _, ok := m.values["available_node_types"]; !ok || p.err != nil {
		return
	}
	name := p.text(m, "worker_default_node_type", "")
	t := c.typeAt(name)
	switch {
	case t == nil && given(m, "worker_default_node_type"):
		p.failf(m, "worker_default_node_type", "must be a type of available_node_types that may have workers", strconv.Quote(name))
	case t == nil && least > 0:
		c.warnf("min_workers: without worker_default_node_type it has no effect: each type has its own")
	case t != nil:
		for _, other := range c.Types {
			least -= other.MinWorkers
		}
		t.MinWorkers = min(max(t.MinWorkers, t.MinWorkers+least), t.MaxWorkers)
	}
}

func (c *Cluster) typeAt(name string) *nodetypes.NodeType {
	for i := range c.Types {
		if c.Types[i].Name == name {
			return &c.Types[i]
		}
	}
	return nil
}
