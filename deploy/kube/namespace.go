package kube

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// namespace is what is kept of a namespace with node types in it.
type namespace struct {
	name        string
	pods        *mirror[pod]             // by ReplicaSet
	sets        *mirror[replicaSet]      // by Deployment
	deployments *mirror[deploymentState] // by name
	targets     *mirror[int64]           // of HPAs, by name
	wrong       atomic.Uint64            // victims that were not ours
}

func newNamespace(name string, changed func()) *namespace {
	none := func(any) string { return "" }
	n := &namespace{
		name: name,
		pods: newMirror(func(o any) pod { return readPod(o.(*corev1.Pod)) }, func(p pod) string { return string(p.owner) }, changed),
		sets: newMirror(func(o any) replicaSet { return readReplicaSet(o.(*appsv1.ReplicaSet)) },
			func(s replicaSet) string { return s.deployment }, changed),
		deployments: newMirror(func(o any) deploymentState { return readDeployment(o.(*appsv1.Deployment)) },
			func(deploymentState) string { return none(nil) }, changed),
		targets: newMirror(func(o any) int64 { return readTarget(o.(*autoscalingv2.HorizontalPodAutoscaler)) },
			func(int64) string { return none(nil) }, func() {}),
	}
	n.pods.became, n.deployments.same = n.check, sameState
	return n
}

// lag is within what time the watches of pods and Deployments show the same.
const lag = 2 * time.Second

// check counts a pod that was not marked and goes all the same because its
// Deployment shrinks: a wrong victim. A pod that somebody deletes by name is
// none: its Deployment asks for as many as before. Neither is one in which Ray has
// never begun, where all go.
func (n *namespace) check(old, now pod) {
	if old.leaving || !now.leaving || now.marked || now.over {
		return
	}
	deployment, ok := n.deploymentOf(now)
	if !ok {
		return
	}
	before, _ := n.deployments.get(deployment)
	count := func(replicas int) {
		if replicas > 0 || !old.started.IsZero() {
			n.wrong.Add(1)
		}
	}
	if len(n.workers(deployment))+1 > before.replicas {
		count(before.replicas)
		return
	}
	time.AfterFunc(lag, func() {
		if after, _ := n.deployments.get(deployment); after.replicas < before.replicas {
			count(after.replicas)
		}
	})
}

// deploymentOf is the Deployment of a pod.
func (n *namespace) deploymentOf(p pod) (string, bool) {
	n.sets.mu.RLock()
	defer n.sets.mu.RUnlock()
	for _, s := range n.sets.items {
		if s.uid == p.owner && s.deployment != "" {
			return s.deployment, true
		}
	}
	return "", false
}

// run mirrors the namespace until the context ends.
func (n *namespace) run(ctx context.Context, client kubernetes.Interface) {
	var wg sync.WaitGroup
	for _, w := range []struct {
		from     rest.Interface
		resource string
		kind     any
		into     cache.ReflectorStore
	}{
		{client.CoreV1().RESTClient(), "pods", &corev1.Pod{}, n.pods},
		{client.AppsV1().RESTClient(), "replicasets", &appsv1.ReplicaSet{}, n.sets},
		{client.AppsV1().RESTClient(), "deployments", &appsv1.Deployment{}, n.deployments},
		{client.AutoscalingV2().RESTClient(), "horizontalpodautoscalers", &autoscalingv2.HorizontalPodAutoscaler{}, n.targets},
	} {
		list := cache.NewListWatchFromClient(w.from, w.resource, n.name, fields.Everything())
		r := cache.NewReflectorWithOptions(list, w.kind, w.into, cache.ReflectorOptions{Name: n.name + "/" + w.resource})
		wg.Go(func() { r.RunWithContext(ctx) })
	}
	wg.Wait()
}

// synced tells whether all has been listed once.
func (n *namespace) synced() bool {
	for _, c := range []chan struct{}{n.pods.synced, n.sets.synced, n.deployments.synced, n.targets.synced} {
		select {
		case <-c:
		default:
			return false
		}
	}
	return true
}

// workers are the pods of a Deployment that are not on their way out, by name.
func (n *namespace) workers(deployment string) map[string]*pod {
	out := map[string]*pod{}
	for _, set := range n.sets.all(deployment) {
		for name, p := range n.pods.all(string(set.uid)) {
			if !p.leaving && !p.over {
				out[name] = p
			}
		}
	}
	return out
}
