package demand_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rayburst/rayburst/demand"
)

// TestTooManyNodes: reports of made-up nodes fill no memory, and keep the head
// and those that are there already from nothing.
func TestTooManyNodes(t *testing.T) {
	s, now := demand.NewState(demand.DefaultWindows()), time.Unix(1_767_225_600, 0)
	apply := func(node int, sequence uint64, c *demand.ClusterState) bool {
		return s.Apply(&demand.Report{
			NodeID: fmt.Sprintf("%056x", node), Incarnation: 1, Sequence: sequence, Raylet: &demand.RayletLoad{Idle: time.Duration(sequence - 1)}, Cluster: c,
		}, now)
	}
	for i := range demand.MaxNodes {
		if !apply(i+1, 1, nil) {
			t.Fatalf("node %d is not taken", i)
		}
	}
	if apply(demand.MaxNodes+1, 1, nil) {
		t.Error("one node too many is taken")
	}
	if !apply(1, 2, nil) {
		t.Error("a node that is there is not heard")
	}
	now = now.Add(6 * time.Second)
	if !apply(demand.MaxNodes+2, 1, &demand.ClusterState{Nodes: []*demand.Node{{ID: fmt.Sprintf("%056x", 1), Status: demand.NodeRunning}}}) {
		t.Error("the head is not heard")
	}
	if !apply(demand.MaxNodes+3, 1, nil) {
		t.Error("the nodes that nobody lists keep their place")
	}
}

// TestMergedCounts: a sum of counts is no more than one count may be, so that
// what is merged can be sent.
func TestMergedCounts(t *testing.T) {
	one := demand.ResourceRequest{Resources: demand.MustResources(map[string]float64{"CPU": 1})}
	q := demand.QueuedDemand{ResourceRequest: one, Queued: demand.MaxCount, Backlog: demand.MaxCount}
	if got := demand.MergeQueued([]demand.QueuedDemand{q, q}); len(got) != 1 || got[0].Queued != demand.MaxCount || got[0].Backlog != demand.MaxCount {
		t.Errorf("queued: %v", got)
	}
	x := demand.Shape{ResourceRequest: one, Count: demand.MaxCount}
	if got := demand.MergeShapes([]demand.Shape{x, x}); len(got) != 1 || got[0].Count != demand.MaxCount {
		t.Errorf("shapes: %v", got)
	}
}
