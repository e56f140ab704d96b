package ray

import (
	"log/slog"
	"testing"
	"time"

	"github.com/rayburst/rayburst/demand"
)

// TestPublicationRate: a head whose raylet and GCS both say something new at
// every poll still speaks ten times a second, and says the last of it.
func TestPublicationRate(t *testing.T) {
	now, b := time.Unix(0, 0), &bus{}
	a := &Agent{Mode: Head, Bus: b, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)}
	p := publication{agent: a}
	for i := range 100 {
		now = now.Add(30 * time.Millisecond)
		p.setRaylet(&demand.RayletLoad{Total: demand.Resources{{Name: "CPU", Amount: demand.Amount(i + 1)}}})
		now = now.Add(70 * time.Millisecond)
		p.setCluster(&demand.ClusterState{Session: "s", Nodes: make([]*demand.Node, i)})
	}
	if n := len(b.all()); n < 90 || n > 101 {
		t.Errorf("%d reports in 10 s, want at most 10 a second", n)
	}
	now = now.Add(100 * time.Millisecond)
	p.setRaylet(p.report.Raylet)
	last := b.last()
	if last.Raylet.Total[0].Amount != 100 || len(last.Cluster.Nodes) != 99 {
		t.Errorf("the last report says %v and %d nodes, want the newest of both", last.Raylet.Total, len(last.Cluster.Nodes))
	}
}

// TestPublicationIdle: what idles for longer is no news, and is said with the
// next report all the same.
func TestPublicationIdle(t *testing.T) {
	now, b := time.Unix(0, 0), &bus{}
	a := &Agent{Mode: Head, Bus: b, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)}
	p := publication{agent: a}
	p.setRaylet(&demand.RayletLoad{})
	for range 100 {
		now = now.Add(100 * time.Millisecond)
		idle := now.Sub(time.Unix(0, 0))
		p.setRaylet(&demand.RayletLoad{Idle: idle})
		p.setCluster(&demand.ClusterState{Session: "s", Nodes: []*demand.Node{{ID: "a", Status: demand.NodeIdle, Idle: idle}}})
	}
	said := b.all()
	if n := len(said); n < 10 || n > 13 {
		t.Errorf("%d reports in 10 s of which nothing is news, want one a second", n)
	}
	for _, r := range said[2:] {
		if got, want := r.Cluster.Nodes[0].Idle, r.Raylet.Idle; want-got > pollInterval {
			t.Errorf("the GCS's row has idled for %v, the raylet for %v", got, want)
		}
	}
}
