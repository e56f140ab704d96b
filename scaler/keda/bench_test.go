package keda

import (
	"context"
	"fmt"
	"testing"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"

	"github.com/rayburst/rayburst/scaler"
)

// BenchmarkGetMetrics answers for 1,000 ScaledObjects, in one cluster or in
// many. The floor is 20 µs per answer:
//
//	go test -run='^$' -bench=GetMetrics -count=10 ./scaler/keda | tee new.txt && benchstat old.txt new.txt
func BenchmarkGetMetrics(b *testing.B) {
	for _, clusters := range []int{1, 100} {
		b.Run(fmt.Sprintf("clusters=%d", clusters), func(b *testing.B) {
			s, requests := scaledObjects(b, clusters, 1000/clusters)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if _, err := s.GetMetrics(context.Background(), requests[i%len(requests)]); err != nil {
					b.Fatal(err)
				}
				i++
			}
			if each := b.Elapsed() / time.Duration(i); i > 1000 && each > 20*time.Microsecond {
				b.Errorf("%v per answer, want 20 µs at most", each)
			}
		})
	}
}

// BenchmarkPublish is one decision about 60 types with 60 streams of each kind.
func BenchmarkPublish(b *testing.B) {
	s, _ := scaledObjects(b, 1, 60)
	d := decision(0, 60)
	for _, t := range d.Targets {
		k := key{d.Cluster, t.Type}
		_, leave := s.activities.join(k)
		defer leave()
		_, leave = s.specs.join(k)
		defer leave()
	}
	b.ReportAllocs()
	for b.Loop() {
		s.Publish(d)
	}
}

func scaledObjects(b *testing.B, clusters, types int) (service, []*pb.GetMetricsRequest) {
	server, err := New(Config{Now: func() time.Time { return time.Unix(0, 0) }})
	if err != nil {
		b.Fatal(err)
	}
	var requests []*pb.GetMetricsRequest
	for c := range clusters {
		d := decision(c, types)
		server.Publish(d)
		for _, t := range d.Targets {
			requests = append(requests, &pb.GetMetricsRequest{MetricName: "m", ScaledObjectRef: &pb.ScaledObjectRef{
				Name: t.Type, Namespace: d.Cluster.Namespace, ScalerMetadata: map[string]string{
					"scalerAddress": "rayburst.keda:9090", "rayCluster": d.Cluster.Name, "nodeType": t.Type, "enableTLS": "true",
					"resources": `{"CPU": 8, "GPU": 1, "memory": 64000000000}`, "labels": "zone=a", "priority": "1",
					"idleTimeoutSeconds": "60", "upscalingSpeed": "1", "clusterMaxWorkers": "100",
				}}})
		}
	}
	return service{Server: server}, requests
}

func decision(cluster, types int) *scaler.Decision {
	d := &scaler.Decision{Cluster: scaler.Cluster{Namespace: "ml", Name: fmt.Sprintf("c%d", cluster)}, At: time.Unix(0, 0)}
	for i := range types {
		d.Targets = append(d.Targets, scaler.Target{Type: fmt.Sprintf("type-%04d", i), Workers: i, Replicas: i})
	}
	return d
}
