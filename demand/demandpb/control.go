package demandpb

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/rayburst/rayburst/demand"
)

// ErrControl is wrapped by every error about a control message's contents.
var ErrControl = errors.New("bad control message")

// MarshalControl encodes a request to an agent.
func MarshalControl(c demand.Control) ([]byte, error) {
	m := &Control{Kind: ControlKind(c.Kind), NodeId: c.NodeID, Reason: c.Reason}
	if c.Kind == demand.ControlState {
		m.State = encodeState(c.State)
	}
	return marshal(m, "control message")
}

// UnmarshalControl decodes and checks a request to an agent. It fails with
// ErrControl; a drain without a whole node id fails, since it would crash Ray.
func UnmarshalControl(b []byte) (demand.Control, error) {
	var m Control
	if err := proto.Unmarshal(b, &m); err != nil {
		return demand.Control{}, fmt.Errorf("%w: must be a rayburst.v1.Control: %w", ErrControl, err)
	}
	c := demand.Control{Kind: demand.ControlKind(m.Kind), NodeID: m.NodeId, Reason: m.Reason, State: decodeState(m.State)}
	switch {
	case c.Kind < demand.ControlDrain || c.Kind > demand.ControlState:
		return c, fmt.Errorf("%w: kind: must be DRAIN, WITHDRAW or STATE (got %d)", ErrControl, m.Kind)
	case c.Kind == demand.ControlDrain && !demand.ValidNodeID(c.NodeID):
		return c, fmt.Errorf("%w: node_id: must be 56 lower-case hex digits (got %.80q)", ErrControl, c.NodeID)
	}
	return c, nil
}

// MarshalControlReply encodes an agent's answer.
func MarshalControlReply(r demand.ControlReply) ([]byte, error) {
	return marshal(&ControlReply{Accepted: r.Accepted, Message: r.Message}, "control reply")
}

// UnmarshalControlReply decodes an agent's answer. It fails with ErrControl.
func UnmarshalControlReply(b []byte) (demand.ControlReply, error) {
	var m ControlReply
	if err := proto.Unmarshal(b, &m); err != nil {
		return demand.ControlReply{}, fmt.Errorf("%w: must be a rayburst.v1.ControlReply: %w", ErrControl, err)
	}
	return demand.ControlReply{Accepted: m.Accepted, Message: m.Message}, nil
}

func encodeState(s demand.AutoscalingState) *AutoscalingState {
	m := &AutoscalingState{Version: s.Version, InfeasibleConstraints: encodeShapes(s.InfeasibleConstraints)}
	for _, p := range s.Pending {
		m.Pending = append(m.Pending, &PendingWorker{NodeType: p.NodeType, InstanceId: p.InstanceID, Details: p.Details})
	}
	for _, f := range s.Failed {
		m.Failed = append(m.Failed, &FailedWorkers{
			NodeType: f.NodeType, Count: uint64(f.Count), Reason: f.Reason, StartUnixS: f.Started, FailedUnixS: f.Failed,
		})
	}
	for _, r := range s.Infeasible {
		m.Infeasible = append(m.Infeasible, encodeRequest(r))
	}
	for _, g := range s.InfeasibleGangs {
		m.InfeasibleGangs = append(m.InfeasibleGangs, encodeGang(g))
	}
	for _, g := range s.NodeGroups {
		m.NodeGroups = append(m.NodeGroups, &NodeGroup{
			Name: g.Name, Resources: encodeResources(g.Resources), MinWorkers: uint32(g.MinWorkers), MaxWorkers: int32(g.MaxWorkers),
		})
	}
	return m
}

func decodeState(m *AutoscalingState) demand.AutoscalingState {
	s := demand.AutoscalingState{Version: m.GetVersion(), InfeasibleConstraints: shapes(m.GetInfeasibleConstraints())}
	for _, p := range m.GetPending() {
		s.Pending = append(s.Pending, demand.PendingWorker{NodeType: p.GetNodeType(), InstanceID: p.GetInstanceId(), Details: p.GetDetails()})
	}
	for _, f := range m.GetFailed() {
		s.Failed = append(s.Failed, demand.FailedWorkers{
			NodeType: f.GetNodeType(), Count: int(count(f.GetCount())), Reason: f.GetReason(),
			Started: f.GetStartUnixS(), Failed: f.GetFailedUnixS(),
		})
	}
	for _, r := range m.GetInfeasible() {
		s.Infeasible = append(s.Infeasible, request(r))
	}
	for _, g := range m.GetInfeasibleGangs() {
		s.InfeasibleGangs = append(s.InfeasibleGangs, gang(g))
	}
	for _, g := range m.GetNodeGroups() {
		s.NodeGroups = append(s.NodeGroups, demand.NodeGroup{
			Name: g.GetName(), Resources: resources(g.GetResources()), MinWorkers: int(g.GetMinWorkers()), MaxWorkers: int(g.GetMaxWorkers()),
		})
	}
	return s
}
