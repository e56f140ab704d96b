package ray

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/ray/autoscalerpb"
	"github.com/rayburst/rayburst/demand/ray/gcspb"
)

// bus is a Bus that remembers.
type bus struct {
	mu       sync.Mutex
	reports  []*demand.Report
	handlers map[string]func(context.Context, demand.Control) demand.ControlReply
}

func (b *bus) Publish(r *demand.Report) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reports = append(b.reports, r)
	return nil
}

func (b *bus) Serve(_ context.Context, node string, h func(context.Context, demand.Control) demand.ControlReply) (func(), error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.handlers[node] = h
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.handlers, node)
	}, nil
}

func (b *bus) all() []*demand.Report {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.reports)
}

// last is the newest report; an empty one before the first.
func (b *bus) last() *demand.Report {
	if all := b.all(); len(all) > 0 {
		return all[len(all)-1]
	}
	return &demand.Report{}
}

// ask asks an agent; the second result tells whether it listens.
func (b *bus) ask(ctx context.Context, node string, c demand.Control) (demand.ControlReply, bool) {
	b.mu.Lock()
	h := b.handlers[node]
	b.mu.Unlock()
	if h == nil {
		return demand.ControlReply{}, false
	}
	return h(ctx, c), true
}

// scene is an agent beside a fake Ray. Its clock can be put forward.
type scene struct {
	*testing.T
	agent          *Agent
	bus            *bus
	gcs, raylet    *fake
	ahead          atomic.Int64
	drained, found atomic.Int64
}

func newScene(t *testing.T, mode Mode) *scene {
	s := &scene{T: t, bus: &bus{handlers: map[string]func(context.Context, demand.Control) demand.ControlReply{}}, gcs: start(t), raylet: start(t)}
	s.gcs.state.ClusterSessionName = "session_1"
	s.raylet.load = load(&gcspb.ResourceDemand{Shape: units{"CPU": 1}, BacklogSize: 3})
	s.agent = &Agent{
		Mode: mode, GCSAddress: s.gcs.addr.String(), InstanceID: "w-1", Bus: s.bus, Version: "test", HeadToken: "head",
		Now: func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) },
		Log: slog.New(slog.DiscardHandler), Drained: func() { s.drained.Add(1) }, Found: func() { s.found.Add(1) },
	}
	if mode != Worker {
		s.agent.InstanceID = ""
	}
	return s
}

// run runs the agent until the test ends, and then looks at all it has said.
func (s *scene) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.agent.Run(ctx) }()
	s.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			s.Errorf("Run: %v", err)
		}
		s.bus.mu.Lock()
		if len(s.bus.handlers) != 0 {
			s.Errorf("%d control subjects are still served", len(s.bus.handlers))
		}
		s.bus.mu.Unlock()
		var before *demand.Report
		for _, r := range s.bus.all() {
			if err := r.Check(); err != nil || before != nil && !r.Newer(before) {
				s.Errorf("report %d of %s after %+v: %v", r.Sequence, r.NodeID, before, err)
			}
			before = r
		}
	})
}

// list makes the GCS list nodes; the first one is the head where there is one.
func (s *scene) list(nodes ...*gcspb.GcsNodeInfo) {
	s.gcs.change(func(f *fake) {
		f.nodes.NodeInfoList, f.state.NodeStates = nodes, nil
		for _, n := range nodes {
			f.state.NodeStates = append(f.state.NodeStates, &autoscalerpb.NodeState{
				NodeId: n.GetNodeId(), InstanceId: n.GetInstanceId(), Status: autoscalerpb.NodeStatus_RUNNING, TotalResources: units{"CPU": 4},
			})
		}
	})
}

func (s *scene) head() *gcspb.GcsNodeInfo {
	n := row(1, "head-0", s.raylet, 1)
	n.IsHeadNode = true
	return n
}

func (s *scene) eventually(what string, ok func() bool) {
	s.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("never: %s; last report %+v", what, s.bus.last())
		}
	}
}

func (s *scene) forward(d time.Duration) { s.ahead.Add(int64(d)) }

func backlog(r *demand.Report) int64 {
	if r.Raylet == nil || len(r.Raylet.Demand) == 0 {
		return 0
	}
	return r.Raylet.Demand[0].Backlog
}

func TestWorkerPublishes(t *testing.T) {
	s := newScene(t, Worker)
	s.list(row(9, "other", s.raylet, 5)) // the worker's own raylet is not there yet
	s.run()
	s.eventually("asked for the node table twice", func() bool { return len(s.gcs.asked("GetAllNodeInfo")) >= 2 })
	if s.found.Load() != 0 || len(s.bus.all()) != 0 {
		t.Fatal("it speaks for a node that is not its own")
	}
	s.list(row(9, "other", s.raylet, 5), row(1, "w-1", s.raylet, 5))
	s.eventually("a report", func() bool { return backlog(s.bus.last()) == 3 })
	r := s.bus.last()
	if r.NodeID != hexID(1) || r.InstanceID != "w-1" || r.NodeType != "cpu" || r.AgentVersion != "test" || r.Cluster != nil || r.Sequence != 1 || s.found.Load() != 1 {
		t.Errorf("got %+v", r)
	}
	if n := len(s.gcs.asked("GetClusterResourceState")); n != 0 {
		t.Errorf("a worker's agent asked for the cluster's state %d times", n)
	}
	// On a change at once.
	s.raylet.change(func(f *fake) { f.load.ResourceLoadByShape.ResourceDemands[0].BacklogSize = 8 })
	s.eventually("the change", func() bool { return backlog(s.bus.last()) == 8 })
	// An idle time that grows is no change.
	s.raylet.change(func(f *fake) { f.load.IdleDurationMs = 5 })
	s.eventually("idle", func() bool { return s.bus.last().Raylet.Idle == 5*time.Millisecond })
	said, polled := len(s.bus.all()), len(s.raylet.asked("GetResourceLoad"))
	s.raylet.change(func(f *fake) { f.load.IdleDurationMs = 500 })
	s.eventually("polled", func() bool { return len(s.raylet.asked("GetResourceLoad")) > polled+3 })
	if n := len(s.bus.all()); n > said+1 { // one beat may fall into the time
		t.Errorf("%d reports without a change", n-said)
	}
	// And on a beat.
	said = len(s.bus.all())
	s.forward(workerRefresh)
	s.eventually("a beat", func() bool { return len(s.bus.all()) > said })
	if got := s.bus.last().Raylet.Idle; got != 500*time.Millisecond {
		t.Errorf("idle for %v", got)
	}
}

func TestHeadPublishes(t *testing.T) {
	s := newScene(t, Head)
	s.list(s.head(), row(2, "w-1", s.raylet, 2))
	s.gcs.change(func(f *fake) {
		f.state.PendingResourceRequests = []*autoscalerpb.ResourceRequestByCount{byCount(4, units{"CPU": 1})}
	})
	s.run()
	whole := func(r *demand.Report) bool { return r.Raylet != nil && r.Cluster != nil }
	s.eventually("both parts", func() bool { return whole(s.bus.last()) })
	r := s.bus.last()
	if r.NodeID != hexID(1) || r.Cluster.Session != "session_1" || len(r.Cluster.Nodes) != 2 || !r.Cluster.Nodes[0].Head || r.Cluster.Nodes[1].StartTime != 2 {
		t.Errorf("got %+v", r.Cluster)
	}
	s.gcs.change(func(f *fake) { f.state.PendingResourceRequests[0].Count = 5 })
	s.eventually("the change", func() bool { r := s.bus.last(); return whole(r) && list(r.Cluster.Pending) == "5 × {CPU: 1}" })
	said := len(s.bus.all())
	s.forward(headRefresh)
	s.eventually("a beat", func() bool { return len(s.bus.all()) > said })
	for _, r := range s.bus.all() {
		if r.Raylet == nil {
			t.Error("the GCS's part was sent without the raylet's")
		}
	}
}

// TestHeadWithOldAnswers: an old answer is not sent as if it were new, neither
// the GCS's nor the raylet's.
func TestHeadWithOldAnswers(t *testing.T) {
	s := newScene(t, Head)
	s.list(s.head())
	s.run()
	s.eventually("the cluster", func() bool { return s.bus.last().Cluster != nil })
	s.gcs.change(func(f *fake) { f.hang = "GetClusterResourceState" })
	asked := len(s.gcs.asked("GetClusterResourceState"))
	s.eventually("the GCS hangs", func() bool { return len(s.gcs.asked("GetClusterResourceState")) > asked })
	said := len(s.bus.all())
	s.forward(gcsFresh + time.Millisecond)
	s.eventually("a beat", func() bool { return len(s.bus.all()) > said })
	for _, r := range s.bus.all()[said:] {
		if r.Cluster != nil || r.Raylet == nil {
			t.Errorf("got %+v", r)
		}
	}
	s.raylet.change(func(f *fake) { f.hang = "GetResourceLoad" })
	asked = len(s.raylet.asked("GetResourceLoad"))
	s.eventually("the raylet hangs", func() bool { return len(s.raylet.asked("GetResourceLoad")) > asked })
	said = len(s.bus.all())
	s.forward(callTimeout + time.Millisecond)
	time.Sleep(headRefresh + 200*time.Millisecond) // a beat's ticker
	if n := len(s.bus.all()); n > said {
		t.Errorf("%d reports although nobody answers: %+v", n-said, s.bus.last())
	}
}

func TestGCSOnly(t *testing.T) {
	s := newScene(t, GCSOnly)
	s.list(row(2, "w-1", s.raylet, 2), s.head())
	s.run()
	s.eventually("the cluster", func() bool { return s.bus.last().Cluster != nil })
	if r := s.bus.last(); r.NodeID != hexID(1) || r.Raylet != nil || len(r.Cluster.Nodes) != 2 {
		t.Errorf("got %+v", r)
	}
	if n := len(s.raylet.asked("")); n != 0 {
		t.Errorf("a raylet was asked %d times", n)
	}
	if _, ok := s.bus.ask(t.Context(), "head", demand.Control{}); !ok {
		t.Error("it does not listen as the head")
	}
}

// TestAgentDrains: Drained is only for its own node, and only if Ray agrees.
func TestAgentDrains(t *testing.T) {
	s := newScene(t, Worker)
	s.list(row(1, "w-1", s.raylet, 1))
	s.run()
	drain := demand.Control{Kind: demand.ControlDrain, NodeID: hexID(1), Reason: "idle"}
	s.eventually("it listens", func() bool { _, ok := s.bus.ask(t.Context(), hexID(1), demand.Control{}); return ok })
	s.gcs.change(func(f *fake) { f.refuse = "no longer idle" })
	if r, _ := s.bus.ask(t.Context(), hexID(1), drain); r.Accepted || r.Message != "no longer idle" || s.drained.Load() != 0 {
		t.Errorf("refused: got %+v, drained %d", r, s.drained.Load())
	}
	s.gcs.change(func(f *fake) { f.refuse = "" })
	other := drain
	other.NodeID = hexID(2)
	if r, _ := s.bus.ask(t.Context(), hexID(1), other); !r.Accepted || s.drained.Load() != 0 {
		t.Errorf("another node: got %+v, drained %d", r, s.drained.Load())
	}
	if r, _ := s.bus.ask(t.Context(), hexID(1), drain); !r.Accepted || s.drained.Load() != 1 {
		t.Errorf("got %+v, drained %d", r, s.drained.Load())
	}
	asked := s.gcs.asked("DrainNode")
	if d := asked[len(asked)-1].request.(*autoscalerpb.DrainNodeRequest); d.GetReason() != 1 || d.GetReasonMessage() != "idle" {
		t.Errorf("asked %v", d)
	}
	for want, c := range map[string]demand.Control{
		"Ray has been started":   {Kind: demand.ControlWithdraw},
		"only the head's agent":  {Kind: demand.ControlState},
		"refused: it would cras": {Kind: demand.ControlDrain, NodeID: "0a"},
		"kind 9 is not known":    {Kind: 9},
	} {
		if r, _ := s.bus.ask(t.Context(), hexID(1), c); r.Accepted || !strings.Contains(r.Message, want) {
			t.Errorf("got %+v, want %s", r, want)
		}
	}
	if _, ok := s.bus.ask(t.Context(), "head", demand.Control{}); ok || len(s.gcs.asked("ReportAutoscalingState")) != 0 {
		t.Error("a worker's agent listens as the head, or told Ray a decision")
	}
}

func TestHeadTellsRay(t *testing.T) {
	s := newScene(t, Head)
	s.list(s.head())
	s.run()
	state := demand.Control{Kind: demand.ControlState, State: demand.AutoscalingState{Version: 5, NodeGroups: []demand.NodeGroup{{Name: "cpu"}}}}
	s.eventually("it listens", func() bool { _, ok := s.bus.ask(t.Context(), "head", demand.Control{}); return ok })
	if r, _ := s.bus.ask(t.Context(), "head", state); !r.Accepted {
		t.Errorf("got %+v", r)
	}
	if len(s.gcs.asked("ReportAutoscalingState")) != 1 || len(s.gcs.asked("ReportClusterConfig")) != 1 {
		t.Error("Ray was not told")
	}
}

// TestFollowsNewRaylet: a worker's container restarted; the GCS lists the
// killed raylet for a while yet.
func TestFollowsNewRaylet(t *testing.T) {
	s := newScene(t, Worker)
	killed, next := row(1, "w-1", s.raylet, 1000), start(t)
	next.load = load(&gcspb.ResourceDemand{Shape: units{"CPU": 1}, BacklogSize: 77})
	s.list(killed)
	s.run()
	s.eventually("a report", func() bool { return s.bus.last().NodeID == hexID(1) })
	s.raylet.stop()
	s.list(killed, row(2, "w-1", next, 2000), proto.Clone(killed).(*gcspb.GcsNodeInfo))
	s.eventually("the new raylet's report", func() bool { r := s.bus.last(); return r.NodeID == hexID(2) && backlog(r) == 77 })
	if _, ok := s.bus.ask(t.Context(), hexID(1), demand.Control{}); ok {
		t.Error("it listens for the killed one still")
	}
	if _, ok := s.bus.ask(t.Context(), hexID(2), demand.Control{}); !ok {
		t.Error("it does not listen for the new one")
	}
}

// TestFormerLife: a node that started before the worker is not its own.
func TestFormerLife(t *testing.T) {
	s := newScene(t, Worker)
	s.agent.Since = time.UnixMilli(1500)
	s.list(row(1, "w-1", s.raylet, 1000))
	s.run()
	s.eventually("asked twice", func() bool { return len(s.gcs.asked("GetAllNodeInfo")) >= 2 })
	s.list(row(1, "w-1", s.raylet, 1000), row(2, "w-1", s.raylet, 2000))
	s.eventually("a report", func() bool { return len(s.bus.all()) > 0 })
	for _, r := range s.bus.all() {
		if r.NodeID != hexID(2) {
			t.Errorf("it spoke for %s", r.NodeID)
		}
	}
}

// TestPreemptWaits: what runs is waited for, however long the raylet does not
// answer; a raylet that has ended runs nothing.
func TestPreemptWaits(t *testing.T) {
	for _, end := range []struct {
		name string
		how  func(*scene)
	}{
		{"idle", func(s *scene) { s.raylet.change(func(f *fake) { f.hang, f.load.IdleDurationMs = "", 5 }) }},
		{"ended", func(s *scene) { s.raylet.stop() }},
	} {
		t.Run(end.name, func(t *testing.T) {
			s := newScene(t, Worker)
			s.list(row(1, "w-1", s.raylet, 1))
			s.run()
			s.eventually("a report", func() bool { return s.bus.last().NodeID == hexID(1) })
			done := make(chan error, 1)
			go func() { done <- s.agent.Preempt(t.Context(), time.Now().Add(time.Minute), "the pod ends") }()
			s.eventually("drained", func() bool { return len(s.gcs.asked("DrainNode")) == 1 })
			s.raylet.change(func(f *fake) { f.hang = "GetResourceLoad" })
			s.forward(10 * lostAfter)
			select {
			case err := <-done:
				t.Fatalf("it did not wait: %v", err)
			case <-time.After(time.Second):
			}
			end.how(s)
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}
