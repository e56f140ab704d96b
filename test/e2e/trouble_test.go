package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	authv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/nats"
)

// two are the values of two types, of which the first is preferred.
func two(preferred string) string {
	return workers("first", "idleTimeoutSeconds: 3\nmaxWorkers: 2\npriority: 10\n"+preferred, "second", "idleTimeoutSeconds: 3\nmaxWorkers: 2")
}

// TestBadImage: workers of the preferred type cannot start; the demand goes to
// the next best type, and the reason is told.
func TestBadImage(t *testing.T) {
	c := newCluster(t, two("image: {repository: docker.io/local/none, tag: dev, pullPolicy: Never}"))
	c.becomes("first", 0, "second", 0) // the first replica of a new Deployment has shown already that it cannot start
	c.start("one", "num_cpus=1")
	c.becomesNext("ErrImageNeverPull")
}

// TestCrashLoop: Ray's container ends whenever it is started on the preferred type;
// the same once it has done so five times.
func TestCrashLoop(t *testing.T) {
	c := newCluster(t, two("startCommands: [exit 3]"))
	c.becomes("first", 0, "second", 0)
	c.start("one", "num_cpus=1")
	eventually(t, "Ray's container has ended four times", func() (bool, string) {
		for _, p := range c.live("first") {
			for _, s := range p.Status.ContainerStatuses {
				return s.RestartCount >= 4, fmt.Sprint(s.RestartCount, " restarts")
			}
		}
		return false, "no worker"
	})
	c.becomesNext("failed to start 5 times")
}

// TestQuota: a quota refuses the preferred type's pods; the same.
func TestQuota(t *testing.T) {
	c := newCluster(t, two("resources: {requests: {cpu: 20m, memory: 3Gi}, limits: {cpu: 1, memory: 3Gi}}"))
	c.becomes("first", 0, "second", 0)
	c.must("apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: small}\nspec: {hard: {requests.memory: 2500Mi}}\n", "kubectl", "-n", c.namespace, "apply", "-f", "-")
	time.Sleep(time.Second) // the quota knows what there is
	c.start("one", "num_cpus=1")
	c.becomesNext("exceeded quota")
}

// becomesNext waits until an actor is served by the second type because the first,
// for a reason, cannot.
func (c *cluster) becomesNext(why string) {
	c.t.Helper()
	begin := time.Now()
	eventually(c.t, "the second type has a worker", func() (bool, string) { return c.replicas("second") == 1, c.decided("first") })
	c.t.Logf("the next type was asked %.1f s later; %s", time.Since(begin).Seconds(), c.decided("first"))
	eventually(c.t, "the first type says "+why, func() (bool, string) {
		got := c.decided("first")
		return strings.Contains(got, why), got
	})
	c.becomes("first", 0, "second", 1)
	c.kill("one")
	c.becomes("first", 0, "second", 0)
}

// decided is what the scaler says of a type.
func (c *cluster) decided(nodeType string) string {
	d := c.decision()
	if d == nil {
		return "nothing is decided"
	}
	t, _ := d.Target(nodeType)
	return fmt.Sprint(t.Workers, " ", t.Reason, ": ", t.Detail)
}

// TestIdleForGang: an idle worker that a pending placement group will use stays
// past its idle timeout while another starts (KubeRay's
// TestRayClusterAutoscalerDoNotRemoveIdlesForPlacementGroup).
func TestIdleForGang(t *testing.T) {
	c := newCluster(t, workers("small", "idleTimeoutSeconds: 1\nmaxWorkers: 2"))
	s := c.begin(`
pg = placement_group([{"CPU": 1}])
ray.get(pg.ready())
remove_placement_group(pg)
pg = placement_group([{"CPU": 1}] * 2, strategy="STRICT_SPREAD")
say("asked")
begin = time.time()
ray.get(pg.ready())
say("ready", f"{time.time() - begin:.1f}")
pause()
remove_placement_group(pg)
`)
	s.says("asked")
	old, small := c.only("small").Name, c.trace("small")
	took := s.says("ready")[0]
	t.Logf("the group was ready after %s s; the idle timeout is 1 s", took)
	c.becomes("small", 2)
	if now := strings.Join(names(c.live("small")), " "); !strings.Contains(now, old) {
		t.Errorf("%s, which the group needs, was exchanged: %s", old, now)
	}
	if small.fell() {
		t.Errorf("small went %v", small)
	}
	s.tell()
	c.becomes("small", 0)
}

// TestDrainRejected: Ray rejects the drain of a worker that has got work since it
// was chosen; it keeps its work and its place.
func TestDrainRejected(t *testing.T) {
	c := newCluster(t, workers("small", "idleTimeoutSeconds: 2\nmaxWorkers: 2"))
	c.start("one", "num_cpus=1")
	c.becomes("small", 1)
	worker, small := c.only("small").Name, c.trace("small")
	node := c.node(worker)
	reply, err := nats.Control{Conn: asScaler(t)}.Send(t.Context(), c.asked(), node, demand.Control{Kind: demand.ControlDrain, NodeID: node, Reason: "idle"})
	if err != nil || reply.Accepted {
		t.Fatalf("a busy worker's drain: accepted %v, %v", reply.Accepted, err)
	}
	t.Logf("ray rejected it: %q", reply.Message)
	c.stays("small", 1, 6*time.Second)
	if got := strings.TrimSpace(c.driver("print(ray.get(ray.get_actor('one').pod.remote()))\n")); got != worker || !ready(c.only("small")) {
		t.Errorf("the actor runs on %s, want %s, ready", got, worker)
	}
	c.kill("one")
	c.becomes("small", 0)
	if small.most() > 1 {
		t.Errorf("small went %v", small)
	}
}

func (c *cluster) asked() demand.Cluster {
	return demand.Cluster{Namespace: c.namespace, Name: release}
}

// node is the Ray node of a pod.
func (c *cluster) node(pod string) string {
	c.t.Helper()
	return strings.TrimSpace(c.driver(fmt.Sprintf("print(*[n['NodeID'] for n in ray.nodes() if n['NodeManagerHostname'] == %q and n['Alive']])\n", pod)))
}

// asScaler is a connection with the scaler's own account.
func asScaler(t *testing.T) *natsgo.Conn {
	t.Helper()
	token, err := kube.CoreV1().ServiceAccounts("keda").CreateToken(t.Context(), "rayburst",
		&authv1.TokenRequest{Spec: authv1.TokenRequestSpec{Audiences: []string{"rayburst"}}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := nats.Connect(nats.Options{URL: natsURL, Token: func() string { return token.Status.Token }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	eventually(t, "connected", func() (bool, string) { return conn.IsConnected(), fmt.Sprint(conn.LastError()) })
	return conn
}
