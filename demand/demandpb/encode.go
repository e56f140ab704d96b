// Package demandpb is the protobuf form of reports and control messages on
// NATS. docs/protocol.md describes it for other languages.
package demandpb

import (
	"fmt"
	"time"

	"github.com/klauspost/compress/s2"
	"google.golang.org/protobuf/proto"

	"github.com/rayburst/rayburst/demand"
)

// MarshalReport encodes a report. Equal reports give equal bytes.
func MarshalReport(r *demand.Report) ([]byte, error) {
	m := encodeReport(r)
	m.Cluster = encodeCluster(r.Cluster)
	return marshal(m, "report")
}

// PackReport is MarshalReport with the cluster's state packed, as it goes over
// NATS.
func PackReport(r *demand.Report) ([]byte, error) {
	m := encodeReport(r)
	if r.Cluster != nil {
		state, err := marshal(encodeCluster(r.Cluster), "cluster")
		if err != nil {
			return nil, err
		}
		m.ClusterSnappy = s2.EncodeSnappy(nil, state)
	}
	return marshal(m, "report")
}

// encodeReport encodes all but the cluster's state.
func encodeReport(r *demand.Report) *Report {
	return &Report{
		NodeId: r.NodeID, Incarnation: r.Incarnation, Sequence: r.Sequence, InstanceId: r.InstanceID,
		NodeType: r.NodeType, AgentVersion: r.AgentVersion, Raylet: encodeRaylet(r.Raylet),
	}
}

func marshal(m proto.Message, what string) ([]byte, error) {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encoding %s: %w", what, err)
	}
	return b, nil
}

func encodeRaylet(l *demand.RayletLoad) *RayletLoad {
	if l == nil {
		return nil
	}
	m := &RayletLoad{
		Total: encodeResources(l.Total), Available: encodeResources(l.Available), IdleMs: encodeMillis(l.Idle),
		Draining: l.Draining, Truncated: l.Truncated,
	}
	for _, q := range l.Demand {
		m.Demand = append(m.Demand, &ResourceDemand{
			Request: encodeRequest(q.ResourceRequest), Queued: uint64(q.Queued), Backlog: uint64(q.Backlog),
		})
	}
	return m
}

func encodeCluster(s *demand.ClusterState) *ClusterState {
	if s == nil {
		return nil
	}
	m := &ClusterState{Session: s.Session, Constraints: encodeShapes(s.Constraints), Pending: encodeShapes(s.Pending)}
	for _, n := range s.Nodes {
		m.Nodes = append(m.Nodes, encodeNode(n))
	}
	for _, g := range s.Gangs {
		m.Gangs = append(m.Gangs, encodeGang(g))
	}
	return m
}

func encodeNode(n *demand.Node) *Node {
	return &Node{
		NodeId: n.ID, InstanceId: n.InstanceID, NodeType: n.Type, Head: n.Head, Status: NodeStatus(n.Status),
		Total: encodeResources(n.Total), Available: encodeResources(n.Available), Labels: n.Labels.Map(), Gangs: n.Gangs,
		IdleMs: encodeMillis(n.Idle), Activity: n.Activity, Address: n.Address, StartTimeMs: n.StartTime,
	}
}

func encodeGang(g demand.Gang) *Gang {
	m := &Gang{Name: g.Name, Bundles: encodeShapes(g.Bundles)}
	for number, name := range strategies {
		if name == g.Strategy {
			m.Strategy = number
		}
	}
	return m
}

func encodeShapes(in []demand.Shape) []*ResourceRequestByCount {
	out := make([]*ResourceRequestByCount, len(in))
	for i, s := range in {
		out[i] = &ResourceRequestByCount{Request: encodeRequest(s.ResourceRequest), Count: uint64(s.Count)}
	}
	return out
}

func encodeRequest(r demand.ResourceRequest) *ResourceRequest {
	m := &ResourceRequest{Resources: encodeResources(r.Resources)}
	for _, s := range r.Selectors {
		sel := &LabelSelector{}
		for _, c := range s {
			sel.Constraints = append(sel.Constraints, &LabelConstraint{Key: c.Key, NotIn: c.NotIn, Values: c.Values})
		}
		m.Selectors = append(m.Selectors, sel)
	}
	return m
}

func encodeResources(r demand.Resources) map[string]int64 {
	if r == nil {
		return nil
	}
	m := make(map[string]int64, len(r))
	for _, e := range r {
		m[e.Name] = int64(e.Amount)
	}
	return m
}

func encodeMillis(d time.Duration) uint64 { return uint64(max(d, 0) / time.Millisecond) }
