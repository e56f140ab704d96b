package keda_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/rayburst/rayburst/scaler"
	"github.com/rayburst/rayburst/scaler/keda"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var train = scaler.Cluster{Namespace: "ml", Name: "train"}

// fixture is a server on an in-memory listener and KEDA's generated client.
type fixture struct {
	*testing.T
	*keda.Server
	client pb.ExternalScalerClient
	conn   *grpc.ClientConn
	stop   context.CancelFunc // ends Serve
	served chan error         // what Serve returned
}

// serve starts a server with the time of the test's bubble, or the real one.
func serve(t *testing.T, change ...func(*keda.Config)) *fixture {
	t.Helper()
	cfg := keda.Config{Now: time.Now}
	for _, f := range change {
		f(&cfg)
	}
	s, err := keda.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	listener := bufconn.Listen(1 << 20)
	conn, err := grpc.NewClient("passthrough:///bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	f := &fixture{t, s, pb.NewExternalScalerClient(conn), conn, stop, make(chan error, 1)}
	go func() { f.served <- s.Serve(ctx, listener); close(f.served) }()
	t.Cleanup(func() {
		conn.Close()
		stop()
		if err := <-f.served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return f
}

// virtual runs a test in a bubble, where time passes only when all wait.
func virtual(t *testing.T, f func(*fixture), change ...func(*keda.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(serve(t, change...)) })
}

// publish publishes targets written type=workers/replicas.
func (f *fixture) publish(targets string) { f.Publish(decide(f.T, time.Now(), targets)) }

func decide(t testing.TB, at time.Time, targets string) *scaler.Decision {
	d := &scaler.Decision{Cluster: train, At: at}
	for _, field := range strings.Fields(targets) {
		name, rest, _ := strings.Cut(field, "=")
		target := scaler.Target{Type: name}
		if _, err := fmt.Sscanf(rest, "%d/%d", &target.Workers, &target.Replicas); err != nil {
			t.Fatal(err)
		}
		d.Targets = append(d.Targets, target)
	}
	return d
}

// ref is what KEDA sends for a ScaledObject of a node type, with metadata
// changed; an empty change removes the key.
func ref(nodeType string, change ...string) *pb.ScaledObjectRef {
	m := map[string]string{"scalerAddress": "rayburst.keda:9090", "rayCluster": "train", "nodeType": nodeType, "resources": `{"CPU": 8}`}
	for i := 0; i < len(change); i += 2 {
		m[change[i]] = change[i+1]
		if change[i+1] == "" {
			delete(m, change[i])
		}
	}
	return &pb.ScaledObjectRef{Name: "train-" + nodeType, Namespace: "ml", ScalerMetadata: m}
}

func (f *fixture) isActive(r *pb.ScaledObjectRef) (bool, error) {
	res, err := f.client.IsActive(f.Context(), r)
	return res.GetResult(), err
}

func (f *fixture) metrics(r *pb.ScaledObjectRef) ([]*pb.MetricValue, error) {
	res, err := f.client.GetMetrics(f.Context(), &pb.GetMetricsRequest{ScaledObjectRef: r, MetricName: "any"})
	return res.GetMetricValues(), err
}

// target is GetMetricSpec's only target.
func (f *fixture) target(r *pb.ScaledObjectRef) int64 {
	f.Helper()
	res, err := f.client.GetMetricSpec(f.Context(), r)
	if err != nil {
		f.Fatal(err)
	}
	return onlyTarget(f.T, res)
}

func onlyTarget(t *testing.T, res *pb.GetMetricSpecResponse) int64 {
	t.Helper()
	if len(res.MetricSpecs) != 1 {
		t.Fatalf("%d specs", len(res.MetricSpecs))
	}
	spec := res.MetricSpecs[0]
	if float64(spec.TargetSize) != spec.TargetSizeFloat || spec.MetricName != "ray-train-gpu" {
		t.Errorf("spec %v", spec)
	}
	return spec.TargetSize
}

// heard is what a stream delivered and when, as seconds since it was opened:
// "0:true 15:true". It ends with the stream's error, if that is not the test's end.
type heard struct {
	mu    sync.Mutex // for the race detector: a read is not ordered before later messages
	texts []string
	err   error
}

func (h *heard) String() string { return strings.Join(h.all(), " ") }

func (h *heard) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.texts)
}

func (h *heard) end() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

func (h *heard) add(text string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err = err; err == nil {
		h.texts = append(h.texts, text)
	}
}

// listen collects a stream's messages until it ends. Read it after a
// synctest.Wait.
func listen[T any](f *fixture, stream grpc.ServerStreamingClient[T], err error, text func(*T) string) *heard {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
	h, opened := &heard{}, time.Now()
	go func() {
		for {
			m, err := stream.Recv()
			if err != nil {
				h.add("", err)
				return
			}
			h.add(fmt.Sprintf("%v:%s", time.Since(opened).Seconds(), text(m)), nil)
		}
	}()
	synctest.Wait()
	return h
}

func (f *fixture) listenActive(r *pb.ScaledObjectRef) *heard {
	f.Helper()
	stream, err := f.client.StreamIsActive(f.Context(), r)
	return listen(f, stream, err, func(m *pb.IsActiveResponse) string { return fmt.Sprint(m.Result) })
}

func (f *fixture) listenSpec(r *pb.ScaledObjectRef) *heard {
	f.Helper()
	stream, err := f.client.StreamMetricSpec(f.Context(), r)
	return listen(f, stream, err, func(m *pb.GetMetricSpecResponse) string { return fmt.Sprint(onlyTarget(f.T, m) - keda.Scale) })
}

func wantCode(t *testing.T, call string, err error, want codes.Code, part string) {
	t.Helper()
	if status.Code(err) != want || !strings.Contains(status.Convert(err).Message(), part) {
		t.Errorf("%s: %v, want %v: …%s…", call, err, want, part)
	}
}

func wantHeard(t *testing.T, h *heard, want string) {
	t.Helper()
	synctest.Wait()
	if h.String() != want {
		t.Errorf("heard %q, want %q (%v)", h, want, h.end())
	}
}
