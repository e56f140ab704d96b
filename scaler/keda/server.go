// Package keda is the ExternalScaler gRPC service: it answers KEDA's five
// calls from the decisions of the scaler, out of memory.
//
// Publish puts a decision on the table; from then on IsActive, GetMetrics,
// GetMetricSpec and both streams are made from that one value. What is not
// known is Unavailable, never false or 0, so that KEDA and HPA hold what runs.
//
// HPA reads a metric every 15 s. The nudge (nudger, MetricName, Target) makes
// it read at once: with each change of a type's target the metric's target
// moves by a millionth, KEDA rewrites the HPA, and Kubernetes ≥ 1.37
// reconciles it. KEDA < 2.21 never opens StreamMetricSpec and falls back to
// HPA's period by itself.
package keda

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"

	"github.com/rayburst/rayburst/scaler"
)

// The names of the gRPC health service; the empty name is Readiness too.
const (
	Liveness  = "liveness"
	Readiness = "readiness"
)

// maxRequest bounds a request, in bytes: the metadata of one trigger.
const maxRequest = 1 << 20

// Server serves KEDA. Its methods may be called from any goroutine.
type Server struct {
	cfg        Config
	clusters   sync.Map // scaler.Cluster → *cluster
	activities hub      // the StreamIsActive there are
	specs      hub      // the StreamMetricSpec there are
	triggers   triggers

	grpc   *grpc.Server
	health *health.Server
	ending context.Context // done once the server stops; set by Serve
}

// New makes a server that is live and not ready. It fails if cfg lacks a clock
// or has negative durations.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, triggers: newTriggers(), health: health.NewServer()}
	s.grpc = grpc.NewServer(s.options()...)
	pb.RegisterExternalScalerServer(s.grpc, service{Server: s})
	healthpb.RegisterHealthServer(s.grpc, s.health)
	s.SetLive(true)
	s.SetReady(false)
	return s, nil
}

// options: no MaxConnectionAge, since its GOAWAY would end streams with an error.
func (s *Server) options() []grpc.ServerOption {
	options := []grpc.ServerOption{
		grpc.UnaryInterceptor(s.guardCall),
		grpc.StreamInterceptor(s.guardStream),
		grpc.MaxRecvMsgSize(maxRequest),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
	}
	if s.cfg.Credentials != nil {
		options = append(options, grpc.Creds(s.cfg.Credentials))
	}
	return options
}

// Publish makes a decision the one that all calls about its cluster answer
// from, wakes the streams it concerns and nudges the types whose target
// changed. It never waits for a stream. The decisions of one cluster must come
// in order and at least every Config.Fresh, also when nothing changed; the
// decision must not be changed any more.
func (s *Server) Publish(d *scaler.Decision) {
	row, _ := s.clusters.LoadOrStore(d.Cluster, &cluster{nudger: nudger{off: s.cfg.NoNudge, led: s.cfg.Led}, effects: effects{}})
	c := row.(*cluster).publish(s.cfg.Now(), s.cfg.Fresh, d, func(nodeType string, n uint64) bool {
		return s.cfg.HPAHasTarget(d.Cluster, nodeType, Target(n))
	}, s.cfg.Nudged)
	s.activities.wake(d.Cluster, c.activity)
	s.specs.wake(d.Cluster, c.nudged)
	if len(c.nudged) > 0 {
		s.cfg.Log.Debug("nudged", "cluster", d.Cluster.String(), "types", c.nudged)
	}
}

// Forget drops a cluster that has no ScaledObject any more: it is unknown from
// then on, and its nudges are counted from 0.
func (s *Server) Forget(c scaler.Cluster) {
	row, ok := s.clusters.LoadAndDelete(c)
	if !ok {
		return
	}
	if p := row.(*cluster).current.Load(); p != nil {
		s.specs.wake(c, slices.Collect(maps.Keys(p.answers)))
	}
}

// Below is when KEDA, for HPA or itself, was last told a type's metric of fewer
// workers than these; zero: never. HPA may still write what it was told.
func (s *Server) Below(c scaler.Cluster, nodeType string, workers int) time.Time {
	if row, ok := s.clusters.Load(c); ok {
		return row.(*cluster).reads.below(nodeType, workers)
	}
	return time.Time{}
}

// published is the row of a cluster, nil if there is none.
func (s *Server) published(c scaler.Cluster) *published {
	row, ok := s.clusters.Load(c)
	if !ok {
		return nil
	}
	return row.(*cluster).current.Load()
}

// SetReady sets whether KEDA is to be sent here: this scaler holds the Lease.
// It does not depend on what is known, which each call says for its cluster.
func (s *Server) SetReady(ready bool) {
	s.health.SetServingStatus("", serving(ready))
	s.health.SetServingStatus(Readiness, serving(ready))
}

// SetLive sets whether the scaler's loop turns.
func (s *Server) SetLive(live bool) { s.health.SetServingStatus(Liveness, serving(live)) }

func serving(yes bool) healthpb.HealthCheckResponse_ServingStatus {
	if yes {
		return healthpb.HealthCheckResponse_SERVING
	}
	return healthpb.HealthCheckResponse_NOT_SERVING
}

// Serve answers on a listener, which it closes, until ctx ends; then it stops
// being ready, ends all streams without error, waits Config.StopTimeout at
// most for the calls under way and returns nil. Another end is an error. A
// server serves once.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ending, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	s.ending = ending
	failed := make(chan error, 1)
	go func() { failed <- s.grpc.Serve(l) }()
	s.cfg.Log.Info("serving KEDA", "address", l.Addr().String())
	select {
	case err := <-failed:
		s.stop(end)
		return fmt.Errorf("serve KEDA on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	s.stop(end)
	if err := <-failed; err != nil && !errors.Is(err, grpc.ErrServerStopped) { // stopped before it began
		return fmt.Errorf("serve KEDA on %s: %w", l.Addr(), err)
	}
	s.cfg.Log.Info("stopped serving KEDA")
	return nil
}

// stop goes in this order so that KEDA sees the streams end cleanly before the
// connection does.
func (s *Server) stop(end func()) {
	s.health.Shutdown()
	end()
	cut := time.AfterFunc(s.cfg.StopTimeout, func() {
		s.cfg.Log.Warn("cutting calls that did not end", "after", s.cfg.StopTimeout)
		s.grpc.Stop()
	})
	defer cut.Stop()
	s.grpc.GracefulStop()
}
