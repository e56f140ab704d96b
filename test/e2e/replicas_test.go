package e2e_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// scalers installs so many scalers and waits until all are ready and one of
// them decides.
func (f *fleet) scalers(n int) []string {
	f.t.Helper()
	install(f.t, fmt.Sprint("scaler.replicas=", n))
	f.t.Cleanup(func() { install(f.t, "scaler.replicas=1") })
	var now []string
	eventually(f.t, fmt.Sprint(n, " scalers"), func() (bool, string) {
		now = scalers(f.t)
		return len(now) == n, fmt.Sprint(now)
	})
	f.decides(time.Now())
	return scalers(f.t)
}

// asKEDA calls one scaler's pod itself, with KEDA's certificate.
func asKEDA(t *testing.T, pod string) pb.ExternalScalerClient {
	t.Helper()
	p, err := kube.CoreV1().Pods("keda").Get(t.Context(), pod, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := kube.CoreV1().Secrets("keda").Get(t.Context(), "rayburst-client", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(s.Data["tls.crt"], s.Data["tls.key"])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.Data["ca.crt"])
	own := credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots, ServerName: "rayburst.keda.svc"})
	conn, err := grpc.NewClient(net.JoinHostPort(p.Status.PodIP, "9090"), grpc.WithTransportCredentials(own))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return pb.NewExternalScalerClient(conn)
}

// object is the fleet's ScaledObject as KEDA tells it.
func (f *fleet) object() *pb.ScaledObjectRef {
	f.t.Helper()
	out := &pb.ScaledObjectRef{Name: gpus, Namespace: f.namespace}
	metadata := kubectl(f.t, "-n", f.namespace, "get", "scaledobject", gpus, "-o", "jsonpath={.spec.triggers[0].metadata}")
	if err := json.Unmarshal([]byte(metadata), &out.ScalerMetadata); err != nil {
		f.t.Fatal(err)
	}
	return out
}

// TestScalersAgree: two scalers never give two answers. The one that does not
// decide gives none at all, whatever the demand does, and KEDA keeps what it has.
func TestScalersAgree(t *testing.T) {
	f := busyFleet(t)
	both := f.scalers(2)
	decides, waits, object := asKEDA(t, both[0]), asKEDA(t, both[1]), f.object()
	spec, err := decides.GetMetricSpec(t.Context(), object)
	if err != nil || len(spec.MetricSpecs) != 1 {
		t.Fatal(spec, err)
	}
	ask := &pb.GetMetricsRequest{ScaledObjectRef: object, MetricName: spec.MetricSpecs[0].MetricName}
	for n := 12; n <= 50; n += 2 {
		f.wants(n)
		time.Sleep(100 * time.Millisecond)
		if active, err := waits.IsActive(t.Context(), object); status.Code(err) != codes.Unavailable {
			t.Errorf("asked whether %s is active, the scaler that waits says %v, %v, want Unavailable", gpus, active, err)
		}
		if got, err := waits.GetMetrics(t.Context(), ask); status.Code(err) != codes.Unavailable {
			t.Errorf("asked for %d workers, the scaler that waits says %v, %v, want Unavailable", n, got, err)
		}
	}
	f.reached(50)
	f.settled(50)
	f.unharmed()
	got, err := decides.GetMetrics(t.Context(), ask)
	if err != nil || len(got.MetricValues) != 1 || got.MetricValues[0].MetricValueFloat != 50e6 {
		t.Errorf("the scaler that decides says %v, %v, want 50 workers, in millionths", got, err)
	}
}

// TestScalersRestarted: all scalers are exchanged by a rolling restart in the
// middle of a burst, as an upgrade does: one of one, and both of two.
func TestScalersRestarted(t *testing.T) {
	for n := 1; n <= 2; n++ {
		t.Run(fmt.Sprint("restarted", n), func(t *testing.T) {
			f := busyFleet(t)
			before := f.scalers(n)
			var begin time.Time
			f.climb(50, func() {
				begin = time.Now()
				kubectl(t, "-n", "keda", "rollout", "restart", "deployment", "rayburst")
			})
			t.Logf("50 workers %.1f s after the restart of %d began at 26", time.Since(begin).Seconds(), n)
			kubectl(t, "-n", "keda", "rollout", "status", "deployment", "rayburst", "--timeout=120s")
			f.wants(60)
			f.reached(60)
			f.settled(60)
			f.unharmed()
			now := scalers(t)
			for _, old := range before {
				if slices.Contains(now, old) {
					t.Errorf("%s is still there", old)
				}
			}
		})
	}
}
