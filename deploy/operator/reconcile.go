package operator

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rayburst/rayburst/deploy"
	"github.com/rayburst/rayburst/scaler"
)

// takenRetry is after what time a name that somebody else has is tried again:
// mostly it is that of a cluster that is about to go.
const takenRetry = 5 * time.Second

// parts are what a reconciler works with.
type parts struct {
	Client     client.Client // reads from a cache
	Live       client.Reader // asks the API server
	Events     events.EventRecorder
	Kubernetes string         // the version
	Values     map[string]any // of the chart, for all clusters
	Render     func(Release) (string, error)
	// Decision is the scaler's last one about a cluster; see Config.
	Decision func(ctx context.Context, namespace, name string) (*scaler.Decision, error)
	Now      func() time.Time
	Log      *slog.Logger
}

// reconciler makes one RayCluster after another be as its spec says.
type reconciler struct {
	parts
	mu       sync.Mutex
	memories map[types.NamespacedName]*memory
}

func newReconciler(p parts) *reconciler {
	return &reconciler{parts: p, memories: map[types.NamespacedName]*memory{}}
}

// memory is what is kept of a RayCluster from one time to the next. All of it
// can be lost: objects are applied once more, and idleness begins anew.
type memory struct {
	uid       types.UID
	applied   map[key]applied
	done      basis    // of the last step that succeeded
	warnings  []string // of the same
	idleSince time.Time
}

// basis is what objects are made of. To render them takes 15 ms, which each pod
// that gets ready would cost.
type basis struct {
	generation     int64
	runtimeClasses string
}

// rayCluster is a RayCluster as it was read. Its spec is not decoded into Go
// types: one that does not fit them would stop the watch of all others.
type rayCluster struct {
	*unstructured.Unstructured
	ray     map[string]any // Ray's keys of the spec
	options deploy.SpecOptions
	memory  *memory
}

func (c *rayCluster) name() string { return c.GetNamespace() + "/" + c.GetName() }

// Reconcile takes the steps: render, apply, prune, observe, watch for idleness,
// report. What fails is in the status, and tried again unless only the spec can
// mend it.
func (r *reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	c := &rayCluster{Unstructured: emptyOf(rayClusterKind).(*unstructured.Unstructured)}
	err := r.Client.Get(ctx, req.NamespacedName, c.Unstructured)
	if apierrors.IsNotFound(err) || err == nil && c.GetDeletionTimestamp() != nil {
		r.forget(req.NamespacedName)
		return reconcile.Result{}, nil // the garbage collector removes what it owns
	}
	if err != nil {
		return reconcile.Result{}, err
	}
	c.memory = r.remember(req.NamespacedName, c.GetUID())
	warnings, failed := r.step(ctx, c)
	seen, err := r.observe(ctx, c, failed)
	if err != nil {
		return reconcile.Result{}, err
	}
	var since time.Time
	var again time.Duration
	var idleErr error
	if failed == nil {
		since, again, idleErr = r.watchIdle(ctx, c)
	}
	again = sooner(again, r.explain(ctx, c, seen))
	err = r.report(ctx, c, seen, warnings, since)
	return r.result(failed, again, errors.Join(err, idleErr))
}

// step makes the objects be as the spec says.
func (r *reconciler) step(ctx context.Context, c *rayCluster) ([]string, error) {
	spec, _ := c.Object["spec"].(map[string]any)
	var err error
	if c.ray, c.options, err = deploy.SplitSpec(spec); err != nil {
		return nil, invalid(err)
	}
	classes, err := r.runtimeClasses(ctx)
	if err != nil {
		return c.memory.warnings, err
	}
	of := basis{c.GetGeneration(), strings.Join(classes, ",")}
	if c.memory.done == of && r.untouched(ctx, c) {
		return c.memory.warnings, nil
	}
	c.memory.done = basis{}
	objects, warnings, err := r.desired(ctx, c, classes)
	if err != nil {
		return nil, err
	}
	if err = r.apply(ctx, c, objects); err == nil {
		err = r.prune(ctx, c, objects)
	}
	if err == nil {
		c.memory.done, c.memory.warnings = of, warnings
	}
	return warnings, err
}

// result says when to look again.
func (r *reconciler) result(failed error, again time.Duration, err error) (reconcile.Result, error) {
	t := new(trouble)
	switch {
	case err != nil:
		return reconcile.Result{}, err
	case failed == nil:
		return reconcile.Result{RequeueAfter: again}, nil
	case errors.As(failed, &t) && t.reason == deploy.ReasonInvalidSpec:
		return reconcile.Result{}, nil
	case errors.As(failed, &t) && t.reason == deploy.ReasonNameTaken:
		return reconcile.Result{RequeueAfter: takenRetry}, nil
	}
	return reconcile.Result{}, failed
}

// remember is what is known of a RayCluster; one of the same name that is gone
// is forgotten.
func (r *reconciler) remember(name types.NamespacedName, uid types.UID) *memory {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.memories[name]
	if m == nil || m.uid != uid {
		m = &memory{uid: uid, applied: map[key]applied{}}
		r.memories[name] = m
	}
	return m
}

func (r *reconciler) forget(name types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.memories, name)
}
