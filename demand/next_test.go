package demand_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/rayburst/rayburst/demand"
)

// TestNext: until the moment that a snapshot names, and while nothing is
// reported, a snapshot says the same; only idle times grow. Whoever sleeps
// until then misses nothing. Whatever is reported, nothing panics.
func TestNext(t *testing.T) {
	for seed := range uint64(600) {
		f := &fleet{Rand: rand.New(rand.NewPCG(seed, 4)), state: demand.NewState(demand.DefaultWindows()), now: time.Unix(1_767_225_600, 0)}
		for i := range 80 {
			f.now = f.now.Add(time.Duration(f.Int64N(int64(400 * time.Millisecond))))
			f.step()
			first, err := f.state.Snapshot(f.now)
			if err != nil {
				continue
			}
			if !first.Next.After(f.now) {
				t.Fatalf("seed %d, step %d: the next change is %v ago", seed, i, f.now.Sub(first.Next))
			}
			f.now = f.now.Add(time.Duration(f.Int64N(int64(first.Next.Sub(f.now)))))
			later, err := f.state.Snapshot(f.now)
			if err != nil {
				t.Fatalf("seed %d, step %d: unknown before the next change: %v", seed, i, err)
			}
			if a, b := known(first), known(later); a != b {
				t.Fatalf("seed %d, step %d: changed before its time, from\n%s\nto\n%s", seed, i, a, b)
			}
		}
	}
}

// known is what a snapshot says, without idle times.
func known(s *demand.Snapshot) string {
	out := fmt.Sprint(s.Session, s.Source, s.Truncated, s.Demand, s.Next, "\n")
	for _, n := range s.Nodes {
		out += fmt.Sprintln(n.ID[:4], n.Status, n.Total, n.Free, n.Draining, n.Reported)
	}
	return out
}

// fleet is a head and workers that report at random.
type fleet struct {
	*rand.Rand
	state *demand.State
	now   time.Time
	seq   uint64
	last  *demand.ClusterState // that the head said
}

func (f *fleet) step() {
	if r := f.report(); r != nil {
		f.state.Apply(r, f.now)
	}
}

// report is somebody's next one; nil: a node was lost instead.
func (f *fleet) report() *demand.Report {
	f.seq++
	node := fmt.Sprintf("n%d", f.IntN(5))
	switch f.IntN(12) {
	case 0, 1, 2, 3:
		r := &demand.Report{NodeID: nodeID("n0"), Incarnation: 1, Sequence: f.seq, Raylet: f.load(), Cluster: f.cluster()}
		if f.IntN(20) == 0 {
			r.Raylet = nil
		}
		return r
	case 4:
		f.state.Lose(nodeID(node), f.now)
		return nil
	}
	return &demand.Report{NodeID: nodeID(node), Incarnation: 1, Sequence: f.seq, Raylet: f.load()}
}

func (f *fleet) resources() demand.Resources {
	return demand.MustResources(map[string]float64{"CPU": float64(f.IntN(5)), "GPU": float64(f.IntN(2))}).NonZero()
}

func (f *fleet) load() *demand.RayletLoad {
	l := &demand.RayletLoad{
		Total: demand.MustResources(map[string]float64{"CPU": 4, "GPU": 1}), Available: f.resources(),
		Truncated: f.IntN(9) == 0, Draining: f.IntN(9) == 0, Idle: time.Duration(f.IntN(2)) * time.Second,
	}
	for range f.IntN(3) {
		l.Demand = append(l.Demand, demand.QueuedDemand{
			ResourceRequest: demand.ResourceRequest{Resources: f.resources()}, Queued: f.Int64N(9), Backlog: f.Int64N(9),
		})
	}
	l.Demand = demand.MergeQueued(l.Demand)
	return l
}

// cluster is what the head says: mostly all of it anew, else what it said last, but
// for a row.
func (f *fleet) cluster() *demand.ClusterState {
	f.last = f.next()
	return f.last
}

func (f *fleet) next() *demand.ClusterState {
	if f.last != nil && len(f.last.Nodes) > 0 && f.IntN(2) > 0 {
		c := new(*f.last)
		c.Nodes = slices.Clone(c.Nodes)
		i := f.IntN(len(c.Nodes))
		c.Nodes[i] = new(*c.Nodes[i])
		c.Nodes[i].Available, c.Nodes[i].Idle = f.resources(), time.Duration(f.IntN(3))*time.Second
		if f.IntN(4) == 0 {
			c.Nodes[i].Status, c.Nodes[i].StartTime = demand.NodeStatus(1+f.IntN(4)), uint64(f.IntN(3))
		}
		return c
	}
	c := &demand.ClusterState{Session: "s" + fmt.Sprint(f.IntN(40)/39)}
	for i := range 5 {
		if i > 0 && f.IntN(4) == 0 {
			continue
		}
		c.Nodes = append(c.Nodes, &demand.Node{
			ID: nodeID(fmt.Sprintf("n%d", i)), InstanceID: "pod" + fmt.Sprint(min(i, 3)), StartTime: uint64(f.IntN(3)), Head: i == 0,
			Status: []demand.NodeStatus{demand.NodeRunning, demand.NodeRunning, demand.NodeIdle, demand.NodeDraining, demand.NodeDead}[f.IntN(5)],
			Total:  demand.MustResources(map[string]float64{"CPU": 4, "GPU": 1}), Available: f.resources(), Idle: time.Duration(f.IntN(3)) * time.Second,
		})
	}
	f.Shuffle(len(c.Nodes), func(i, j int) { c.Nodes[i], c.Nodes[j] = c.Nodes[j], c.Nodes[i] })
	c.Pending = demand.MergeShapes(slices.Repeat([]demand.Shape{{ResourceRequest: demand.ResourceRequest{Resources: f.resources()}, Count: f.Int64N(9)}}, f.IntN(3)))
	return c
}
