package sim_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rayburst/rayburst/demand"
)

// What follows are states that runs have found, one by one.

var (
	begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	empty = &demand.RayletLoad{}
)

func nodeID(n int) string { return fmt.Sprintf("%056x", n) }

// head is the report of a head, node 1 of its session, that lists workers too.
func head(session string, id int, incarnation, sequence uint64, workers ...int) *demand.Report {
	s := &demand.ClusterState{Session: session, Nodes: []*demand.Node{{ID: nodeID(id), Head: true, Status: demand.NodeRunning}}}
	for _, w := range workers {
		s.Nodes = append(s.Nodes, &demand.Node{ID: nodeID(w), InstanceID: fmt.Sprint("w", w), Status: demand.NodeRunning})
	}
	return &demand.Report{NodeID: nodeID(id), Incarnation: incarnation, Sequence: sequence, Raylet: empty, Cluster: s}
}

func session(t *testing.T, s *demand.State, now time.Time) string {
	t.Helper()
	snapshot, err := s.Snapshot(now)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot.Session
}

// TestLateHead: a report of a head that is dead changes nothing while the new
// one speaks; whoever speaks counts when it has been silent for long.
func TestLateHead(t *testing.T) {
	s := demand.NewState(demand.DefaultWindows())
	s.Apply(head("new", 2, 20, 1), begin)
	if s.Apply(head("old", 1, 10, 99), begin.Add(time.Second)) {
		t.Error("the report of a dead head is news")
	}
	if got := session(t, s, begin.Add(time.Second)); got != "new" {
		t.Errorf("session %q, want the new one", got)
	}
	if !s.Apply(head("old", 1, 10, 100), begin.Add(10*time.Second)) {
		t.Error("the only head that speaks is not heard")
	}
	s.Apply(head("new", 2, 20, 2), begin.Add(11*time.Second))
	if got := session(t, s, begin.Add(11*time.Second)); got != "new" {
		t.Errorf("session %q, want the new one as soon as it speaks", got)
	}
}

// TestLostNodeSpeaks: a node that was taken for dead and still reports long
// after is alive.
func TestLostNodeSpeaks(t *testing.T) {
	s := demand.NewState(demand.DefaultWindows())
	worker := func(n uint64) *demand.Report {
		return &demand.Report{NodeID: nodeID(3), Incarnation: 1, Sequence: n, Raylet: empty}
	}
	alive := func(at time.Duration, n uint64) int {
		s.Apply(head("s", 1, 1, n, 3), begin.Add(at))
		s.Apply(worker(n), begin.Add(at))
		s.Apply(head("s", 1, 1, n+1, 3), begin.Add(at))
		snapshot, err := s.Snapshot(begin.Add(at))
		if err != nil {
			t.Fatal(err)
		}
		return len(snapshot.Nodes)
	}
	if got := alive(0, 1); got != 2 {
		t.Fatalf("%d nodes, want 2", got)
	}
	s.Lose(nodeID(3), begin)
	if got := alive(time.Second, 3); got != 1 {
		t.Errorf("%d nodes a second after the loss, want 1: its last words are on their way", got)
	}
	if got := alive(8*time.Second, 5); got != 2 {
		t.Errorf("%d nodes long after the loss, want 2: it still speaks", got)
	}
}

// TestIncomplete: after a start nothing is known before every live node has
// reported or has been waited for.
func TestIncomplete(t *testing.T) {
	s := demand.NewState(demand.DefaultWindows())
	s.Apply(head("s", 1, 1, 1, 3), begin)
	if err := s.Known(begin); !errors.Is(err, demand.ErrIncomplete) {
		t.Errorf("Known = %v, want %v", err, demand.ErrIncomplete)
	}
	s.Apply(head("s", 1, 1, 2, 3), begin.Add(4*time.Second))
	if err := s.Known(begin.Add(6 * time.Second)); err != nil {
		t.Errorf("Known = %v after it has been waited for", err)
	}
}
