package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// How often KEDA's poll and HPA ask.
const (
	pollingInterval = 5 * time.Second
	hpaSync         = 15 * time.Second
)

// keda makes the calls of KEDA for every ScaledObject, on one connection, as
// KEDA's pool does.
func (b *bench) keda() error {
	conn, err := grpc.NewClient(b.grpcAddress, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("connecting to the scaler: %w", err)
	}
	context.AfterFunc(b.ctx, func() { _ = conn.Close() })
	client := pb.NewExternalScalerClient(conn)
	for i := range b.clusters {
		ref := &pb.ScaledObjectRef{Name: "sim-cpu", Namespace: namespaceName(i), ScalerMetadata: map[string]string{
			"scalerAddress": "rayburst.keda.svc:9090", "rayCluster": clusterName, "nodeType": typeName,
			"resources": `{"CPU": 8, "memory": 34359738368}`,
		}}
		go follow(b.ctx, client, ref)
		for _, every := range []time.Duration{pollingInterval, hpaSync} {
			go ask(b.ctx, client, ref, every)
		}
	}
	return nil
}

// follow holds both streams open.
func follow(ctx context.Context, client pb.ExternalScalerClient, ref *pb.ScaledObjectRef) {
	active, err := client.StreamIsActive(ctx, ref)
	if err != nil {
		return // the run ends
	}
	specs, err := client.StreamMetricSpec(ctx, ref)
	if err != nil {
		return
	}
	go drain(active)
	drain(specs)
}

func drain[T any](stream grpc.ServerStreamingClient[T]) {
	for {
		if _, err := stream.Recv(); err != nil {
			return
		}
	}
}

// ask makes the two calls of a poll, again and again.
func ask(ctx context.Context, client pb.ExternalScalerClient, ref *pb.ScaledObjectRef, every time.Duration) {
	time.Sleep(rand.N(every))
	for ctx.Err() == nil {
		_, _ = client.GetMetrics(ctx, &pb.GetMetricsRequest{ScaledObjectRef: ref, MetricName: "s0-ray-sim-cpu"}) // unknown at first
		_, _ = client.IsActive(ctx, ref)                                                                         // likewise
		time.Sleep(every)
	}
}
