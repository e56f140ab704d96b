package demandpb_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/demandpb"
)

var id = strings.Repeat("0a", 28)

// full is a report with something in every field.
func full() *demand.Report {
	r := demand.MustResources
	zone := demand.LabelSelector{{Key: "zone", Values: []string{"a", "b"}}, {Key: "zone", NotIn: true, Values: []string{"c"}}}
	request := demand.ResourceRequest{Resources: r(map[string]float64{"CPU": 1, "GPU": 0.5}), Selectors: []demand.LabelSelector{zone, {}}}
	return &demand.Report{
		NodeID: id, Incarnation: 1 << 63, Sequence: 7, InstanceID: "w-1", NodeType: "cpu", AgentVersion: "v1",
		Raylet: &demand.RayletLoad{
			Total: r(map[string]float64{"CPU": 4, "memory": 1e12}), Available: r(map[string]float64{"CPU": 0}),
			Demand: []demand.QueuedDemand{{ResourceRequest: request, Queued: 3, Backlog: demand.MaxCount}},
			Idle:   time.Second, Draining: true, Truncated: true,
		},
		Cluster: &demand.ClusterState{
			Session: "session_1",
			Nodes: []*demand.Node{{
				ID: id, InstanceID: "head", Type: "head", Head: true, Status: demand.NodeIdle, Total: r(map[string]float64{"CPU": 2}),
				Available: r(map[string]float64{"CPU": 1}), Labels: demand.NewLabels(map[string]string{"zone": "a"}), Gangs: []string{"pg"}, Idle: 90 * time.Second,
				Activity: []string{"Busy workers on node."}, Address: "10.0.0.1", StartTime: 1_767_225_600_000,
			}},
			Gangs:       []demand.Gang{{Name: "pg", Strategy: demand.StrictSpread, Bundles: []demand.Shape{{ResourceRequest: request, Count: 2}}}},
			Constraints: []demand.Shape{{ResourceRequest: request, Count: 1}},
			Pending:     []demand.Shape{{ResourceRequest: request, Count: 9}},
		},
	}
}

func TestReportRoundTrip(t *testing.T) {
	for name, change := range map[string]func(*demand.Report){
		"full":        func(*demand.Report) {},
		"worker":      func(r *demand.Report) { r.Cluster = nil },
		"only GCS":    func(r *demand.Report) { r.Raylet = nil },
		"never known": func(r *demand.Report) { r.InstanceID, r.NodeType, r.AgentVersion = "", "", "" },
	} {
		t.Run(name, func(t *testing.T) {
			want := full()
			change(want)
			for form, marshal := range map[string]func(*demand.Report) ([]byte, error){"plain": demandpb.MarshalReport, "packed": demandpb.PackReport} {
				b, err := marshal(want)
				if err != nil {
					t.Fatal(err)
				}
				got, err := demandpb.UnmarshalReport(b)
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Error(form, d)
				}
			}
		})
	}
}

// TestReportMerges: requests come out canonical and merged, and those inside
// placement groups do not come out at all.
func TestReportMerges(t *testing.T) {
	r := full()
	ask := func(n int64, name string, values ...string) demand.QueuedDemand {
		return demand.QueuedDemand{Queued: n, ResourceRequest: demand.ResourceRequest{
			Resources: demand.MustResources(map[string]float64{name: 1, "zero": 0}),
			Selectors: []demand.LabelSelector{{{Key: "zone", Values: values}}},
		}}
	}
	r.Raylet.Demand = []demand.QueuedDemand{ask(2, "CPU", "a", "b"), ask(2, "CPU", "b", "a", "a"), ask(9, "CPU_group_0a"), ask(0, "GPU")}
	b, err := demandpb.MarshalReport(r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := demandpb.UnmarshalReport(b)
	if err != nil {
		t.Fatal(err)
	}
	if d := got.Raylet.Demand; len(d) != 1 || d[0].Queued != 4 || d[0].String() != "{CPU: 1} [zone=in(a,b)]" {
		t.Errorf("got %v", d)
	}
}

func many[T any](n int, v T) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = v
	}
	return out
}

func manyNames(n int) demand.Resources {
	out := make(demand.Resources, n)
	for i := range out {
		out[i] = demand.Resource{Name: fmt.Sprintf("r%05d", i), Amount: 1}
	}
	return out
}

// TestReportLimits: each error names the key, the rule and the value.
func TestReportLimits(t *testing.T) {
	long := strings.Repeat("x", demand.MaxNameBytes+1)
	labels := map[string]string{}
	for i := range demand.MaxLabels + 1 {
		labels[fmt.Sprint(i)] = "v"
	}
	huge := demand.Resources{{Name: "CPU", Amount: demand.MaxAmount + 1}}
	var (
		queue    = func(r *demand.Report) *demand.QueuedDemand { return &r.Raylet.Demand[0] }
		node     = func(r *demand.Report) *demand.Node { return r.Cluster.Nodes[0] }
		gang     = func(r *demand.Report) *demand.Gang { return &r.Cluster.Gangs[0] }
		selector = func(c demand.LabelConstraint) []demand.LabelSelector { return []demand.LabelSelector{{c}} }
	)
	for want, change := range map[string]func(r *demand.Report){
		`node_id: must be 56 lower-case hex digits (got "")`:   func(r *demand.Report) { r.NodeID = "" },
		`node_id: must be 56 lower-case hex digits (got "0A`:   func(r *demand.Report) { r.NodeID = strings.Repeat("0A", 28) },
		`node_id: must be 56 lower-case hex digits (got "0a0a`: func(r *demand.Report) { r.NodeID = id + "0a" },
		`sequence: must be at least 1 (got 0)`:                 func(r *demand.Report) { r.Sequence = 0 },
		`instance_id: must have at most 1024 bytes (got 1025)`: func(r *demand.Report) { r.InstanceID = long },
		`node_type: must have at most 1024 bytes (got 1025)`:   func(r *demand.Report) { r.NodeType = long },
		`agent_version: must have at most 1024 bytes (got 102`: func(r *demand.Report) { r.AgentVersion = long },
		`raylet: a report must have a raylet or a cluster (go`: func(r *demand.Report) { r.Raylet, r.Cluster = nil, nil },

		`raylet.total: must have at most 1000 entries (got 1001)`:                func(r *demand.Report) { r.Raylet.Total = manyNames(1001) },
		`raylet.available.CPU: must be within 0…1e14 (got 100000000000000)`:      func(r *demand.Report) { r.Raylet.Available = huge },
		`raylet.total.CPU: must be within 0…1e14 (got -0.0001)`:                  func(r *demand.Report) { r.Raylet.Total = demand.Resources{{Name: "CPU", Amount: -1}} },
		`raylet.total: resource names must not be empty (got "")`:                func(r *demand.Report) { r.Raylet.Total = demand.Resources{{Amount: 1}} },
		`raylet.total: must have at most 1024 bytes (got 1025)`:                  func(r *demand.Report) { r.Raylet.Total = demand.Resources{{Name: long}} },
		`raylet.demand: must have at most 10000 entries (got 10001)`:             func(r *demand.Report) { r.Raylet.Demand = many(10001, demand.QueuedDemand{}) },
		`raylet.demand.resources: must have at most 1000 entries (got 1001)`:     func(r *demand.Report) { queue(r).Resources = manyNames(1001) },
		`raylet.demand.queued: must be 0…1000000000 (got 1000000001)`:            func(r *demand.Report) { queue(r).Queued = demand.MaxCount + 1 },
		`raylet.demand.backlog: must be 0…1000000000 (got 1000000001)`:           func(r *demand.Report) { queue(r).Backlog = 1 << 62 },
		`raylet.demand.selectors: must have at most 100 entries (got 101)`:       func(r *demand.Report) { queue(r).Selectors = make([]demand.LabelSelector, 101) },
		`raylet.demand.selectors.key: must have at most 1024 bytes (got 1025)`:   func(r *demand.Report) { queue(r).Selectors = selector(demand.LabelConstraint{Key: long}) },
		`raylet.demand.selectors.values: must have at most 1024 bytes (got 102`:  func(r *demand.Report) { queue(r).Selectors = selector(demand.LabelConstraint{Values: []string{long}}) },
		`raylet.demand.selectors.values: must have at most 1000 entries (got 10`: func(r *demand.Report) { queue(r).Selectors = selector(demand.LabelConstraint{Values: numbers(1001)}) },
		`raylet.demand.selectors.constraints: must have at most 100 entries (go`: func(r *demand.Report) {
			queue(r).Selectors = []demand.LabelSelector{many(101, demand.LabelConstraint{})}
		},

		`cluster.session: must have at most 1024 bytes (got 1025)`:                  func(r *demand.Report) { r.Cluster.Session = long },
		`cluster.nodes: must have at most 50000 entries (got 50001)`:                func(r *demand.Report) { r.Cluster.Nodes = slices.Repeat([]*demand.Node{{}}, 50001) },
		`cluster.gangs: must have at most 10000 entries (got 10001)`:                func(r *demand.Report) { r.Cluster.Gangs = make([]demand.Gang, 10001) },
		`cluster.constraints: must have at most 10000 entries (got 10001)`:          func(r *demand.Report) { r.Cluster.Constraints = make([]demand.Shape, 10001) },
		`cluster.constraints.count: must be 0…1000000000 (got 1000000001)`:          func(r *demand.Report) { r.Cluster.Constraints[0].Count = demand.MaxCount + 1 },
		`cluster.pending: must have at most 10000 entries (got 10001)`:              func(r *demand.Report) { r.Cluster.Pending = make([]demand.Shape, 10001) },
		`cluster.pending.count: must be 0…1000000000 (got 1000000001)`:              func(r *demand.Report) { r.Cluster.Pending[0].Count = -1 }, // as uint64 it is huge
		`cluster.nodes[0].node_id: must be 56 lower-case hex digits (got "head")`:   func(r *demand.Report) { node(r).ID = "head" },
		`cluster.nodes[0].status: must be RUNNING, IDLE, DRAINING or DEAD (got 0)`:  func(r *demand.Report) { node(r).Status = 0 },
		`cluster.nodes[0].status: must be RUNNING, IDLE, DRAINING or DEAD (got 5)`:  func(r *demand.Report) { node(r).Status = 5 },
		`cluster.nodes[0].status: must be RUNNING, IDLE, DRAINING or DEAD (got -1)`: func(r *demand.Report) { node(r).Status = -1 },
		`cluster.nodes[0].instance_id: must have at most 1024 bytes (got 1025)`:     func(r *demand.Report) { node(r).InstanceID = long },
		`cluster.nodes[0].node_type: must have at most 1024 bytes (got 1025)`:       func(r *demand.Report) { node(r).Type = long },
		`cluster.nodes[0].address: must have at most 1024 bytes (got 1025)`:         func(r *demand.Report) { node(r).Address = long },
		`cluster.nodes[0].total.CPU: must be within 0…1e14 (got `:                   func(r *demand.Report) { node(r).Total = huge },
		`cluster.nodes[0].available.CPU: must be within 0…1e14 (got `:               func(r *demand.Report) { node(r).Available = huge },
		`cluster.nodes[0].labels: must have at most 1000 entries (got 1001)`:        func(r *demand.Report) { node(r).Labels = demand.NewLabels(labels) },
		`cluster.nodes[0].labels: must have at most 1024 bytes (got 1025)`:          func(r *demand.Report) { node(r).Labels = demand.Labels{{Key: "k", Value: long}} },
		`cluster.nodes[0].gangs: must have at most 10000 entries (got 10001)`:       func(r *demand.Report) { node(r).Gangs = many(10001, "pg") },
		`cluster.nodes[0].gangs: must have at most 1024 bytes (got 1025)`:           func(r *demand.Report) { node(r).Gangs = []string{long} },
		`cluster.nodes[0].activity: must have at most 100 entries (got 101)`:        func(r *demand.Report) { node(r).Activity = many(101, "busy") },
		`cluster.nodes[0].activity: must have at most 16384 bytes (got 16385)`:      func(r *demand.Report) { node(r).Activity = []string{strings.Repeat("x", 16385)} },
		`cluster.gangs[0].name: must have at most 1024 bytes (got 1025)`:            func(r *demand.Report) { gang(r).Name = long },
		`cluster.gangs[0].strategy: must be PACK, SPREAD, STRICT_PACK or STRICT_SP`: func(r *demand.Report) { gang(r).Strategy = "WISHFUL" },
		`cluster.gangs[0].bundles: must not be empty (got 0)`:                       func(r *demand.Report) { gang(r).Bundles = nil },
		`cluster.gangs[0].bundles: must have at most 10000 entries (got 10001)`:     func(r *demand.Report) { gang(r).Bundles = make([]demand.Shape, 10001) },
		`cluster.gangs[0].bundles.count: must be 0…1000000000 (got 1000000001)`:     func(r *demand.Report) { gang(r).Bundles[0].Count = demand.MaxCount + 1 },
	} {
		t.Run(want, func(t *testing.T) {
			r := full()
			change(r)
			b, err := demandpb.MarshalReport(r)
			if err != nil {
				t.Fatal(err)
			}
			_, err = demandpb.UnmarshalReport(b)
			if !errors.Is(err, demand.ErrReport) || !strings.HasPrefix(err.Error(), "bad report: "+want) {
				t.Errorf("got  %.200v\nwant %s", err, want)
			}
		})
	}
}

func numbers(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint(i)
	}
	return out
}

func TestReportGarbage(t *testing.T) {
	for want, b := range map[string][]byte{
		"message: must be a rayburst.v1.Report: ":                  []byte("\xff garbage"),
		"message: must be a rayburst.v1.Report":                    {0x0a, 0x05, 'x'},  // shorter than it says
		"message: must be a rayburst.v1.Rep":                       {0x0a, 0x01, 0xff}, // not UTF-8
		"message: must have at most 33554432 bytes (got 33554433)": make([]byte, demandpb.MaxReportBytes+1),
		`node_id: must be 56 lower-case hex digits (got "")`:       nil,
	} {
		if _, err := demandpb.UnmarshalReport(b); !errors.Is(err, demand.ErrReport) || !strings.HasPrefix(err.Error(), "bad report: "+want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestReportIdle: no number of milliseconds overflows a duration.
func TestReportIdle(t *testing.T) {
	r := full()
	r.Raylet.Idle, r.Cluster.Nodes[0].Idle = -5, 1<<63-1
	b, err := demandpb.MarshalReport(r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := demandpb.UnmarshalReport(b)
	if err != nil {
		t.Fatal(err)
	}
	if got.Raylet.Idle != 0 || got.Cluster.Nodes[0].Idle <= 0 {
		t.Errorf("got %v and %v", got.Raylet.Idle, got.Cluster.Nodes[0].Idle)
	}
}
