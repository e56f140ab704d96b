package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/record"

	"github.com/rayburst/rayburst/scaler"
)

// ActorConfig is what an Actor works with; all is required.
type ActorConfig struct {
	Cluster *Cluster
	Client  kubernetes.Interface
	Events  record.EventRecorder
	// HeadStart says whether risen targets are written to their Deployments
	// here too. KEDA and HPA find what they would have set; with the scaler
	// gone everything still converges.
	HeadStart bool
	// Below is when HPA may have read last that a node type is to have fewer
	// workers than these.
	Below func(nodeType string, workers int) time.Time
	Now   func() time.Time
	Log   *slog.Logger
}

// Actor carries out the decisions of one cluster: it marks victims, deletes
// drained pods that are to be fresh again, gives targets a head start, and takes
// away the replica with which a new Deployment begins. The
// newest decision counts; what fails is tried again with the next.
type Actor struct {
	ActorConfig
	kick   chan struct{}
	recent map[types.UID]done
	took   atomic.Int64 // nanoseconds of the last write of replicas

	mu   sync.Mutex
	next *scaler.Decision
}

// NewActor does nothing until it runs.
func NewActor(c ActorConfig) *Actor {
	return &Actor{ActorConfig: c, kick: make(chan struct{}, 1), recent: map[types.UID]done{}}
}

// done is a write that the watch may not show yet.
type done struct {
	what string
	at   time.Time
}

// patience is for how long a write is not repeated that the watch does not show.
const patience = 3 * time.Second

// inFlight is for how long HPA may write what it has read. That of Kubernetes 1.37
// writes it over a head start that came between, since it repeats its write after
// a conflict (pkg/controller/podautoscaler/horizontal.go); from the read to the
// write it takes 0.02 s, and on a busy machine 0.1 to 0.4. So it is longer where the
// API server is slow: as long as so many of our own writes, up to maxInFlight. At
// zero replicas HPA sleeps, and KEDA's 0→1 takes less.
const (
	inFlight       = 300 * time.Millisecond
	inFlightWrites = 8
	maxInFlight    = time.Second
	maxAtZero      = 500 * time.Millisecond
)

// Apply hands a decision in; it returns at once.
func (a *Actor) Apply(d *scaler.Decision) {
	a.mu.Lock()
	a.next = d
	a.mu.Unlock()
	signal(a.kick)
}

// Run carries decisions out until the context ends; it returns nil then.
func (a *Actor) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-a.kick:
		}
		a.mu.Lock()
		d := a.next
		a.mu.Unlock()
		a.settle(ctx, d)
		if d.Unknown == "" {
			a.act(ctx, d)
		}
	}
}

// settle deals with the replicas that nobody asked for. Where the target is above
// zero now somebody does, and the pod is told; else it is taken away, so that no
// machine comes for it: also while the state is unknown, as before a new cluster's
// head is up.
func (a *Actor) settle(ctx context.Context, d *scaler.Decision) {
	for _, o := range a.Cluster.strays() {
		t, ok := d.Target(o.nodeType.Name)
		seen, _ := a.Cluster.ns.deployments.get(o.target)
		workers := a.Cluster.ns.workers(o.target)
		var err error
		switch {
		case !ok, !unasked(o, seen, workers): // not decided yet, or not any more
		case t.Workers > 0:
			err = a.adopt(ctx, workers)
		case a.HeadStart:
			err = a.write(ctx, seen.scale(o), 0)
		}
		if err != nil && ctx.Err() == nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
			a.Log.Warn("replica that nobody asked for not settled", "cluster", a.Cluster.Name, "deployment", o.target, "error", err)
		}
	}
}

func (a *Actor) adopt(ctx context.Context, workers map[string]*pod) (err error) {
	for _, p := range workers {
		a.once(p, "adopt", func() { err = errors.Join(err, a.patch(ctx, p, map[string]any{askedAnnotation: "true"})) })
	}
	return err
}

func (a *Actor) act(ctx context.Context, d *scaler.Decision) {
	a.forget()
	var wg sync.WaitGroup
	limit := make(chan struct{}, 64)
	do := func(f func() error) {
		limit <- struct{}{}
		wg.Go(func() {
			defer func() { <-limit }()
			if err := f(); err != nil && ctx.Err() == nil && !apierrors.IsNotFound(err) {
				a.Log.Warn("decision not carried out", "cluster", a.Cluster.Name, "error", err)
			}
		})
	}
	for _, t := range a.rising(d) {
		if wait := a.wait(t); wait > 0 {
			time.AfterFunc(wait, func() { signal(a.kick) })
			continue
		}
		do(func() error { return a.headStart(ctx, t) })
	}
	for name, p := range a.Cluster.pods() {
		if slices.Contains(d.Recycle, name) {
			a.once(p, "recycle", func() { do(func() error { return a.recycle(ctx, p) }) })
			continue
		}
		victim := slices.Contains(d.Victims, name)
		drained := victim && !slices.Contains(d.Withdraw, name)
		if p.marked != victim || p.drained != drained && drained {
			a.once(p, fmt.Sprint(victim, drained), func() { do(func() error { return a.mark(ctx, p, victim, drained) }) })
		}
	}
	wg.Wait()
}

// wait is for how long HPA, or at zero replicas KEDA, may still write what it was
// told before.
func (a *Actor) wait(t scaler.Target) time.Duration {
	limit := maxInFlight
	if t.Replicas == 0 {
		limit = maxAtZero
	}
	return min(max(inFlight, inFlightWrites*time.Duration(a.took.Load())), limit) - a.Now().Sub(a.Below(t.Type, t.Workers))
}

// once does something to a pod unless it was done a moment ago.
func (a *Actor) once(p *pod, what string, f func()) {
	if a.recent[p.uid].what != what {
		a.recent[p.uid] = done{what, a.Now()}
		f()
	}
}

func (a *Actor) forget() {
	for uid, d := range a.recent {
		if a.Now().Sub(d.at) > patience {
			delete(a.recent, uid)
		}
	}
}

// mark makes a pod the first of its ReplicaSet to go, or takes that back.
func (a *Actor) mark(ctx context.Context, p *pod, victim, drained bool) error {
	annotations := map[string]any{costAnnotation: nil}
	if victim {
		annotations[costAnnotation] = victimCost
	}
	if drained {
		annotations[drainedAnnotation] = "true"
	}
	return a.patch(ctx, p, annotations)
}

func (a *Actor) patch(ctx context.Context, p *pod, annotations map[string]any) error {
	body, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": p.uid, "annotations": annotations}})
	if err != nil {
		return err
	}
	_, err = a.Client.CoreV1().Pods(a.Cluster.Name.Namespace).Patch(ctx, p.name, types.MergePatchType, body, metav1.PatchOptions{})
	if err != nil {
		return fmt.Errorf("marking pod %s: %w", p.name, err)
	}
	return nil
}

// recycle deletes a drained pod; its ReplicaSet makes a fresh one.
func (a *Actor) recycle(ctx context.Context, p *pod) error {
	err := a.Client.CoreV1().Pods(a.Cluster.Name.Namespace).Delete(ctx, p.name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &p.uid}})
	if err != nil {
		return fmt.Errorf("recycling pod %s: %w", p.name, err)
	}
	return nil
}

// rising are the targets above what their Deployments ask for that are to be
// written here.
func (a *Actor) rising(d *scaler.Decision) []scaler.Target {
	var up []scaler.Target
	if !a.HeadStart {
		return nil
	}
	for _, t := range d.Targets {
		if t.Workers > t.Replicas {
			up = append(up, t)
		}
	}
	return up
}

// headStart writes a target sooner than KEDA and HPA do: only upward, and not for
// an object that is paused upward.
func (a *Actor) headStart(ctx context.Context, t scaler.Target) error {
	o, err := a.Cluster.object(t.Type)
	if err != nil || o.pausedOut {
		return err
	}
	seen, ok := a.Cluster.ns.deployments.get(o.target)
	if !ok || seen.replicas >= t.Workers {
		return nil
	}
	scale := seen.scale(o)
	wrote, err := a.raise(ctx, scale, t.Workers)
	if apierrors.IsConflict(err) { // the watch is late
		if scale, err = a.Client.AppsV1().Deployments(o.namespace).GetScale(ctx, o.target, metav1.GetOptions{}); err != nil {
			return fmt.Errorf("reading the scale of %s: %w", o.target, err)
		}
		wrote, err = a.raise(ctx, scale, t.Workers)
	}
	if err != nil {
		return fmt.Errorf("head start of %s: %w", o.target, err)
	}
	if !wrote {
		return nil
	}
	a.Events.Eventf(o.reference(), corev1.EventTypeNormal, "HeadStart", "%s to %d: %s", o.target, t.Workers, t.Detail)
	return nil
}

// raise writes replicas to a Deployment that is as scale says and has fewer.
func (a *Actor) raise(ctx context.Context, scale *autoscalingv1.Scale, replicas int) (wrote bool, err error) {
	if int(scale.Spec.Replicas) >= replicas {
		return false, nil
	}
	err = a.write(ctx, scale, replicas)
	return err == nil, err
}

// write sets the replicas of a Deployment if it is still as scale says.
func (a *Actor) write(ctx context.Context, scale *autoscalingv1.Scale, replicas int) error {
	scale.Spec = autoscalingv1.ScaleSpec{Replicas: int32(replicas)} //nolint:gosec // maxReplicaCount is an int32
	begin := a.Now()
	_, err := a.Client.AppsV1().Deployments(scale.Namespace).UpdateScale(ctx, scale.Name, scale, metav1.UpdateOptions{})
	a.took.Store(int64(a.Now().Sub(begin)))
	return err
}
