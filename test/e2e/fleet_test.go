package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/nats"
	"github.com/rayburst/rayburst/scaler"
	"github.com/rayburst/rayburst/scaler/httpapi"
)

// fleet is a Ray cluster without Ray: its pods run on fake nodes, and what its
// head would say is published by the test. Everything else is real.
type fleet struct {
	t         *testing.T
	namespace string
	types     []string
	conn      *natsgo.Conn
	kick      chan struct{}

	mu          sync.Mutex
	report      demand.Report
	want        int64                   // workers of every type, by request_resources
	queued      int64                   // tasks of every type, as the GCS sums them up
	nodes       map[string]*demand.Node // by pod
	idle        map[string]time.Time    // by pod that has been there: since when it is idle, unless busy
	busy        map[string]bool         // by pod
	asked       []string                // pods that were drained, in order
	drained     map[string]bool         // by pod that is there; a name may come again, of some thousand
	unreadyPods map[string]string       // pods that have not been ready yet: their phase and node
	replicas    map[int]time.Time       // when spec.replicas of all types was first this
	leaving     []string                // pods that got a deletionTimestamp
	seen        map[string]int          // spec.replicas by type
	falls       []string                // of spec.replicas, from → to
}

// gpus is the type of a fleet that has one. A worker has one of the resource
// that is called like its type.
const gpus = "unit"

// newFleet is a fleet with so many workers of every type at most.
func newFleet(t *testing.T, most int, types ...string) *fleet {
	t.Helper()
	if len(types) == 0 {
		types = []string{gpus}
	}
	f := &fleet{
		t: t, types: types, seen: map[string]int{}, namespace: strings.ToLower(t.Name()[strings.LastIndexByte("/"+t.Name(), '/'):]), kick: make(chan struct{}, 1),
		nodes: map[string]*demand.Node{}, idle: map[string]time.Time{}, busy: map[string]bool{}, drained: map[string]bool{}, unreadyPods: map[string]string{}, replicas: map[int]time.Time{},
	}
	ctx, end := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(func() {
		if t.Failed() {
			f.tell(context.WithoutCancel(ctx))
		}
		end()
		_, _ = run(context.WithoutCancel(ctx), "", "kubectl", "delete", "namespace", f.namespace, "--wait=false") // the lab ends
	})
	f.apply(most)
	f.report = demand.Report{NodeID: nodeID("head"), Incarnation: uint64(time.Now().UnixNano()), InstanceID: "head", NodeType: "head"} //nolint:gosec // after 1970
	f.connect(ctx)
	f.watch(ctx)
	go f.speak(ctx)
	eventually(t, "the scaler knows the cluster", func() (bool, string) {
		d := f.decision()
		return d != nil && d.Unknown == "", fmt.Sprint(d)
	})
	return f
}

// tell logs what helps to understand a failure.
func (f *fleet) tell(ctx context.Context) {
	out, err := run(ctx, "", "kubectl", "-n", f.namespace, "get", "pods,deployments,hpa", "-o", "wide")
	f.t.Logf("%s %v", out, err)
	if d := f.decision(); d != nil {
		why, _ := d.Explain("") // of all there is, which is never unknown
		f.t.Log(why)
	}
}

func nodeID(name string) string { return fmt.Sprintf("%056x", []byte(name)[max(0, len(name)-28):]) }

const fleetYAML = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: $TYPE}
spec:
  replicas: 0
  selector: {matchLabels: {app: $TYPE}}
  template:
    metadata: {labels: {app: $TYPE}}
    spec:
      nodeSelector: {type: kwok}
      tolerations: [{operator: Exists}]
      containers: [{name: ray, image: none}]
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: $TYPE}
spec:
  scaleTargetRef: {name: $TYPE}
  pollingInterval: 2
  cooldownPeriod: 4
  initialCooldownPeriod: 300
  minReplicaCount: 0
  maxReplicaCount: $MOST
  advanced:
    horizontalPodAutoscalerConfig:
      behavior:
        scaleUp: {stabilizationWindowSeconds: 0, selectPolicy: Max, tolerance: "0", policies: [{type: Pods, value: 10000, periodSeconds: 15}]}
        scaleDown: {stabilizationWindowSeconds: 0, selectPolicy: Max, tolerance: "0", policies: [{type: Percent, value: 100, periodSeconds: 15}]}
  triggers:
    - type: external-push
      metricType: AverageValue
      metadata: {scalerAddress: "rayburst.keda.svc:9090", rayCluster: sim, nodeType: $TYPE, resources: '{"$TYPE": 1}', idleTimeoutSeconds: "1"}
      authenticationRef: {name: rayburst, kind: ClusterTriggerAuthentication}
`

func (f *fleet) apply(most int) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	if _, err := run(ctx, "", "kubectl", "create", "namespace", f.namespace); err != nil {
		f.t.Fatal(err)
	}
	manifests := ""
	for _, name := range f.types {
		manifests += "---" + strings.NewReplacer("$TYPE", name, "$MOST", fmt.Sprint(most)).Replace(fleetYAML)
	}
	if _, err := run(ctx, manifests, "kubectl", "-n", f.namespace, "apply", "-f", "-"); err != nil {
		f.t.Fatal(err)
	}
}

// connect is an agent's connection: with a token of the namespace's own account.
func (f *fleet) connect(ctx context.Context) {
	f.t.Helper()
	f.conn = f.as(f.namespace, "rayburst")
	if _, err := f.publisher().Serve(ctx, nats.Head, f.control); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fleet) publisher() *nats.Publisher {
	return &nats.Publisher{Conn: f.conn, Cluster: demand.Cluster{Namespace: f.namespace, Name: "sim"}}
}

// control is the head's agent: Ray accepts every drain of an idle node.
func (f *fleet) control(_ context.Context, c demand.Control) demand.ControlReply {
	if c.Kind != demand.ControlDrain {
		return demand.ControlReply{Accepted: true}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for pod, n := range f.nodes {
		if n.ID != c.NodeID {
			continue
		}
		if f.busy[pod] {
			return demand.ControlReply{Message: "the node is busy"}
		}
		delete(f.nodes, pod)
		f.asked, f.drained[pod] = append(f.asked, pod), true
		go f.unready(pod)
		signal(f.kick)
		return demand.ControlReply{Accepted: true}
	}
	return demand.ControlReply{Accepted: true}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// unready is what a drained pod's agent does.
func (f *fleet) unready(pod string) {
	patch := []byte(`{"status":{"conditions":[{"type":"Ready","status":"False","reason":"Drained"}]}}`)
	_, err := kube.CoreV1().Pods(f.namespace).Patch(context.Background(), pod, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil {
		f.t.Log("unready:", err)
	}
}

// watch follows the pods, which join at once when they are Ready, and the
// Deployment.
func (f *fleet) watch(ctx context.Context) {
	factory := informers.NewSharedInformerFactoryWithOptions(kube, 0, informers.WithNamespace(f.namespace))
	handler := func(see func(any), gone func(any)) cache.ResourceEventHandlerFuncs {
		return cache.ResourceEventHandlerFuncs{AddFunc: see, UpdateFunc: func(_, now any) { see(now) }, DeleteFunc: gone}
	}
	_, _ = factory.Core().V1().Pods().Informer().AddEventHandler(handler(f.pod, f.podGone))                  // fails only when stopped
	_, _ = factory.Apps().V1().Deployments().Informer().AddEventHandler(handler(f.deployment, func(any) {})) // likewise
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
}

func (f *fleet) pod(obj any) {
	p := obj.(*corev1.Pod)
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.DeletionTimestamp != nil {
		if !slices.Contains(f.leaving, p.Name) {
			f.leaving = append(f.leaving, p.Name)
		}
		delete(f.nodes, p.Name)
		return
	}
	if !ready(*p) && f.idle[p.Name].IsZero() {
		f.unreadyPods[p.Name] = string(p.Status.Phase) + " on " + p.Spec.NodeName
	}
	if f.nodes[p.Name] != nil || f.drained[p.Name] || !ready(*p) {
		return
	}
	delete(f.unreadyPods, p.Name)
	one := demand.MustResources(map[string]float64{p.Labels["app"]: 1})
	f.nodes[p.Name] = &demand.Node{
		ID: nodeID(string(p.UID)), InstanceID: p.Name, Type: p.Labels["app"], Status: demand.NodeIdle, Total: one, Available: one,
		StartTime: uint64(time.Now().Add(time.Second).UnixMilli()), //nolint:gosec // after 1970; after the container's start, which is in whole seconds
	}
	f.idle[p.Name] = time.Now()
	signal(f.kick)
}

func (f *fleet) podGone(obj any) {
	if last, ok := obj.(cache.DeletedFinalStateUnknown); ok { // it went while nobody watched
		obj = last.Obj
	}
	p := obj.(*corev1.Pod)
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.nodes, p.Name)
	delete(f.unreadyPods, p.Name)
	delete(f.idle, p.Name)
	delete(f.busy, p.Name)
	delete(f.drained, p.Name)
}

func (f *fleet) deployment(obj any) {
	d := obj.(*appsv1.Deployment)
	n := int(*d.Spec.Replicas)
	f.mu.Lock()
	defer f.mu.Unlock()
	if n < f.seen[d.Name] {
		f.falls = append(f.falls, fmt.Sprint(f.seen[d.Name], "→", n))
	}
	f.seen[d.Name] = n
	if _, known := f.replicas[n]; !known && f.all(n) {
		f.replicas[n] = time.Now()
	}
}

// all tells whether every type asks for n workers.
func (f *fleet) all(n int) bool {
	for _, name := range f.types {
		if f.seen[name] != n {
			return false
		}
	}
	return true
}

// speak publishes what the head's agent would.
func (f *fleet) speak(ctx context.Context) {
	t := time.NewTicker(500 * time.Millisecond)
	defer t.Stop()
	for {
		f.publish()
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		case <-f.kick:
			time.Sleep(20 * time.Millisecond) // what comes together is told together
		}
	}
}

func (f *fleet) publish() time.Time {
	f.mu.Lock()
	r := f.report
	f.report.Sequence++
	r.Sequence = f.report.Sequence
	state := &demand.ClusterState{Session: "s", Nodes: []*demand.Node{{ID: r.NodeID, InstanceID: "head", Type: "head", Head: true, Status: demand.NodeRunning}}}
	for pod, n := range f.nodes {
		row := *n
		if row.Idle = time.Since(f.idle[pod]); f.busy[pod] {
			row.Status, row.Available, row.Idle = demand.NodeRunning, nil, 0
		}
		state.Nodes = append(state.Nodes, &row)
	}
	for _, name := range f.types {
		one := demand.ResourceRequest{Resources: demand.MustResources(map[string]float64{name: 1})}
		if f.want > 0 {
			state.Constraints = append(state.Constraints, demand.Shape{Count: f.want, ResourceRequest: one})
		}
		if f.queued > 0 {
			state.Pending = append(state.Pending, demand.Shape{Count: f.queued, ResourceRequest: one})
		}
	}
	f.mu.Unlock()
	r.Cluster = state
	if err := f.publisher().Publish(&r); err != nil {
		f.t.Log("publish:", err)
	}
	return time.Now()
}

// wants asks for so many workers of every type and returns when it was published.
func (f *fleet) wants(n int) time.Time {
	f.mu.Lock()
	f.want = int64(n)
	clear(f.replicas)
	f.mu.Unlock()
	return f.publish()
}

// reached waits until spec.replicas is n and returns when it was written.
func (f *fleet) reached(n int) time.Time {
	f.t.Helper()
	var at time.Time
	eventually(f.t, fmt.Sprint(n, " replicas"), func() (bool, string) {
		f.mu.Lock()
		defer f.mu.Unlock()
		at = f.replicas[n]
		return !at.IsZero() && f.all(n), fmt.Sprint(f.seen)
	})
	return at
}

// settled waits until n pods of every type are nodes and no others are left.
func (f *fleet) settled(n int) {
	f.t.Helper()
	n *= len(f.types)
	eventually(f.t, fmt.Sprint(n, " nodes"), func() (bool, string) {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.nodes) == n && len(f.idle) == n, fmt.Sprint(len(f.nodes), " nodes, ", len(f.idle), " pods; not ready: ", f.unreadyPods)
	})
}

// decision is what the scaler says of the cluster; nil: nothing.
func (f *fleet) decision() *scaler.Decision { return decisionOf(f.namespace, "sim") }

func (c *cluster) decision() *scaler.Decision { return decisionOf(c.namespace, release) }

func decisionOf(namespace, name string) *scaler.Decision {
	reply, err := http.Get("http://rayburst.keda.svc:8089/v1/clusters/" + namespace + "/" + name)
	if err != nil {
		return nil
	}
	defer reply.Body.Close()
	var d httpapi.ClusterDecision
	if reply.StatusCode != http.StatusOK || json.NewDecoder(reply.Body).Decode(&d) != nil {
		return nil
	}
	return d.Decode()
}

// fell waits until the scaler's target is n and returns when it was.
func (f *fleet) fell(n int) time.Time {
	f.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if d := f.decision(); d != nil {
			if t, ok := d.Target(gpus); ok && t.Workers == n {
				return time.Now()
			}
		}
	}
	f.t.Fatalf("the target is not %d after %v", n, patience)
	return time.Time{}
}
