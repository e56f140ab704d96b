package scaler_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/scaler"
)

// TestCoreLosesNodes: a node of a former life of its worker is no longer known
// once a decision has named it, although the GCS still lists it.
func TestCoreLosesNodes(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	core := scaler.NewCore(demand.Cluster{Namespace: "default", Name: "train"}, demand.DefaultWindows())
	head, old := strings.Repeat("1", demand.NodeIDDigits), strings.Repeat("2", demand.NodeIDDigits)
	w := scaler.World{
		Now: now, Types: []scaler.TypeState{{NodeType: nodetypes.NodeType{Name: "cpu", MaxWorkers: 1}, Replicas: 1}},
		Settings: scaler.Settings{MaxWorkers: 1}, Workers: []scaler.Worker{{Name: "cpu-1", Type: "cpu", Started: true, StartedAt: now}},
	}
	if d := core.Decide(w); d.Unknown == "" {
		t.Error("the state is known before anything was told")
	}
	core.Report(&demand.Report{NodeID: head, Incarnation: 1, Sequence: 1, Raylet: &demand.RayletLoad{}, Cluster: &demand.ClusterState{Nodes: []*demand.Node{
		{ID: head, Head: true, InstanceID: "head", Status: demand.NodeRunning},
		{ID: old, InstanceID: "cpu-1", Type: "cpu", Status: demand.NodeRunning, StartTime: uint64(now.Add(-time.Minute).UnixMilli())},
	}}}, now)
	w.Now = now.Add(5 * time.Second) // so long it is waited for the worker's own report
	if d := core.Decide(w); len(d.Lost) != 1 || d.Lost[0] != old {
		t.Fatalf("lost %v, want %s", d.Lost, old)
	}
	if d := core.Decide(w); d.Unknown != "" || len(d.Lost) > 0 || len(d.Nodes.Get()) != 2 {
		t.Errorf("lost %v, unknown %q, nodes %v; want it to be gone", d.Lost, d.Unknown, d.Nodes.Get())
	}
}
