package scaler_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/scaler"
)

// words are one line of a scenario: bare words and key=value.
type words struct {
	t    *testing.T
	pos  string
	list []string
}

// each visits the words from i on as keys with values, which may be empty.
func (w words) each(i int, visit func(key, value string) bool) {
	for _, word := range w.list[i:] {
		key, value, _ := strings.Cut(word, "=")
		if !visit(key, value) {
			w.t.Fatalf("%s: unknown word %q", w.pos, word)
		}
	}
}

func (w words) duration(s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		w.t.Fatalf("%s: %v", w.pos, err)
	}
	return d
}

func (w words) number(s string) float64 {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		w.t.Fatalf("%s: %v", w.pos, err)
	}
	return n
}

// resources are CPU:4,GPU:1.
func (w words) resources(s string) demand.Resources {
	units := map[string]float64{}
	for part := range strings.SplitSeq(s, ",") {
		if name, amount, ok := strings.Cut(part, ":"); ok {
			units[name] = w.number(amount)
		}
	}
	return demand.MustResources(units)
}

func (p *play) set(w words) {
	w.each(0, func(key, value string) bool {
		s := &p.settings
		switch key {
		case "speed":
			s.UpscalingSpeed = w.number(value)
		case "max":
			s.MaxWorkers = int(w.number(value))
		case "settle":
			s.RemovalSettle = w.duration(value)
		case "provision":
			s.ProvisionTimeout = w.duration(value)
		case "idle":
			if s.IdleTimeout = nil; value != "never" {
				d := w.duration(value)
				s.IdleTimeout = &d
			}
		default:
			return false
		}
		return true
	})
}

// setType is: name CPU:4,GPU:1 [min=0] [max=10] [replicas=0] [priority=0] [idle=60s] [rollout] [paused] [refused=…].
func (p *play) setType(w words) {
	t := scaler.TypeState{NodeType: nodetypes.NodeType{Name: w.list[0], Resources: w.resources(w.list[1]), MaxWorkers: nodetypes.NoLimit}}
	w.each(2, func(key, value string) bool {
		switch key {
		case "min":
			t.MinWorkers = int(w.number(value))
		case "max":
			t.MaxWorkers = int(w.number(value))
		case "replicas":
			t.Replicas = int(w.number(value))
		case "priority":
			t.Priority = int(w.number(value))
		case "idle":
			d := w.duration(value)
			t.IdleTimeout = &d
		case "rollout":
			t.Rollout = true
		case "paused":
			t.Paused = true
		case "refused":
			t.Refused = value
		default:
			return false
		}
		return true
	})
	p.types = append(p.types, t)
}

// setWorker is: name [started|stopped] [drained] [marked] [failures=5] [trouble=…] [hopeless].
func (p *play) setWorker(w words) {
	x := p.worker(w.list[0])
	w.each(1, func(key, value string) bool {
		switch key {
		case "started":
			x.Started, x.StartedAt = true, p.now
		case "stopped":
			x.Started = false
		case "drained":
			x.Drained = true
		case "marked":
			x.Marked = true
		case "failures":
			x.Failures = int(w.number(value))
		case "trouble":
			x.Trouble = value
		case "hopeless":
			x.Hopeless = true
		default:
			return false
		}
		return true
	})
}

// join starts workers, and their nodes are alive, free and not idle yet.
func (p *play) join(w words) {
	for _, name := range w.list {
		p.worker(name).Started = true
		p.worker(name).StartedAt = p.now
		p.nodeOf(name)
	}
}

// nodeOf is the node of a worker, made if there is none.
func (p *play) nodeOf(name string) *demand.LiveNode {
	for i := range p.nodes {
		if p.nodes[i].InstanceID == name {
			return &p.nodes[i]
		}
	}
	kind := strings.TrimRight(name, "-0123456789")
	t := p.kind(kind)
	p.born["node"]++
	id := "node-" + strconv.Itoa(p.born["node"])
	p.nodes = append(p.nodes, demand.LiveNode{
		Node:  &demand.Node{ID: id, InstanceID: name, Type: kind, StartTime: uint64(p.now.UnixMilli())},
		Total: t.Resources, Free: t.Resources, Reported: true,
	})
	return &p.nodes[len(p.nodes)-1]
}

// setNode is: worker [type=gpu] [total=…] [free=…|full|empty] [idle=70s|busy] [draining] [dead].
func (p *play) setNode(w words) {
	for _, word := range w.list[1:] {
		if word == "dead" {
			p.kill(w.list[0])
			return
		}
	}
	n := p.nodeOf(w.list[0])
	n.Node = new(*n.Node) // decisions hold the old one
	w.each(1, func(key, value string) bool {
		switch key {
		case "type":
			n.Type = value
		case "total":
			n.Total = w.resources(value)
		case "free":
			n.Free = w.resources(value)
		case "full":
			n.Free = nil
		case "empty":
			n.Free = n.Total
		case "idle":
			n.Idle, n.Free = w.duration(value), n.Total
		case "busy":
			n.Idle, n.Activity = 0, []string{"Busy workers on node."}
		case "draining":
			n.Draining = true
		default:
			return false
		}
		return true
	})
}

func (p *play) kill(name string) {
	for i := range p.nodes {
		if p.nodes[i].InstanceID == name {
			p.nodes = append(p.nodes[:i], p.nodes[i+1:]...)
			return
		}
	}
}

// remove takes workers and their nodes away.
func (p *play) remove(w words) {
	for _, name := range w.list {
		p.delete(name, &strings.Builder{})
	}
}

// answer is: worker accepted|rejected. An accepted drain ends the node; the
// worker is drained when "worker w drained" says so.
func (p *play) answer(w words) {
	accepted := w.list[1] == "accepted"
	p.loop.DrainAnswered(w.list[0], accepted, w.list[1], p.now)
	if accepted {
		p.kill(w.list[0])
	}
}

// want is: 3 CPU:1,GPU:1 | constraint 2 CPU:4 | gang pg1 STRICT_SPREAD 2 GPU:1.
func (p *play) want(w words) {
	shape := func(i int) demand.Shape {
		return demand.Shape{ResourceRequest: demand.ResourceRequest{Resources: w.resources(w.list[i+1])}, Count: int64(w.number(w.list[i]))}
	}
	switch w.list[0] {
	case "constraint":
		p.demand.Constraints = append(p.demand.Constraints, shape(1))
	case "gang":
		p.demand.Gangs = append(p.demand.Gangs, demand.Gang{Name: w.list[1], Strategy: demand.Strategy(w.list[2]), Bundles: []demand.Shape{shape(3)}})
	default:
		p.demand.Tasks = append(p.demand.Tasks, shape(0))
	}
}
