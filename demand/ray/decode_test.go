package ray

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/ray/autoscalerpb"
	"github.com/rayburst/rayburst/demand/ray/commonpb"
	"github.com/rayburst/rayburst/demand/ray/gcspb"
)

type units = map[string]float64

// rawID is a node id as Ray sends it.
func rawID(n byte) []byte { return bytes.Repeat([]byte{n}, demand.NodeIDDigits/2) }

func hexID(n byte) string { return hex.EncodeToString(rawID(n)) }

func in(key string, values ...string) *commonpb.LabelSelector {
	return &commonpb.LabelSelector{LabelConstraints: []*commonpb.LabelSelectorConstraint{{
		LabelKey: key, LabelValues: values, Operator: commonpb.LabelSelectorOperator_LABEL_OPERATOR_IN,
	}}}
}

func load(demands ...*gcspb.ResourceDemand) *gcspb.ResourcesData {
	return &gcspb.ResourcesData{
		ResourcesTotal: units{"CPU": 4}, ResourcesAvailable: units{"CPU": 1},
		ResourceLoadByShape: &gcspb.ResourceLoad{ResourceDemands: demands},
	}
}

func queue(l *demand.RayletLoad) string {
	var out []string
	for _, q := range l.Demand {
		out = append(out, fmt.Sprintf("%v queued %d backlog %d", q.ResourceRequest, q.Queued, q.Backlog))
	}
	return strings.Join(out, "; ")
}

func TestRayletDemand(t *testing.T) {
	not := in("zone", "c")
	not.LabelConstraints[0].Operator = commonpb.LabelSelectorOperator_LABEL_OPERATOR_NOT_IN
	for name, c := range map[string]struct {
		in   []*gcspb.ResourceDemand
		want string
	}{
		"ready and infeasible leases, and backlog": {[]*gcspb.ResourceDemand{
			{Shape: units{"CPU": 1}, NumReadyRequestsQueued: 2, NumInfeasibleRequestsQueued: 3, BacklogSize: 7},
		}, "{CPU: 1} queued 5 backlog 7"},
		"counts of zero": {[]*gcspb.ResourceDemand{{Shape: units{"CPU": 1}}, {Shape: units{"GPU": 1}, BacklogSize: -5}}, ""},
		"inside a placement group": {[]*gcspb.ResourceDemand{
			{Shape: units{"CPU_group_0a": 1}, BacklogSize: 1}, {Shape: units{"CPU_group_0_0a": 1, "CPU": 1}, BacklogSize: 1},
			{Shape: units{"bundle_group_0a": 0.001}, BacklogSize: 1}, {Shape: units{"GPU": 0.5}, BacklogSize: 1},
		}, "{GPU: 0.5} queued 0 backlog 1"},
		"values in any order, merged": {[]*gcspb.ResourceDemand{
			{Shape: units{"CPU": 1}, NumReadyRequestsQueued: 2, LabelSelectors: []*commonpb.LabelSelector{in("zone", "b", "a")}},
			{Shape: units{"CPU": 1}, NumReadyRequestsQueued: 2, LabelSelectors: []*commonpb.LabelSelector{in("zone", "a", "b")}},
			{Shape: units{"CPU": 1}, NumReadyRequestsQueued: 1, LabelSelectors: []*commonpb.LabelSelector{not}},
			{Shape: units{"CPU": 1}, NumReadyRequestsQueued: 1, LabelSelectors: []*commonpb.LabelSelector{in("zone", "a"), in("zone", "b")}},
			{Shape: units{"CPU": 1}, NumReadyRequestsQueued: 1, LabelSelectors: []*commonpb.LabelSelector{{}}},
		}, "{CPU: 1} queued 1 backlog 0; {CPU: 1} [zone=in(a,b)] queued 4 backlog 0; " +
			"{CPU: 1} [zone=a or zone=b] queued 1 backlog 0; {CPU: 1} [zone=!c] queued 1 backlog 0"},
		"numbers nobody means": {[]*gcspb.ResourceDemand{
			{Shape: units{"CPU": math.NaN(), "a": -1, "b": math.Inf(1), "c": 0.00005}, NumReadyRequestsQueued: math.MaxUint64, BacklogSize: math.MaxInt64},
		}, "{b: 100000000000000, c: 0.0001} queued 500000000 backlog 500000000"},
		"no resources at all": {[]*gcspb.ResourceDemand{{BacklogSize: 2}}, "{} queued 0 backlog 2"},
	} {
		t.Run(name, func(t *testing.T) {
			l := rayletLoad(load(c.in...))
			if got := queue(l); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if l.Truncated {
				t.Error("truncated")
			}
			r := demand.Report{NodeID: hexID(1), Sequence: 1, Raylet: l}
			if err := r.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRayletLoad(t *testing.T) {
	var many []*gcspb.ResourceDemand
	for range 100 { // even if they are all of one shape
		many = append(many, &gcspb.ResourceDemand{Shape: units{"CPU": 1}, BacklogSize: 1})
	}
	d := load(many...)
	d.IdleDurationMs, d.IsDraining = 1500, true
	want := &demand.RayletLoad{
		Total: demand.MustResources(units{"CPU": 4}), Available: demand.MustResources(units{"CPU": 1}), Idle: 1500 * time.Millisecond,
		Draining: true, Truncated: true, Demand: []demand.QueuedDemand{{
			ResourceRequest: demand.ResourceRequest{Resources: demand.MustResources(units{"CPU": 1})}, Backlog: 100,
		}},
	}
	if d := cmp.Diff(want, rayletLoad(d)); d != "" {
		t.Error(d)
	}
	if rayletLoad(load(many[1:]...)).Truncated {
		t.Error("99 shapes are all of them")
	}
	d.IdleDurationMs = -1
	if got := rayletLoad(d).Idle; got != 0 {
		t.Errorf("idle for %v", got)
	}
	if got := rayletLoad(nil); len(got.Total) != 0 || got.Truncated {
		t.Errorf("got %+v", got)
	}
}

func TestNodes(t *testing.T) {
	busy := []string{"Resource: CPU currently in use."}
	node := func(n byte, status autoscalerpb.NodeStatus) *autoscalerpb.NodeState {
		return &autoscalerpb.NodeState{
			NodeId: rawID(n), InstanceId: "w", RayNodeTypeName: "cpu", Status: status, NodeActivity: busy, IdleDurationMs: 1000,
			TotalResources: units{"CPU": 4}, AvailableResources: units{"CPU": 2}, NodeIpAddress: "10.0.0.1", Labels: map[string]string{"zone": "a"},
			DynamicLabels: map[string]string{"_PG_0b": "", "_PG_0a": "", "other": ""},
		}
	}
	head := node(5, autoscalerpb.NodeStatus_RUNNING)
	head.TotalResources[headResource] = 1
	s := &autoscalerpb.ClusterResourceState{ClusterSessionName: "session_1", NodeStates: []*autoscalerpb.NodeState{
		head, node(4, autoscalerpb.NodeStatus_DRAINING), node(3, autoscalerpb.NodeStatus_DEAD), node(2, autoscalerpb.NodeStatus_IDLE),
		node(6, autoscalerpb.NodeStatus_UNSPECIFIED), node(1, autoscalerpb.NodeStatus_RUNNING),
	}}
	got := clusterState(s, map[string]*gcspb.GcsNodeInfo{hexID(1): {IsHeadNode: true, StartTimeMs: 77}})
	var rows []string
	for _, n := range got.Nodes {
		rows = append(rows, fmt.Sprintf("%s %v head=%v %v start=%d %v", n.ID[:2], n.Status, n.Head, n.Activity, n.StartTime, n.Gangs))
	}
	want := []string{
		"01 RUNNING head=true [Resource: CPU currently in use.] start=77 [0a 0b]",
		"02 IDLE head=false [] start=0 [0a 0b]",
		"04 DRAINING head=false [] start=0 [0a 0b]",
		"05 RUNNING head=true [Resource: CPU currently in use.] start=0 [0a 0b]",
	}
	if !reflect.DeepEqual(rows, want) {
		t.Errorf("got  %v\nwant %v", strings.Join(rows, "\n"), strings.Join(want, "\n"))
	}
	n := got.Nodes[1]
	if n.InstanceID != "w" || n.Type != "cpu" || n.Address != "10.0.0.1" || !slices.Equal(n.Labels, demand.Labels{{Key: "zone", Value: "a"}}) || n.Idle != time.Second ||
		n.Total.String() != "{CPU: 4}" || n.Available.String() != "{CPU: 2}" || got.Session != "session_1" {
		t.Errorf("got %+v", n)
	}
	r := demand.Report{NodeID: hexID(1), Sequence: 1, Cluster: got}
	if err := r.Check(); err != nil {
		t.Error(err)
	}
}

func byCount(n int64, u units, s ...*commonpb.LabelSelector) *autoscalerpb.ResourceRequestByCount {
	return &autoscalerpb.ResourceRequestByCount{Count: n, Request: ask(u, s...)}
}

func ask(u units, s ...*commonpb.LabelSelector) *autoscalerpb.ResourceRequest {
	return &autoscalerpb.ResourceRequest{ResourcesBundle: u, LabelSelectors: s}
}

func list(shapes []demand.Shape) string {
	var out []string
	for _, s := range shapes {
		out = append(out, fmt.Sprintf("%d × %v", s.Count, s.ResourceRequest))
	}
	return strings.Join(out, "; ")
}

func TestClusterDemand(t *testing.T) {
	s := clusterState(&autoscalerpb.ClusterResourceState{
		PendingResourceRequests: []*autoscalerpb.ResourceRequestByCount{
			byCount(2, units{"CPU": 1}, in("zone", "b", "a")), byCount(2, units{"CPU": 1}, in("zone", "a", "b")),
			byCount(9, units{"CPU_group_0a": 1}), byCount(0, units{"GPU": 1}), byCount(-1, units{"GPU": 1}),
		},
		ClusterResourceConstraints: []*autoscalerpb.ClusterResourceConstraint{
			{}, {ResourceRequests: []*autoscalerpb.ResourceRequestByCount{byCount(1, nil), byCount(1, units{"CPU": 0})}},
			{ResourceRequests: []*autoscalerpb.ResourceRequestByCount{byCount(1, units{"CPU": 2}), byCount(3, units{"CPU": 2})}},
		},
	}, nil)
	if got, want := list(s.Pending), "4 × {CPU: 1} [zone=in(a,b)]"; got != want {
		t.Errorf("pending: got %s, want %s", got, want)
	}
	if got, want := list(s.Constraints), "4 × {CPU: 2}"; got != want {
		t.Errorf("constraints: got %s, want %s", got, want)
	}
}

func TestGangs(t *testing.T) {
	two := []*autoscalerpb.ResourceRequest{ask(units{"CPU": 1}), ask(units{"CPU": 1})}
	anti, with := ask(units{"CPU": 1}), ask(units{"CPU": 1})
	anti.PlacementConstraints = []*autoscalerpb.PlacementConstraint{{AntiAffinity: &autoscalerpb.AntiAffinityConstraint{}}}
	with.PlacementConstraints = []*autoscalerpb.PlacementConstraint{{Affinity: &autoscalerpb.AffinityConstraint{}}}
	selector := []*autoscalerpb.BundleSelector{{ResourceRequests: []*autoscalerpb.ResourceRequest{ask(units{"CPU": 1}, in("zone", "a"))}}}
	for name, c := range map[string]struct {
		in   *autoscalerpb.GangResourceRequest
		want string
	}{
		"pack":          {&autoscalerpb.GangResourceRequest{Details: "0a:PACK|PENDING", Requests: two}, "0a PACK 2 × {CPU: 1}"},
		"spread":        {&autoscalerpb.GangResourceRequest{Details: "0a:SPREAD|PENDING", Requests: two}, "0a SPREAD 2 × {CPU: 1}"},
		"strict pack":   {&autoscalerpb.GangResourceRequest{Details: "0a:STRICT_PACK|PENDING", Requests: two}, "0a STRICT_PACK 2 × {CPU: 1}"},
		"strict spread": {&autoscalerpb.GangResourceRequest{Details: "0a:STRICT_SPREAD|RESCHEDULING", Requests: two}, "0a STRICT_SPREAD 2 × {CPU: 1}"},
		"the constraint tells, if the details do not": {
			&autoscalerpb.GangResourceRequest{Details: "0a", Requests: []*autoscalerpb.ResourceRequest{anti}}, "0a STRICT_SPREAD 1 × {CPU: 1}",
		},
		"affinity": {&autoscalerpb.GangResourceRequest{Details: "0a:NEW|PENDING", Requests: []*autoscalerpb.ResourceRequest{with}}, "0a STRICT_PACK 1 × {CPU: 1}"},
		"nothing":  {&autoscalerpb.GangResourceRequest{Requests: two}, " PACK 2 × {CPU: 1}"},
		"bundle selectors over requests": {
			&autoscalerpb.GangResourceRequest{Details: "0a:PACK|PENDING", Requests: two, BundleSelectors: selector}, "0a PACK 1 × {CPU: 1} [zone=a]",
		},
		"an empty bundle selector": {
			&autoscalerpb.GangResourceRequest{Details: "0a:PACK|PENDING", Requests: two, BundleSelectors: []*autoscalerpb.BundleSelector{{}}}, "0a PACK 2 × {CPU: 1}",
		},
		"no requests": {&autoscalerpb.GangResourceRequest{Details: "0a:PACK|CREATED"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := clusterState(&autoscalerpb.ClusterResourceState{PendingGangResourceRequests: []*autoscalerpb.GangResourceRequest{c.in}}, nil)
			got := ""
			for _, g := range s.Gangs {
				got += fmt.Sprintf("%s %s %s", g.Name, g.Strategy, list(g.Bundles))
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestGangsSorted(t *testing.T) {
	two := []*autoscalerpb.ResourceRequest{ask(units{"CPU": 1})}
	s := clusterState(&autoscalerpb.ClusterResourceState{PendingGangResourceRequests: []*autoscalerpb.GangResourceRequest{
		{Details: "0b:PACK|PENDING", Requests: two}, {Details: "0a:PACK|PENDING", Requests: two},
	}}, nil)
	if s.Gangs[0].Name != "0a" || s.Gangs[1].Name != "0b" {
		t.Errorf("got %v", s.Gangs)
	}
}
