package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/nats"
)

// The beats of agents: see demand/ray.
const (
	workerBeat = 2 * time.Second
	headBeat   = time.Second
	poll       = 100 * time.Millisecond
)

// agent is what speaks for one node.
type agent struct {
	demand.Report
	bus *nats.Publisher
}

// fleet is the simulated Ray of one cluster.
type fleet struct {
	workers []*agent
	head    *agent
	rows    []*demand.Node // the head's first
	changed bool           // since the head spoke last
}

// speak connects the agents of all clusters and KEDA, and lets them talk.
func (b *bench) speak() error {
	fleets := make([]*fleet, b.clusters)
	if err := b.parallel(b.clusters, func(i int) (err error) {
		fleets[i], err = b.fleet(namespaceName(i))
		return err
	}); err != nil {
		return err
	}
	b.say("%d agents connected, one connection a %s", b.clusters*(b.nodes+1), b.connections)
	for _, f := range fleets {
		go f.talk(b.ctx, b.changing)
	}
	return b.keda()
}

// fleet is a cluster of which each node is full of tasks; at every tenth more wait.
func (b *bench) fleet(ns string) (*fleet, error) {
	token, err := b.token(ns, account)
	if err != nil {
		return nil, err
	}
	join := b.joining(ns, token)
	f := &fleet{head: newAgent(ns, "sim-head", "head")}
	if f.head.bus, err = join(f.head.NodeID, nats.Head); err != nil {
		return nil, err
	}
	f.rows = append(f.rows, row(f.head, demand.MustResources(map[string]float64{"memory": 4 << 30, "node:10.0.0.1": 1}), 0))
	f.rows[0].Head, f.head.Raylet.Total, f.head.Raylet.Available = true, f.rows[0].Total, f.rows[0].Total
	for i := range b.nodes {
		a := newAgent(ns, podName(i), typeName)
		if a.bus, err = join(a.NodeID); err != nil {
			return nil, err
		}
		if i%10 == 0 {
			a.Raylet.Demand = waiting()
		}
		f.workers, f.rows = append(f.workers, a), append(f.rows, row(a, capacity(i, cpus), i+1))
		f.take(i, cpus)
	}
	return f, nil
}

func waiting() []demand.QueuedDemand {
	one := demand.ResourceRequest{Resources: demand.MustResources(map[string]float64{"CPU": 1})}
	return []demand.QueuedDemand{{ResourceRequest: one, Queued: 3, Backlog: 20}}
}

// capacity is a worker's, with so many CPUs.
func capacity(i, cpu int) demand.Resources {
	return demand.MustResources(map[string]float64{
		"CPU": float64(cpu), "memory": 32 << 30, "object_store_memory": 9 << 30, fmt.Sprintf("node:10.0.%d.%d", i/250, i%250): 1,
	})
}

func row(a *agent, total demand.Resources, i int) *demand.Node {
	return &demand.Node{
		ID: a.NodeID, InstanceID: a.InstanceID, Type: a.NodeType, Status: demand.NodeRunning, Total: total, Available: total,
		Labels: demand.NewLabels(map[string]string{"ray.io/node-id": a.NodeID, "ray.io/node-group": a.NodeType}), Address: fmt.Sprintf("10.0.%d.%d", i/250, i%250),
		Activity:  []string{"Resource: CPU currently in use.", "Busy workers on node."},
		StartTime: uint64(time.Now().UnixMilli()), //nolint:gosec // after 1970
	}
}

// joining connects agents as pods of the namespace do, each to listen for its own
// control messages: over a connection of its own, or over one of the cluster, which
// listens for all.
func (b *bench) joining(ns, token string) func(listen ...string) (*nats.Publisher, error) {
	join := func(listen ...string) (*nats.Publisher, error) {
		conn, err := nats.Connect(nats.Options{URL: b.natsURL, Name: "rayburst agent", Token: func() string { return token }})
		if err != nil {
			return nil, err
		}
		bus := &nats.Publisher{Conn: conn, Cluster: demand.Cluster{Namespace: ns, Name: clusterName}}
		for _, node := range listen {
			if _, err := bus.Serve(b.ctx, node, accept); err != nil {
				return nil, err
			}
		}
		return bus, nil
	}
	if b.connections == perNode {
		return join
	}
	shared := sync.OnceValues(func() (*nats.Publisher, error) { return join("*") })
	return func(...string) (*nats.Publisher, error) { return shared() }
}

// newAgent is what speaks for an instance of a cluster.
func newAgent(ns, instance, nodeType string) *agent {
	return &agent{Report: demand.Report{
		NodeID: fmt.Sprintf("%x", sha256.Sum224([]byte(ns+instance))), InstanceID: instance, NodeType: nodeType, AgentVersion: "fleet",
		Incarnation: uint64(time.Now().UnixNano()), Raylet: &demand.RayletLoad{}, //nolint:gosec // after 1970
	}}
}

// accept is what an agent answers a decision that Ray is told.
func accept(context.Context, demand.Control) demand.ControlReply {
	return demand.ControlReply{Accepted: true}
}

// take makes a node run tasks on so many CPUs.
func (f *fleet) take(i, used int) {
	a, n := f.workers[i], f.rows[i+1]
	n.Available = capacity(i, cpus-used).NonZero()
	a.Raylet.Total, a.Raylet.Available = n.Total, n.Available
	f.changed = true
}

// talk lets the agents speak as demand/ray's do: each polls ten times a second
// and says what has changed, and all of a cluster say once in a beat, together,
// that nothing has. They do so within 5 ms.
func (f *fleet) talk(ctx context.Context, changing float64) {
	time.Sleep(rand.N(workerBeat)) // clusters do not beat together
	t := time.NewTicker(poll)
	defer t.Stop()
	used := slices.Repeat([]int{cpus}, len(f.workers)) // and cpus−1 when a task has ended
	for n := 0; ctx.Err() == nil; n++ {
		for range f.changes(changing) {
			i := rand.IntN(len(f.workers))
			used[i] = 2*cpus - 1 - used[i]
			f.take(i, used[i])
			f.workers[i].say(nil)
		}
		if f.changed || n%int(headBeat/poll) == 0 {
			f.lead()
		}
		if n%int(workerBeat/poll) == 0 {
			f.beat()
		}
		<-t.C
	}
}

// changes is how many workers change within a poll, so many of them each second.
func (f *fleet) changes(changing float64) int {
	mean := changing * float64(len(f.workers)) * poll.Seconds()
	n := int(mean)
	if rand.Float64() < mean-float64(n) {
		n++
	}
	return n
}

// skews is within how many milliseconds the agents of a cluster speak.
const skews = 5

// beat lets all workers speak, as many of them each millisecond.
func (f *fleet) beat() {
	for at := range skews {
		for i := at; i < len(f.workers); i += skews {
			f.workers[i].say(nil)
		}
		time.Sleep(time.Millisecond)
	}
}

// lead lets the head speak.
func (f *fleet) lead() {
	f.changed = false
	f.head.say(&demand.ClusterState{Session: "session_" + f.head.NodeID, Nodes: f.rows})
}

// say publishes a report. One that is lost heals with the next.
func (a *agent) say(c *demand.ClusterState) {
	a.Sequence++
	a.Cluster = c
	_ = a.bus.Publish(&a.Report)
}
