package kube

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/scaler"
)

// removalSettle is how long a drained, marked pod is looked at before its
// type's target falls: whoever picks the victims reads its own cache.
const removalSettle = 5 * time.Second

// Cluster is one Ray cluster in Kubernetes: its node types are ScaledObjects,
// its workers the pods of their Deployments. It is the Workers of a runner.
type Cluster struct {
	Name demand.Cluster

	ns      *namespace
	changed chan struct{}

	mu    sync.Mutex
	types []*scaledObject // by node type
	world *scaler.World   // nil: has to be read again
	stray []*scaledObject // the types with a replica that is unasked; the same
	all   map[string]*pod // of all types; the same
}

// Changed gets a value when World would return something else.
func (c *Cluster) Changed() <-chan struct{} { return c.changed }

// World is the cluster as the API server tells it.
func (c *Cluster) World() scaler.World {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.world == nil {
		c.world = new(c.read())
	}
	return *c.world
}

func (c *Cluster) touch() {
	c.mu.Lock()
	c.world, c.all = nil, nil
	c.mu.Unlock()
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

func (c *Cluster) set(types []*scaledObject) {
	c.mu.Lock()
	c.types = types
	c.mu.Unlock()
	c.touch()
}

func (c *Cluster) read() scaler.World {
	w := scaler.World{Settings: settings(c.types)}
	c.stray = nil
	for _, o := range c.types {
		d, ok := c.ns.deployments.get(o.target)
		if !ok {
			continue // nothing can be launched
		}
		t := scaler.TypeState{
			NodeType: o.nodeType, Replicas: d.replicas, Rollout: d.rollout || o.pausedIn, Paused: o.pausedIn && o.pausedOut, Refused: d.refused,
		}
		workers := c.ns.workers(o.target)
		if unasked(o, d, workers) {
			t.Replicas, workers, c.stray = 0, nil, append(c.stray, o)
		}
		w.Types = append(w.Types, t)
		for _, p := range workers {
			w.Workers = append(w.Workers, p.worker(o.nodeType.Name))
		}
	}
	slices.SortFunc(w.Workers, func(a, b scaler.Worker) int { return cmp.Compare(a.Name, b.Name) })
	return w
}

// unasked tells whether a type's only replica is the one that every new Deployment
// has that does not say how many: nobody asked for it, and Ray has not begun in it.
func unasked(o *scaledObject, d deploymentState, workers map[string]*pod) bool {
	for _, p := range workers {
		if !p.started.IsZero() || p.asked {
			return false
		}
	}
	return d.untaught && o.nodeType.MinWorkers == 0 && !o.pausedIn
}

// strays are the types that had a replica that nobody asked for when the world was
// read last.
func (c *Cluster) strays() []*scaledObject {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stray
}

// settings are what the objects of a cluster say of it: the first that says it.
func settings(types []*scaledObject) scaler.Settings {
	s := scaler.Settings{UpscalingSpeed: 1, MaxWorkers: nodetypes.NoLimit, RemovalSettle: removalSettle}
	for _, o := range slices.Backward(types) {
		if o.trigger.UpscalingSpeed != nil {
			s.UpscalingSpeed = *o.trigger.UpscalingSpeed
		}
		if o.trigger.ClusterMaxWorkers != nil {
			s.MaxWorkers = *o.trigger.ClusterMaxWorkers
		}
	}
	return s
}

// grouped are the good objects of each cluster, by node type, and what is wrong
// with others: two of one type drive nothing but the first; settings that differ
// within a cluster are doubts, as objects that are applied one after another
// differ for a moment, and the first by node type counts.
func grouped(objects []*scaledObject) (good map[demand.Cluster][]*scaledObject, bad, doubts map[*scaledObject]error) {
	good, bad, doubts = map[demand.Cluster][]*scaledObject{}, map[*scaledObject]error{}, map[*scaledObject]error{}
	slices.SortFunc(objects, func(a, b *scaledObject) int {
		return cmp.Or(cmp.Compare(a.nodeType.Name, b.nodeType.Name), cmp.Compare(a.name, b.name))
	})
	for _, o := range objects {
		others := good[o.cluster]
		if err := cmp.Or(o.problem, repeats(o, others)); err != nil {
			bad[o] = err
			continue
		}
		if err := disagrees(o, others); err != nil {
			doubts[o] = err
		}
		good[o.cluster] = append(others, o)
	}
	return good, bad, doubts
}

// repeats tells what an object drives that one of its cluster drives already.
func repeats(o *scaledObject, others []*scaledObject) error {
	for _, other := range others {
		switch {
		case other.nodeType.Name == o.nodeType.Name:
			return fmt.Errorf("trigger metadata key %q: must be of one ScaledObject only (%s has it too)", "nodeType", other.name)
		case other.target == o.target:
			return fmt.Errorf("spec.scaleTargetRef.name: must be of one ScaledObject only (%s has it too)", other.name)
		}
	}
	return nil
}

// disagrees tells what an object says otherwise of its cluster than the first of
// those before it that says it.
func disagrees(o *scaledObject, others []*scaledObject) error {
	speed := func(o *scaledObject) *float64 { return o.trigger.UpscalingSpeed }
	limit := func(o *scaledObject) *int { return o.trigger.ClusterMaxWorkers }
	return cmp.Or(differs("upscalingSpeed", o, others, speed), differs("clusterMaxWorkers", o, others, limit))
}

func differs[T comparable](key string, o *scaledObject, others []*scaledObject, value func(*scaledObject) *T) error {
	i := slices.IndexFunc(others, func(other *scaledObject) bool { return value(other) != nil })
	if i < 0 || value(o) == nil || *value(o) == *value(others[i]) {
		return nil
	}
	return fmt.Errorf("trigger metadata key %q: must be equal in all objects of the cluster (got %v, %s has %v)",
		key, *value(o), others[i].name, *value(others[i]))
}

// HPAHasTarget tells whether the HPA of a node type has an averageValue.
func (c *Cluster) HPAHasTarget(nodeType string, target int64) bool {
	o, err := c.object(nodeType)
	if err != nil {
		return false
	}
	got, ok := c.ns.targets.get("keda-hpa-" + o.name)
	return ok && got == target
}

var errNoType = errors.New("no ScaledObject of that node type")

func (c *Cluster) object(nodeType string) (*scaledObject, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.types {
		if o.nodeType.Name == nodeType {
			return o, nil
		}
	}
	return nil, errNoType
}

// pods are the cluster's pods that are not on their way out, by name. They must
// not be changed.
func (c *Cluster) pods() map[string]*pod {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = map[string]*pod{}
		for _, o := range c.types {
			maps.Copy(c.all, c.ns.workers(o.target))
		}
	}
	return c.all
}
