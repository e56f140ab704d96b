package scaler_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/scaler"
)

// TestSameWorldAgain: who hands in the very same workers and types again, of which
// nothing is asked anew then, gets the decisions of who hands in copies of them.
func TestSameWorldAgain(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 21))
		kind := busy{room: 1 + rng.IntN(2), spare: float64(rng.IntN(2))}
		again, anew := newBusy(8, kind), newBusy(8, kind)
		for step := range 30 {
			for i, change := 0, rng.Uint64(); i < 2; i++ {
				c := []*busy{again, anew}[i]
				c.change(rand.New(rand.NewPCG(change, 1)), uint64(step)+3)
			}
			want, got := anew.decideOn(copied(anew.world)), again.decide()
			if diff := cmp.Diff(said(want), said(got), cmpopts.IgnoreUnexported(demand.ResourceRequest{})); diff != "" {
				t.Fatalf("seed %d, step %d (-copies +the same):\n%s", seed, step, diff)
			}
		}
	}
}

// said is what a decision tells.
func said(d *scaler.Decision) any {
	return []any{d.Unknown, d.Targets, d.Drain, d.Withdraw, d.Victims, d.Recycle, d.Lost, d.Nodes.Get(), d.Waiting, d.Plan.Get()}
}

func copied(w scaler.World) scaler.World {
	w.Types, w.Workers = slices.Clone(w.Types), slices.Clone(w.Workers)
	return w
}

// change lets something happen in a cluster, and time pass.
func (c *busy) change(rng *rand.Rand, sequence uint64) {
	c.now = c.now.Add(time.Duration(rng.IntN(1500)) * time.Millisecond)
	i := rng.IntN(len(c.nodes) - 1)
	c.nodes = slices.Clone(c.nodes)
	switch n := *c.nodes[i+1]; rng.IntN(6) {
	case 0: // the node drains, or is gone, or comes back
		n.Status = []demand.NodeStatus{demand.NodeRunning, demand.NodeIdle, demand.NodeDraining, demand.NodeDead}[rng.IntN(4)]
		n.Idle = time.Duration(rng.IntN(400)) * time.Second
		c.nodes[i+1] = &n
	case 1: // the GCS calls it something else
		n.InstanceID = c.nodes[1+rng.IntN(len(c.nodes)-1)].InstanceID
		c.nodes[i+1] = &n
	case 2: // its worker has another life, or is asked to go
		c.world.Workers = slices.Clone(c.world.Workers)
		w := &c.world.Workers[rng.IntN(len(c.world.Workers))]
		w.Started, w.Drained, w.Marked, w.StartedAt = rng.IntN(2) == 0, rng.IntN(4) == 0, rng.IntN(2) == 0, c.now.Add(-time.Second)
	case 3: // a worker goes
		c.world.Workers = slices.Delete(slices.Clone(c.world.Workers), 0, min(1, len(c.world.Workers)-1))
	case 4: // a type goes
		c.world.Types = slices.Clone(c.world.Types)
		i := rng.IntN(len(c.world.Types))
		c.world.Types[i].NodeType = nodetypes.NodeType{Name: []string{"this", "that"}[i], MaxWorkers: 3}
	}
	c.core.Report(c.head(sequence), c.now)
	c.core.Report(c.report(i, sequence, int64(rng.IntN(3))), c.now)
}
