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
