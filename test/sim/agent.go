package sim

import (
	"maps"
	"slices"
	"time"

	"github.com/rayburst/rayburst/demand"
)

// agent is the sidecar of one raylet: a full snapshot on every change, at most
// at 10 Hz, and at least once a beat.
type agent struct {
	*raylet
	incarnation uint64
	sequence    uint64
	sent        time.Duration
	version     int // of the raylet, when it was read last
	gcs         int // of the GCS, when it was read last
	load        *demand.RayletLoad
	state       *demand.ClusterState
}

const poll = 100 * time.Millisecond

// attend starts a raylet's agent.
func (c *cluster) attend(r *raylet) {
	if c.Agentless && r.pod != nil || r.pod == nil {
		return
	}
	a := &agent{raylet: r, incarnation: uint64(r.time().UnixNano()), version: -1}
	r.after(r.upTo(200*time.Millisecond), func() {
		a.every(poll, func() bool { return a.pollRaylet(2 * time.Second) })
	})
}

// attendHead starts the head's agent, which reads the GCS too.
func (s *sim) attendHead(c *cluster) {
	a := &agent{raylet: &raylet{cluster: c}, incarnation: uint64(c.time().UnixNano()), version: -1, gcs: -1}
	c.every(poll, func() bool {
		if c.head == nil || c.Agentless {
			return !c.dead
		}
		a.raylet = c.head
		return a.pollRaylet(time.Second)
	})
	c.every(poll, func() bool { return a.pollGCS() })
}

func (a *agent) pollRaylet(beat time.Duration) bool {
	if a.raylet.dead || a.cluster.dead {
		return false
	}
	changed := a.version != a.raylet.version || a.load == nil
	a.version, a.load = a.raylet.version, a.raylet.report()
	a.publish(changed, beat)
	return true
}

func (a *agent) pollGCS() bool {
	if a.cluster.dead {
		return false
	}
	if a.cluster.head == nil {
		return true // nothing to name a report after
	}
	a.raylet = a.cluster.head
	changed := a.gcs != a.cluster.version
	a.gcs, a.state = a.cluster.version, a.cluster.report()
	a.publish(changed, time.Second)
	return true
}

func (a *agent) publish(changed bool, beat time.Duration) {
	if !changed && a.now-a.sent < beat-poll || a.load == nil && !a.Agentless {
		return
	}
	a.sequence++
	a.sent = a.now
	r := &demand.Report{NodeID: a.raylet.id, Incarnation: a.incarnation, Sequence: a.sequence, Raylet: a.load, Cluster: a.state}
	if a.pod != nil {
		r.InstanceID, r.NodeType = a.pod.name, a.pod.kind.Name
	}
	if a.pod == nil {
		a.said = r
	}
	a.send(r)
}

// send carries a report to the scaler, or loses, doubles or delays it.
func (s *sim) send(r *demand.Report) {
	if s.chance(s.Loss) {
		return
	}
	s.after(s.between(200*time.Microsecond, s.Delay), func() { s.brain.receive(r) })
	if s.chance(s.Doubles) {
		s.after(s.between(0, 2*s.Delay), func() { s.brain.receive(r) })
	}
}

// report is what a raylet answers: exact in itself.
func (r *raylet) report() *demand.RayletLoad {
	out := &demand.RayletLoad{Total: r.total.resources(), Available: r.free.resources(), Draining: r.draining}
	if r.free == r.total {
		out.Idle = max(r.now-r.idle, 1)
	}
	for _, v := range slices.SortedFunc(maps.Keys(r.waitingHere()), compareVec) {
		q := demand.QueuedDemand{ResourceRequest: demand.ResourceRequest{Resources: v.resources()}, Backlog: r.backlog[v]}
		for _, l := range r.queue {
			if l.shape == v {
				q.Queued++
			}
		}
		out.Demand = append(out.Demand, q)
	}
	out.Demand = demand.MergeQueued(out.Demand)
	return out
}

func compareVec(a, b vec) int { return slices.Compare(a[:], b[:]) }

// report is what the GCS answers.
func (c *cluster) report() *demand.ClusterState {
	out := &demand.ClusterState{Session: c.session}
	load := map[vec]int64{}
	for _, w := range c.rows {
		out.Nodes = append(out.Nodes, w.node())
		for v, n := range w.load {
			load[v] += n
		}
	}
	for _, v := range slices.SortedFunc(maps.Keys(load), compareVec) {
		out.Pending = append(out.Pending, demand.Shape{ResourceRequest: demand.ResourceRequest{Resources: v.resources()}, Count: load[v]})
	}
	out.Pending = demand.MergeShapes(out.Pending)
	return out
}

func (w *row) node() *demand.Node {
	n := &demand.Node{
		ID: w.id, Head: w.pod == nil, Status: demand.NodeRunning, Total: w.total.resources(), Available: w.free.resources(),
		StartTime: uint64(epoch.Add(w.started).UnixMilli()),
	}
	if w.idle > 0 {
		n.Status, n.Idle = demand.NodeIdle, w.idle+w.now-w.at
	}
	if w.pod == nil {
		n.InstanceID, n.Type = "head", "head"
	} else {
		n.InstanceID, n.Type = w.pod.name, w.pod.kind.Name
	}
	return n
}
