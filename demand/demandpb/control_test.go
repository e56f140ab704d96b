package demandpb_test

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/demandpb"
)

// state is a decision with something in every field.
func state() demand.Control {
	ask := full().Cluster.Pending
	return demand.Control{Kind: demand.ControlState, State: demand.AutoscalingState{
		Version: 1_767_225_600_000, Pending: []demand.PendingWorker{{NodeType: "cpu", InstanceID: "w-1", Details: "pulling"}, {NodeType: "gpu"}},
		Failed:     []demand.FailedWorkers{{NodeType: "gpu", Count: 2, Reason: "no capacity", Started: 5, Failed: 9}},
		Infeasible: []demand.ResourceRequest{ask[0].ResourceRequest}, InfeasibleGangs: full().Cluster.Gangs, InfeasibleConstraints: ask,
		NodeGroups: []demand.NodeGroup{{Name: "cpu", Resources: demand.MustResources(map[string]float64{"CPU": 4}), MinWorkers: 1, MaxWorkers: -1}},
	}}
}

func TestControlRoundTrip(t *testing.T) {
	for _, want := range []demand.Control{
		state(), {Kind: demand.ControlDrain, NodeID: id, Reason: "idle for 1m0s"}, {Kind: demand.ControlWithdraw},
	} {
		b, err := demandpb.MarshalControl(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := demandpb.UnmarshalControl(b)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.State.InfeasibleConstraints) == 0 {
			got.State.InfeasibleConstraints = nil
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
}

// TestControlRefused: above all a drain that would crash Ray.
func TestControlRefused(t *testing.T) {
	for want, m := range map[string]*demandpb.Control{
		"kind: must be DRAIN, WITHDRAW or STATE (got 0)":       {},
		"kind: must be DRAIN, WITHDRAW or STATE (got 4)":       {Kind: 4},
		"kind: must be DRAIN, WITHDRAW or STATE (got -1)":      {Kind: -1},
		`node_id: must be 56 lower-case hex digits (got "")`:   {Kind: 1},
		`node_id: must be 56 lower-case hex digits (got "0a")`: {Kind: 1, NodeId: "0a"},
		`node_id: must be 56 lower-case hex digits (got "zz`:   {Kind: 1, NodeId: strings.Repeat("zz", 28)},
		`node_id: must be 56 lower-case hex digits (got "0A`:   {Kind: 1, NodeId: strings.Repeat("0A", 28)},
	} {
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := demandpb.UnmarshalControl(b); !errors.Is(err, demandpb.ErrControl) || !strings.HasPrefix(err.Error(), "bad control message: "+want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	for _, garbage := range []string{"\xff", "\x0a\x05x"} {
		if _, err := demandpb.UnmarshalControl([]byte(garbage)); !errors.Is(err, demandpb.ErrControl) || !strings.Contains(err.Error(), "rayburst.v1.Control") {
			t.Errorf("%q: got %v", garbage, err)
		}
		if _, err := demandpb.UnmarshalControlReply([]byte(garbage)); !errors.Is(err, demandpb.ErrControl) || !strings.Contains(err.Error(), "rayburst.v1.ControlReply") {
			t.Errorf("%q: got %v", garbage, err)
		}
	}
}
