package ray

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/ray/autoscalerpb"
	"github.com/rayburst/rayburst/demand/ray/gcspb"
)

func dialFake(t *testing.T, f *fake, s Security) *GCS {
	t.Helper()
	g, err := DialGCS(f.addr.String(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g
}

// TestNoVersionSeen: a version above the GCS's own aborts it, and another
// head starts at 0, so none is ever sent.
func TestNoVersionSeen(t *testing.T) {
	f := start(t)
	g := dialFake(t, f, Security{})
	f.change(func(f *fake) { f.state.ClusterResourceStateVersion = 1000 })
	for range 3 {
		if _, err := g.ResourceState(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.ReportState(t.Context(), demand.AutoscalingState{Version: 5}); err != nil {
		t.Fatal(err)
	}
	for _, c := range f.asked("GetClusterResourceState") {
		if v := c.request.(*autoscalerpb.GetClusterResourceStateRequest).GetLastSeenClusterResourceStateVersion(); v != 0 {
			t.Errorf("version %d is said to have been seen", v)
		}
	}
	for _, c := range f.asked("ReportAutoscalingState") {
		if s := c.request.(*autoscalerpb.ReportAutoscalingStateRequest).GetAutoscalingState(); s.GetLastSeenClusterResourceStateVersion() != 0 || s.GetAutoscalerStateVersion() != 5 {
			t.Errorf("got %v", s)
		}
	}
}

// TestDrainThatWouldCrashRay is never sent.
func TestDrainThatWouldCrashRay(t *testing.T) {
	f := start(t)
	g := dialFake(t, f, Security{})
	for _, c := range []struct {
		id     string
		reason DrainReason
		want   string
	}{
		{"", IdleTermination, `node_id: must be 56 lower-case hex digits (got "")`},
		{"0a", IdleTermination, `node_id: must be 56 lower-case hex digits (got "0a")`},
		{hexID(1) + "01", IdleTermination, "node_id: must be 56"},
		{hexID(1)[2:], Preemption, "node_id: must be 56"},
		{strings.Repeat("zz", 28), Preemption, "node_id: must be 56"},
		{strings.Repeat("0A", 28), Preemption, "node_id: must be 56"},
		{hexID(1), 0, "reason: must be 1 or 2 (got 0)"},
		{hexID(1), 3, "reason: must be 1 or 2 (got 3)"},
		{hexID(1), -1, "reason: must be 1 or 2 (got -1)"},
	} {
		if _, err := g.Drain(t.Context(), c.id, c.reason, "idle", time.Time{}); !errors.Is(err, ErrUnsafe) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q, %d: got %v", c.id, c.reason, err)
		}
	}
	if n := len(f.asked("")); n != 0 {
		t.Errorf("%d calls were made", n)
	}
}

func TestDrain(t *testing.T) {
	f := start(t)
	g := dialFake(t, f, Security{})
	if r, err := g.Drain(t.Context(), hexID(1), IdleTermination, "idle for 1m0s", time.Time{}); err != nil || !r.Accepted {
		t.Errorf("got %+v, %v", r, err)
	}
	f.change(func(f *fake) { f.refuse = "The node to be idle terminated is no longer idle." })
	if r, err := g.Drain(t.Context(), hexID(1), Preemption, "", time.UnixMilli(5)); err != nil || r.Accepted || r.Message != f.refuse {
		t.Errorf("got %+v, %v", r, err)
	}
	if _, err := g.Drain(t.Context(), hexID(1), Preemption, "", time.Unix(-5, 0)); err != nil {
		t.Error(err)
	}
	for i, want := range []*autoscalerpb.DrainNodeRequest{
		{NodeId: rawID(1), Reason: 1, ReasonMessage: "idle for 1m0s"}, {NodeId: rawID(1), Reason: 2, DeadlineTimestampMs: 5}, {NodeId: rawID(1), Reason: 2},
	} {
		if got := f.asked("DrainNode")[i].request.(*autoscalerpb.DrainNodeRequest); got.String() != want.String() {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

// TestTokenAndDeadline: every call carries both.
func TestTokenAndDeadline(t *testing.T) {
	f := start(t)
	s := Security{Token: "secret"}
	g := dialFake(t, f, s)
	raylet, err := DialRaylet(f.addr.String(), s)
	if err != nil {
		t.Fatal(err)
	}
	defer raylet.Close()
	ctx := t.Context()
	_, err1 := g.ResourceState(ctx)
	_, err2 := g.AliveNodes(ctx)
	_, err3 := g.Drain(ctx, hexID(1), IdleTermination, "", time.Time{})
	_, err4 := raylet.Load(ctx)
	if err := errors.Join(err1, err2, err3, err4, g.ReportState(ctx, demand.AutoscalingState{}), g.ReportConfig(ctx, nil)); err != nil {
		t.Fatal(err)
	}
	calls := f.asked("")
	if len(calls) != 6 {
		t.Errorf("%d calls", len(calls))
	}
	for _, c := range calls {
		if len(c.token) != 1 || c.token[0] != "Bearer secret" || c.deadline <= 0 || c.deadline > callTimeout {
			t.Errorf("%s: token %q, deadline %v", c.method, c.token, c.deadline)
		}
	}
	if _, err := dialFake(t, f, Security{}).AliveNodes(ctx); err != nil || f.asked("GetAllNodeInfo")[1].token != nil {
		t.Errorf("%v, or a token where there is none", err)
	}
}

func TestAliveNodes(t *testing.T) {
	f := start(t)
	g := dialFake(t, f, Security{})
	f.change(func(f *fake) { f.nodes.NodeInfoList = []*gcspb.GcsNodeInfo{row(1, "w", f, 1)} })
	nodes, err := g.AliveNodes(t.Context())
	if err != nil || len(nodes) != 1 || Address(nodes[0]) != f.addr.String() {
		t.Errorf("got %v, %v", nodes, err)
	}
	if r := f.asked("GetAllNodeInfo")[0].request.(*gcspb.GetAllNodeInfoRequest); r.StateFilter == nil || r.GetStateFilter() != gcspb.GcsNodeInfo_ALIVE {
		t.Errorf("asked %v", r)
	}
	f.change(func(f *fake) { f.nodes.Status = &gcspb.GcsStatus{Code: 9, Message: "not now"} })
	if _, err := g.AliveNodes(t.Context()); err == nil || !strings.Contains(err.Error(), "status 9: not now") {
		t.Errorf("got %v", err)
	}
}

func TestGCSAway(t *testing.T) {
	f := start(t)
	g := dialFake(t, f, Security{})
	f.stop()
	for want, err := range map[string]error{
		"getting the cluster's resource state": second(g.ResourceState(t.Context())), "getting the node table": second(g.AliveNodes(t.Context())),
		"draining node 0101":              second(g.Drain(t.Context(), hexID(1), Preemption, "", time.Time{})),
		"reporting the autoscaling state": g.ReportState(t.Context(), demand.AutoscalingState{}),
		"reporting the cluster config":    g.ReportConfig(t.Context(), nil),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func second[V any](_ V, err error) error { return err }

// TestReportedState: what `ray status` shows.
func TestReportedState(t *testing.T) {
	f := start(t)
	g := dialFake(t, f, Security{})
	ask := demand.Shape{Count: 1001, ResourceRequest: demand.ResourceRequest{
		Resources: demand.MustResources(units{"CPU": 1.5}), Selectors: []demand.LabelSelector{{{Key: "zone", NotIn: true, Values: []string{"a"}}}},
	}}
	state := demand.AutoscalingState{
		Version: 7_000, Pending: []demand.PendingWorker{{NodeType: "cpu"}, {NodeType: "cpu", InstanceID: "w-1", Details: "pulling"}},
		Failed:     []demand.FailedWorkers{{NodeType: "gpu", Count: 2, Reason: "no capacity", Started: 5, Failed: 9}},
		Infeasible: []demand.ResourceRequest{ask.ResourceRequest}, InfeasibleConstraints: []demand.Shape{ask},
		InfeasibleGangs: []demand.Gang{{Name: "0a", Strategy: demand.StrictPack, Bundles: []demand.Shape{ask}}},
		NodeGroups:      []demand.NodeGroup{{Name: "cpu", Resources: ask.Resources, MinWorkers: 1, MaxWorkers: -1}},
	}
	if err := errors.Join(g.ReportState(t.Context(), state), g.ReportConfig(t.Context(), state.NodeGroups)); err != nil {
		t.Fatal(err)
	}
	got := f.asked("ReportAutoscalingState")[0].request.(*autoscalerpb.ReportAutoscalingStateRequest).GetAutoscalingState()
	if p := got.GetPendingInstanceRequests(); len(p) != 1 || p[0].GetCount() != 1 || p[0].GetRayNodeTypeName() != "cpu" || p[0].GetRequestTs() != 7 {
		t.Errorf("requested: %v", p)
	}
	if p := got.GetPendingInstances(); len(p) != 1 || p[0].GetInstanceId() != "w-1" || p[0].GetDetails() != "pulling" {
		t.Errorf("pending: %v", p)
	}
	if x := got.GetFailedInstanceRequests(); len(x) != 1 || x[0].GetCount() != 2 || x[0].GetStartTs() != 5 || x[0].GetFailedTs() != 9 {
		t.Errorf("failed: %v", x)
	}
	if r := got.GetInfeasibleResourceRequests(); len(r) != 1 || request(r[0]).Key() != ask.Key() {
		t.Errorf("infeasible: %v", r)
	}
	x := got.GetInfeasibleGangResourceRequests()
	if len(x) != 1 || x[0].GetDetails() != "0a:STRICT_PACK|PENDING" || len(x[0].GetRequests()) != maxReportedBundles {
		t.Errorf("gangs: %v", x)
	}
	if c := got.GetInfeasibleClusterResourceConstraints(); len(c) != 1 || list(constraint(c[0])) != list([]demand.Shape{ask}) {
		t.Errorf("constraints: %v", c)
	}
	config := f.asked("ReportClusterConfig")[0].request.(*autoscalerpb.ReportClusterConfigRequest).GetClusterConfig().GetNodeGroupConfigs()
	if len(config) != 1 || config[0].GetResources()["CPU"] != 1 || config[0].GetMaxCount() != -1 || config[0].GetMinCount() != 1 {
		t.Errorf("config: %v", config)
	}
}
