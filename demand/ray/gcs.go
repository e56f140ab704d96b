package ray

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"google.golang.org/grpc"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/ray/autoscalerpb"
	"github.com/rayburst/rayburst/demand/ray/gcspb"
)

// ErrUnsafe is wrapped by the refusal of a request that would crash Ray.
var ErrUnsafe = errors.New("refused: it would crash Ray")

// ErrNoNode is wrapped when the GCS lists no such alive node.
var ErrNoNode = errors.New("the GCS lists no such node")

// GCS is a client of one cluster's GCS (autoscaler.proto and
// gcs_service.proto). It is safe for concurrent use.
type GCS struct {
	conn  *grpc.ClientConn
	state autoscalerpb.AutoscalerStateServiceClient
	nodes gcspb.NodeInfoGcsServiceClient
}

// DialGCS returns a client of the GCS at host:port. It connects when it is
// first used, and again for ever.
func DialGCS(addr string, s Security) (*GCS, error) {
	conn, err := dial(addr, s)
	if err != nil {
		return nil, err
	}
	return &GCS{conn, autoscalerpb.NewAutoscalerStateServiceClient(conn), gcspb.NewNodeInfoGcsServiceClient(conn)}, nil
}

// Close ends the connection.
func (g *GCS) Close() error { return g.conn.Close() }

// ResourceState is the GCS's view of the cluster.
//
// It always says that no version has been seen: a version above the GCS's own
// aborts the GCS, and versions start at 0 with every head.
func (g *GCS) ResourceState(ctx context.Context) (*autoscalerpb.ClusterResourceState, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	r, err := g.state.GetClusterResourceState(ctx, &autoscalerpb.GetClusterResourceStateRequest{})
	if err != nil {
		return nil, fmt.Errorf("getting the cluster's resource state: %w", err)
	}
	return r.GetClusterResourceState(), nil
}

// AliveNodes are the rows of the GCS's node table that are alive.
func (g *GCS) AliveNodes(ctx context.Context) ([]*gcspb.GcsNodeInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	r, err := g.nodes.GetAllNodeInfo(ctx, &gcspb.GetAllNodeInfoRequest{StateFilter: gcspb.GcsNodeInfo_ALIVE.Enum()})
	if err != nil {
		return nil, fmt.Errorf("getting the node table: %w", err)
	}
	if s := r.GetStatus(); s.GetCode() != 0 {
		return nil, fmt.Errorf("getting the node table: status %d: %s", s.GetCode(), s.GetMessage())
	}
	return r.GetNodeInfoList(), nil
}

// Address is host:port of a node's raylet.
func Address(n *gcspb.GcsNodeInfo) string {
	return net.JoinHostPort(n.GetNodeManagerAddress(), strconv.Itoa(int(n.GetNodeManagerPort())))
}

// DrainReason is why a node is drained: autoscaler.proto's DrainNodeReason.
type DrainReason int32

// The reasons of a drain. Reason 0 would abort the raylet.
const (
	IdleTermination DrainReason = 1 // Ray refuses if the node is in use
	Preemption      DrainReason = 2 // Ray cannot refuse; what runs goes on
)

// Drain asks Ray to drain a node, given by its id of 56 hex digits, and tells
// whether Ray accepted, or why not. A deadline only informs; the zero time is
// none. It fails with ErrUnsafe instead of sending what would crash Ray, and
// after 5 s if the raylet hangs. There is no undo.
func (g *GCS) Drain(ctx context.Context, nodeID string, reason DrainReason, message string, deadline time.Time) (demand.ControlReply, error) {
	req, err := drainRequest(nodeID, reason, message, deadline)
	if err != nil {
		return demand.ControlReply{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	r, err := g.state.DrainNode(ctx, req)
	if err != nil {
		return demand.ControlReply{}, fmt.Errorf("draining node %s: %w", nodeID, err)
	}
	return demand.ControlReply{Accepted: r.GetIsAccepted(), Message: r.GetRejectionReasonMessage()}, nil
}

func drainRequest(nodeID string, reason DrainReason, message string, deadline time.Time) (*autoscalerpb.DrainNodeRequest, error) {
	if !demand.ValidNodeID(nodeID) {
		return nil, fmt.Errorf("%w: node_id: must be 56 lower-case hex digits (got %.80q)", ErrUnsafe, nodeID)
	}
	if reason != IdleTermination && reason != Preemption {
		return nil, fmt.Errorf("%w: reason: must be 1 or 2 (got %d)", ErrUnsafe, reason)
	}
	id, err := hex.DecodeString(nodeID)
	if err != nil {
		return nil, fmt.Errorf("%w: node_id: %w", ErrUnsafe, err)
	}
	req := &autoscalerpb.DrainNodeRequest{NodeId: id, Reason: autoscalerpb.DrainNodeReason(reason), ReasonMessage: message}
	if !deadline.IsZero() {
		req.DeadlineTimestampMs = max(0, deadline.UnixMilli())
	}
	return req, nil
}

// ReportState tells Ray a decision, for `ray status`, infeasible warnings and
// early exit. Ray drops a version below the one it has, without an error.
func (g *GCS) ReportState(ctx context.Context, s demand.AutoscalingState) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := g.state.ReportAutoscalingState(ctx, &autoscalerpb.ReportAutoscalingStateRequest{AutoscalingState: encodeState(s)})
	if err != nil {
		return fmt.Errorf("reporting the autoscaling state: %w", err)
	}
	return nil
}

// ReportConfig tells Ray which node types there are: Ray Data, Train and Tune
// read the cluster's largest size from it.
func (g *GCS) ReportConfig(ctx context.Context, groups []demand.NodeGroup) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := g.state.ReportClusterConfig(ctx, &autoscalerpb.ReportClusterConfigRequest{ClusterConfig: encodeConfig(groups)})
	if err != nil {
		return fmt.Errorf("reporting the cluster config: %w", err)
	}
	return nil
}
