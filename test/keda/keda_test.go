// Package keda_test drives the scaler's gRPC service with KEDA's own client:
// what KEDA's operator runs for a ScaledObject with an external-push trigger
// (keda pkg/scalers/external_scaler.go), against our server on a loopback
// port. It is a module of its own because that client compiles 3,000 packages,
// which the product needs none of:
//
//	cd test/keda && go test -count=1 ./...
//
// When the product's go.mod gets a newer version of something, go asks for an
// update of this one: go list -mod=mod -deps -test ./... makes it, without the
// hundreds of downloads of go mod tidy.
package keda_test

import (
	"context"
	"net"
	"os"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/kedacore/keda/v2/pkg/scalers"
	"github.com/kedacore/keda/v2/pkg/scalers/scalersconfig"
	v2 "k8s.io/api/autoscaling/v2"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/rayburst/rayburst/scaler"
	"github.com/rayburst/rayburst/scaler/keda"
)

// patience is for what takes milliseconds; more means that it never comes.
const patience = 20 * time.Second

var train = scaler.Cluster{Namespace: "ml", Name: "train"}

func TestMain(m *testing.M) {
	logf.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

// server is our server on a loopback port.
type server struct {
	*keda.Server
	address string
	stop    func() // returns when Serve has
}

func serve(t *testing.T, address string, change ...func(*keda.Config)) server {
	t.Helper()
	cfg := keda.Config{Now: time.Now, Fresh: time.Minute}
	for _, f := range change {
		f(&cfg)
	}
	s, err := keda.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l); close(served) }()
	stop := func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	}
	t.Cleanup(stop)
	return server{s, l.Addr().String(), stop}
}

// publish publishes the target of the type gpu.
func (s server) publish(workers, replicas int) {
	s.Publish(&scaler.Decision{Cluster: train, At: time.Now(),
		Targets: []scaler.Target{{Type: "gpu", Workers: workers, Replicas: replicas}}})
}

// config is what KEDA makes of a ScaledObject with the documented trigger,
// metadata changed as given; an empty change removes the key.
func config(address string, change ...string) *scalersconfig.ScalerConfig {
	metadata := map[string]string{"scalerAddress": address, "rayCluster": "train", "nodeType": "gpu", "resources": `{"CPU": 8, "GPU": 1}`}
	for i := 0; i < len(change); i += 2 {
		metadata[change[i]] = change[i+1]
		if change[i+1] == "" {
			delete(metadata, change[i])
		}
	}
	return &scalersconfig.ScalerConfig{
		ScalableObjectName: "train-gpu", ScalableObjectNamespace: "ml", ScalableObjectType: "ScaledObject",
		TriggerName: "ray", TriggerType: "external-push", TriggerMetadata: metadata,
		ResolvedEnv: map[string]string{}, AuthParams: map[string]string{}, MetricType: v2.AverageValueMetricType,
	}
}

// push is KEDA's scaler of one trigger.
func push(t testing.TB, c *scalersconfig.ScalerConfig) scalers.PushScaler {
	t.Helper()
	p, err := scalers.NewExternalPushScaler(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(context.Background()) })
	return p
}

// run starts KEDA's two push loops.
func run(ctx context.Context, p scalers.PushScaler) (active <-chan bool, specs <-chan []v2.MetricSpec) {
	pushed := make(chan bool)
	go p.Run(ctx, pushed)
	return pushed, p.(scalers.MetricSpecStreamer).MetricSpecChan()
}

func next[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v, ok := <-c:
		if !ok {
			t.Fatalf("%s: the channel is closed", what)
		}
		return v
	case <-time.After(patience):
		t.Fatalf("%s: nothing came", what)
	}
	panic("unreachable")
}

// spec is GetMetricSpec as KEDA understands it.
func spec(t *testing.T, p scalers.PushScaler) []v2.MetricSpec {
	t.Helper()
	specs := p.GetMetricSpecForScaling(t.Context())
	if len(specs) != 1 {
		t.Fatalf("%d specs", len(specs))
	}
	return specs
}

func name(s []v2.MetricSpec) string { return s[0].External.Metric.Name }

func target(s []v2.MetricSpec) int64 { return s[0].External.Target.AverageValue.Value() - keda.Scale }
