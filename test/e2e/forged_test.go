package e2e_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	natsgo "github.com/nats-io/nats.go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	authv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rayburst/rayburst/demand/demandpb"
	"github.com/rayburst/rayburst/demand/nats"
)

// TestForged: what a namespace forges is refused or dropped, counted, and
// changes nothing outside it.
func TestForged(t *testing.T) {
	f := newFleet(t, 100)
	f.wants(3)
	f.settled(3)
	f.work()
	subject := func(namespace string) string { return "rayburst.v1." + namespace + ".sim.report." + nodeID("head") }
	forger := f.forger()
	refused, poison := busMetric(t, "rayburst_nats_refused_messages_total"), metric(t, "rayburst_reports_poison_total")
	forge := func(subject string, body []byte) {
		t.Helper()
		if err := errors.Join(forger.Publish(subject, body), forger.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	forge(subject(f.namespace), marshal(t, &demandpb.Report{NodeId: nodeID("head"), Incarnation: 1 << 62}))
	for _, body := range [][]byte{
		marshal(t, hugeCounts()), marshal(t, manyShapes(20_000)), make([]byte, 2<<20), []byte("no report"), nil,
	} {
		forge(subject("forger"), body)
	}
	eventually(t, "all of it is counted", func() (bool, string) {
		r, p := busMetric(t, "rayburst_nats_refused_messages_total")-refused, metric(t, "rayburst_reports_poison_total")-poison
		return r >= 1 && p >= 5, fmt.Sprint(r, " refused, ", p, " dropped")
	})
	f.decides(time.Now().Add(2 * time.Second))
	f.unharmed()
	f.wants(5)
	f.reached(5)
}

// forger is a connection as an agent of another namespace.
func (f *fleet) forger() *natsgo.Conn {
	f.t.Helper()
	ctx := f.t.Context()
	if _, err := run(ctx, "", "kubectl", "create", "namespace", "forger"); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		_, _ = run(context.WithoutCancel(ctx), "", "kubectl", "delete", "namespace", "forger", "--wait=false")
	})
	return f.as("forger", "rayburst")
}

// as connects to NATS with a token of a namespace's account.
func (f *fleet) as(namespace, audience string) *natsgo.Conn {
	f.t.Helper()
	return f.with(f.token(namespace, audience))
}

const natsURL = "nats://rayburst-nats.keda.svc:4222"

func (f *fleet) with(token string) *natsgo.Conn {
	f.t.Helper()
	conn, err := nats.Connect(nats.Options{URL: natsURL, Token: func() string { return token }})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(conn.Close)
	return conn
}

// token is of a namespace's account.
func (f *fleet) token(namespace, audience string) string {
	f.t.Helper()
	var token *authv1.TokenRequest
	eventually(f.t, "a token of "+namespace, func() (bool, string) { // the namespace's account may not be there yet
		var err error
		token, err = kube.CoreV1().ServiceAccounts(namespace).CreateToken(f.t.Context(), "default",
			&authv1.TokenRequest{Spec: authv1.TokenRequestSpec{Audiences: []string{audience}}}, metav1.CreateOptions{})
		return err == nil, fmt.Sprint(err)
	})
	return token.Status.Token
}

func marshal(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// hugeCounts asks for 10⁹ tasks of a shape, and for as many workers.
func hugeCounts() *demandpb.Report {
	shape := &demandpb.ResourceRequestByCount{Request: &demandpb.ResourceRequest{Resources: map[string]int64{gpus: 10_000}}, Count: 2_000_000_000}
	return &demandpb.Report{
		NodeId: nodeID("head"), Incarnation: 1, Sequence: 1,
		Cluster: &demandpb.ClusterState{Session: "s", Pending: []*demandpb.ResourceRequestByCount{shape}, Constraints: []*demandpb.ResourceRequestByCount{shape}},
	}
}

// manyShapes is of n different shapes.
func manyShapes(n int) *demandpb.Report {
	r := &demandpb.Report{NodeId: nodeID("head"), Incarnation: 1, Sequence: 2, Cluster: &demandpb.ClusterState{Session: "s"}}
	for i := range n {
		request := &demandpb.ResourceRequest{Resources: map[string]int64{"CPU": int64(i + 1)}}
		r.Cluster.Pending = append(r.Cluster.Pending, &demandpb.ResourceRequestByCount{Request: request, Count: 1})
	}
	return r
}

// TestAgentsRefused: NATS lets nobody in without a token for it.
func TestAgentsRefused(t *testing.T) {
	f := &fleet{t: t}
	before := busMetric(t, "rayburst_nats_refused_clients_total")
	for name, token := range map[string]string{
		"no token": "", "no token of Kubernetes": "eyJhbGciOiJub25lIn0.e30.", "a token for the API server": f.token("default", "https://kubernetes.default.svc.cluster.local"),
	} {
		conn := f.with(token)
		eventually(t, name+" is refused", func() (bool, string) { return conn.LastError() != nil, "" })
		if conn.IsConnected() {
			t.Errorf("connected with %s", name)
		}
		conn.Close()
	}
	if n := busMetric(t, "rayburst_nats_refused_clients_total") - before; n < 3 {
		t.Errorf("%v refused clients were counted, want at least 3", n)
	}
}

// TestCallersRefused: the scaler answers nobody without KEDA's certificate.
func TestCallersRefused(t *testing.T) {
	for name, c := range map[string]credentials.TransportCredentials{
		"no TLS":         insecure.NewCredentials(),
		"no certificate": credentials.NewTLS(&tls.Config{InsecureSkipVerify: true}), //nolint:gosec // a stranger does not care
	} {
		conn, err := grpc.NewClient("rayburst.keda.svc:9090", grpc.WithTransportCredentials(c))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		_, err = pb.NewExternalScalerClient(conn).IsActive(ctx, &pb.ScaledObjectRef{Name: gpus, Namespace: "default"})
		cancel()
		if status.Code(err) != codes.Unavailable {
			t.Errorf("%s: %v, want Unavailable", name, err)
		} else {
			t.Logf("%s: %v", name, err)
		}
		_ = conn.Close()
	}
}

// TestNoCredentials: a Ray task finds none of ours, nor Kubernetes', in its
// container.
func TestNoCredentials(t *testing.T) {
	c := newCluster(t, workers("small", "idleTimeoutSeconds: 30\nmaxWorkers: 1"))
	found := c.driver(`
@ray.remote(num_cpus=1)
def look():
    import os, re
    token = re.compile(rb"eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.")
    key = b"PRIVATE KEY-----"
    found = [k for k, v in os.environ.items() if token.search(v.encode())]
    for top in ("/var/run/secrets", "/run/secrets", "/rayburst", "/tls", "/tmp", "/etc/rayburst"):
        for folder, _, files in os.walk(top):
            for name in files:
                path = os.path.join(folder, name)
                try:
                    if os.path.getsize(path) < 1 << 20 and (token.search(open(path, "rb").read()) or key in open(path, "rb").read()):
                        found.append(path)
                except OSError:
                    pass
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if token.search(open(f"/proc/{pid}/environ", "rb").read()):
                found.append("/proc/" + pid)
        except OSError:
            pass
    return found + [p for p in ("/var/run/secrets/kubernetes.io", "/var/run/secrets/rayburst") if os.path.exists(p)]
print("found", ray.get(look.remote()))
`)
	if found = strings.TrimSpace(found); found != "found []" {
		t.Errorf("a task finds credentials: %s", found)
	}
}

// busMetric is one of NATS's metrics.
func busMetric(t *testing.T, name string) float64 {
	t.Helper()
	return scrape(t, "http://"+podIP(t, "nats")+":8222/metrics", name)
}

// podIP is the address of a pod of ours.
func podIP(t *testing.T, component string) string {
	t.Helper()
	list, err := kube.CoreV1().Pods("keda").List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/component=" + component})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list.Items {
		if ready(p) && p.DeletionTimestamp == nil {
			return p.Status.PodIP
		}
	}
	t.Fatalf("no pod of %s is ready", component)
	return ""
}
