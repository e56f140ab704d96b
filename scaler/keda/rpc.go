package keda

import (
	"context"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/scaler"
)

// service answers KEDA's five calls from what was published. Every answer is
// read from memory, changes none and shares no lock with I/O.
type service struct {
	pb.UnimplementedExternalScalerServer
	*Server
}

// IsActive tells whether the type's target is above zero. While a rise from zero
// is being written by somebody else it waits, at most a second. Unavailable when
// that is not known; InvalidArgument for bad metadata.
func (s service) IsActive(ctx context.Context, ref *pb.ScaledObjectRef) (*pb.IsActiveResponse, error) {
	k, _, err := s.identify(ref)
	if err != nil {
		return nil, err
	}
	for {
		a, err := s.known(k)
		if err != nil {
			return nil, err
		}
		wait := a.heldUntil(s.cfg.Led).Sub(s.cfg.Now())
		if wait <= 0 {
			return &pb.IsActiveResponse{Result: a.workers > 0}, nil
		}
		if err := pause(ctx, nil, time.After(min(wait, holdBeat))); err != nil {
			return nil, err
		}
	}
}

// holdBeat is how often is looked whether a rise has been written.
const holdBeat = 50 * time.Millisecond

// GetMetrics returns one value, the type's target in units of 1 ÷ Scale
// workers. The metric's name in the request is not read: the metadata say
// which type is meant. Errors as those of IsActive.
func (s service) GetMetrics(_ context.Context, req *pb.GetMetricsRequest) (*pb.GetMetricsResponse, error) {
	k, t, err := s.identify(req.GetScaledObjectRef())
	if err != nil {
		return nil, err
	}
	a, err := s.known(k)
	if err != nil {
		return nil, err
	}
	if row, ok := s.clusters.Load(k.cluster); ok {
		row.(*cluster).reads.note(k.nodeType, a.workers, s.cfg.Now())
	}
	return metricValue(t, a.workers), nil
}

// GetMetricSpec returns what StreamMetricSpec streamed last. It succeeds for
// all good metadata, also when the cluster is unknown: without it KEDA makes
// no HPA, and after an error it asks here for what it had from the stream.
func (s service) GetMetricSpec(_ context.Context, ref *pb.ScaledObjectRef) (*pb.GetMetricSpecResponse, error) {
	k, t, err := s.identify(ref)
	if err != nil {
		return nil, err
	}
	return metricSpec(t, s.nudges(k)), nil
}

// StreamIsActive sends the state on opening, on each edge and every 15 s, and
// nothing while it is not known. It ends without error when the server stops.
func (s service) StreamIsActive(ref *pb.ScaledObjectRef, stream grpc.ServerStreamingServer[pb.IsActiveResponse]) error {
	k, _, err := s.identify(ref)
	if err != nil {
		return err
	}
	wake, leave := s.activities.join(k)
	defer leave()
	var sent activity
	for {
		wait, err := s.sendActivity(k, &sent, stream)
		if err != nil {
			return err
		}
		if err := pause(stream.Context(), wake, time.After(wait)); err != nil {
			return err
		}
	}
}

// sendActivity sends what is due and returns when to look again at the latest.
func (s service) sendActivity(k key, sent *activity, stream grpc.ServerStreamingServer[pb.IsActiveResponse]) (time.Duration, error) {
	a, err := s.known(k)
	if err != nil {
		return heartbeat, nil //nolint:nilerr // unknown is no end of the stream
	}
	now := s.cfg.Now()
	if wait := a.heldUntil(s.cfg.Led).Sub(now); wait > 0 {
		return min(wait, holdBeat), nil
	}
	if due := sent.due(now, a); due.After(now) {
		return due.Sub(now), nil
	}
	*sent = activity{true, a.workers > 0, now}
	return heartbeat, stream.Send(&pb.IsActiveResponse{Result: sent.active})
}

// StreamMetricSpec sends the current spec on opening and a new one after each
// nudge; of nudges that come while it sends, the last. It ends without error
// when the server stops.
func (s service) StreamMetricSpec(ref *pb.ScaledObjectRef, stream grpc.ServerStreamingServer[pb.GetMetricSpecResponse]) error {
	k, t, err := s.identify(ref)
	if err != nil {
		return err
	}
	wake, leave := s.specs.join(k)
	defer leave()
	n := s.nudges(k)
	for {
		if err := stream.Send(metricSpec(t, n)); err != nil {
			return err
		}
		for last := n; n == last; n = s.nudges(k) {
			if err := pause(stream.Context(), wake, nil); err != nil {
				return err
			}
		}
	}
}

// pause waits for a wake or for later; the stream's end is an error.
func pause(ctx context.Context, wake <-chan struct{}, later <-chan time.Time) error {
	select {
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	case <-wake:
	case <-later:
	}
	return nil
}

// identify reads which node type a ScaledObject means. The namespace is the
// ScaledObject's own and is never read from metadata, so a ScaledObject can
// name only clusters of its namespace. Errors are InvalidArgument.
func (s service) identify(ref *pb.ScaledObjectRef) (key, nodetypes.Trigger, error) {
	if ref.GetNamespace() == "" {
		return key{}, nodetypes.Trigger{}, status.Error(codes.InvalidArgument, "the scaled object reference has no namespace")
	}
	t, err := s.triggers.parse(ref.GetNamespace(), ref.GetScalerMetadata())
	if err != nil {
		return key{}, t, status.Error(codes.InvalidArgument, err.Error())
	}
	return key{scaler.Cluster{Namespace: ref.GetNamespace(), Name: t.Cluster}, t.NodeType}, t, nil
}

// known is the answer for a type, or Unavailable: unknown is never false or 0.
func (s service) known(k key) (answer, error) {
	p := s.published(k.cluster)
	if why := p.unknown(s.cfg.Now(), s.cfg.Fresh); why != "" {
		return answer{}, status.Errorf(codes.Unavailable, "ray cluster %s is unknown: %s", k.cluster, why)
	}
	a := p.answer(k.nodeType)
	if !a.listed || a.workers < 0 {
		return answer{}, status.Errorf(codes.Unavailable, "ray cluster %s has no target for node type %q", k.cluster, k.nodeType)
	}
	return a, nil
}

func (s service) nudges(k key) uint64 { return s.published(k.cluster).answer(k.nodeType).nudges }
