// Package kube is a Ray cluster as Kubernetes objects: ScaledObjects in, worker
// counts in, victims marked, drained pods exchanged, and targets written where
// KEDA and HPA would be slow.
//
// ScaledObjects whose external-push (or external) trigger names our scaler are
// the only source of node types. Of pods, ReplicaSets, Deployments and HPAs only
// what is needed is kept, a few hundred bytes each, and only of namespaces that
// have such an object.
package kube

import (
	"context"
	"log/slog"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"

	"github.com/rayburst/rayburst/demand"
)

// Config is what a Source works with. All but Namespaces is required.
type Config struct {
	Client  kubernetes.Interface
	Dynamic dynamic.Interface
	// Namespaces that are watched; none: all.
	Namespaces []string
	// Service is the name by which triggers call this scaler: the first label
	// of their scalerAddress.
	Service string
	Events  record.EventRecorder
	Log     *slog.Logger
}

// Source keeps what Kubernetes says of Ray clusters.
type Source struct {
	Config
	changed chan struct{} // the set of clusters is another
	dirty   chan struct{} // some ScaledObject is another

	mu         sync.Mutex
	objects    map[string]map[string]*scaledObject // by namespace and name
	namespaces map[string]*watched
	clusters   map[demand.Cluster]*Cluster
	told       map[string]string      // by uid: the last problem that became an event
	doubted    map[string]*time.Timer // by uid and problem: what becomes an event unless it passes
}

// watched is a namespace and what ends its mirrors.
type watched struct {
	*namespace
	end context.CancelFunc
}

// NewSource knows nothing until it runs.
func NewSource(c Config) *Source {
	if len(c.Namespaces) == 0 {
		c.Namespaces = []string{metav1.NamespaceAll}
	}
	return &Source{
		Config: c, changed: make(chan struct{}, 1), dirty: make(chan struct{}, 1), objects: map[string]map[string]*scaledObject{},
		namespaces: map[string]*watched{}, clusters: map[demand.Cluster]*Cluster{}, told: map[string]string{},
		doubted: map[string]*time.Timer{},
	}
}

// Changed gets a value when Clusters would return something else.
func (s *Source) Changed() <-chan struct{} { return s.changed }

// Clusters are the Ray clusters there are whose namespaces have been read.
func (s *Source) Clusters() map[demand.Cluster]*Cluster {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[demand.Cluster]*Cluster, len(s.clusters))
	for name, c := range s.clusters {
		if s.namespaces[name.Namespace].synced() {
			out[name] = c
		}
	}
	return out
}

// WrongVictims counts, by namespace, the workers that went because a Deployment
// shrank although they had not been marked.
func (s *Source) WrongVictims() map[string]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]uint64, len(s.namespaces))
	for name, n := range s.namespaces {
		out[name] = n.wrong.Load()
	}
	return out
}

// Run keeps reading until the context ends; it returns nil then.
func (s *Source) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, ns := range s.Namespaces {
		kind := &unstructured.Unstructured{}
		kind.SetAPIVersion("keda.sh/v1alpha1")
		kind.SetKind("ScaledObject")
		r := cache.NewReflectorWithOptions(s.list(ctx, ns), kind, &objectStore{source: s, namespace: ns}, cache.ReflectorOptions{Name: ns + "/scaledobjects"})
		wg.Go(func() { r.RunWithContext(ctx) })
	}
	wg.Go(func() { s.keep(ctx) })
	wg.Wait()
	return nil
}

func (s *Source) list(ctx context.Context, ns string) *cache.ListWatch {
	from := s.Dynamic.Resource(scaledObjects).Namespace(ns)
	return &cache.ListWatch{
		ListWithContextFunc:  func(_ context.Context, o metav1.ListOptions) (runtime.Object, error) { return from.List(ctx, o) },
		WatchFuncWithContext: func(_ context.Context, o metav1.ListOptions) (watch.Interface, error) { return from.Watch(ctx, o) },
	}
}

// settle is for how long ScaledObjects are waited for that come together.
const settle = 50 * time.Millisecond

// keep makes clusters of the ScaledObjects whenever one is another.
func (s *Source) keep(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.dirty:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(settle):
		}
		s.group(ctx)
	}
}

func (s *Source) group(ctx context.Context) {
	s.mu.Lock()
	var all []*scaledObject
	for _, objects := range s.objects {
		for _, o := range objects {
			all = append(all, o)
		}
	}
	good, bad, doubts := grouped(all)
	s.watch(ctx, good)
	set := s.assign(good)
	s.mu.Unlock()
	for c, types := range set {
		c.set(types)
	}
	s.complain(bad)
	s.doubt(ctx, doubts)
	signal(s.changed)
}

// watch mirrors the namespaces that have node types, and no others.
func (s *Source) watch(ctx context.Context, good map[demand.Cluster][]*scaledObject) {
	needed := map[string]bool{}
	for c := range good {
		if needed[c.Namespace] = true; s.namespaces[c.Namespace] != nil {
			continue
		}
		ctx, end := context.WithCancel(ctx)
		ns := newNamespace(c.Namespace, func() { s.touch(c.Namespace) })
		s.namespaces[c.Namespace] = &watched{ns, end}
		go ns.run(ctx, s.Client)
	}
	for name, w := range s.namespaces {
		if !needed[name] {
			w.end()
			delete(s.namespaces, name)
		}
	}
}

// assign makes and drops clusters, and returns the types of each.
func (s *Source) assign(good map[demand.Cluster][]*scaledObject) map[*Cluster][]*scaledObject {
	out := make(map[*Cluster][]*scaledObject, len(good))
	for name, types := range good {
		if s.clusters[name] == nil {
			s.clusters[name] = &Cluster{Name: name, ns: s.namespaces[name.Namespace].namespace, changed: make(chan struct{}, 1)}
		}
		out[s.clusters[name]] = types
	}
	for name := range s.clusters {
		if good[name] == nil {
			delete(s.clusters, name)
		}
	}
	return out
}

// touch wakes the clusters of a namespace. The first time all of it has been
// read they come to be.
func (s *Source) touch(namespace string) {
	s.mu.Lock()
	var touched []*Cluster
	for name, c := range s.clusters {
		if name.Namespace == namespace {
			touched = append(touched, c)
		}
	}
	s.mu.Unlock()
	for _, c := range touched {
		c.touch()
	}
	signal(s.changed)
}

// complain tells each problem once, as an event of its ScaledObject.
func (s *Source) complain(bad map[*scaledObject]error) {
	for o, err := range bad {
		if key := string(o.uid); s.told[key] != err.Error() {
			s.told[key] = err.Error()
			s.tell(o, err)
		}
	}
}

func (s *Source) tell(o *scaledObject, err error) {
	s.Log.Warn("scaled object is wrong", "namespace", o.namespace, "name", o.name, "error", err)
	s.Events.Event(o.reference(), corev1.EventTypeWarning, "InvalidTrigger", err.Error())
}

// doubtTime is for how long the objects of a cluster may differ while they are
// applied one after another.
const doubtTime = 10 * time.Second

// doubt tells a doubt once it has lasted.
func (s *Source) doubt(ctx context.Context, doubts map[*scaledObject]error) {
	now := map[string]bool{}
	for o, err := range doubts {
		key := string(o.uid) + err.Error()
		if now[key] = true; s.doubted[key] == nil {
			s.doubted[key] = time.AfterFunc(doubtTime, func() {
				if ctx.Err() == nil {
					s.tell(o, err)
				}
			})
		}
	}
	for key, timer := range s.doubted {
		if !now[key] {
			timer.Stop()
			delete(s.doubted, key)
		}
	}
}

func (o *scaledObject) reference() *corev1.ObjectReference {
	return &corev1.ObjectReference{
		APIVersion: "keda.sh/v1alpha1", Kind: "ScaledObject", Namespace: o.namespace, Name: o.name, UID: o.uid, ResourceVersion: o.version,
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// objectStore is what the Reflector of ScaledObjects fills.
type objectStore struct {
	source    *Source
	namespace string // that is listed; empty: all
}

// Add takes in an object.
func (t *objectStore) Add(obj any) error { return t.Update(obj) }

// Update takes in an object.
func (t *objectStore) Update(obj any) error {
	t.source.mu.Lock()
	t.put(obj.(*unstructured.Unstructured))
	t.source.mu.Unlock()
	signal(t.source.dirty)
	return nil
}

// Delete drops an object.
func (t *objectStore) Delete(obj any) error {
	u := obj.(*unstructured.Unstructured)
	t.source.mu.Lock()
	delete(t.source.objects[u.GetNamespace()], u.GetName())
	t.source.mu.Unlock()
	signal(t.source.dirty)
	return nil
}

// Replace makes the objects those of a list.
func (t *objectStore) Replace(list []any, _ string) error {
	t.source.mu.Lock()
	if t.namespace == metav1.NamespaceAll {
		clear(t.source.objects)
	} else {
		delete(t.source.objects, t.namespace)
	}
	for _, obj := range list {
		t.put(obj.(*unstructured.Unstructured))
	}
	t.source.mu.Unlock()
	signal(t.source.dirty)
	return nil
}

// Resync does nothing.
func (t *objectStore) Resync() error { return nil }

func (t *objectStore) put(u *unstructured.Unstructured) {
	of := t.source.objects[u.GetNamespace()]
	if of == nil {
		of = map[string]*scaledObject{}
		t.source.objects[u.GetNamespace()] = of
	}
	if o := readScaledObject(u, t.source.Service); o != nil {
		of[o.name] = o
	} else {
		delete(of, u.GetName())
	}
}
