package kube

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/record"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/scaler"
)

// stage is a cluster with the type gpu, its Deployment at some replicas, and pods.
type stage struct {
	*Actor
	client *fake.Clientset
	now    time.Time
	read   time.Time // when HPA may have read fewer workers
}

func newStage(t *testing.T, headStart bool, replicas int32, pods ...*corev1.Pod) *stage {
	t.Helper()
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "train-gpu", Namespace: "ml", UID: "d"}, Spec: appsv1.DeploymentSpec{Replicas: &replicas},
	}
	set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Name: "train-gpu-1", Namespace: "ml", UID: "r", OwnerReferences: owned("Deployment", "train-gpu", "d")}}
	objects := []runtime.Object{deployment, set}
	ns := newNamespace("ml", func() {})
	for _, p := range pods {
		objects = append(objects, p)
		add(t, ns.pods.Add(p))
	}
	add(t, ns.deployments.Add(deployment))
	add(t, ns.sets.Add(set))
	o := readScaledObject(object(t, gpuObject), "rayburst")
	c := &Cluster{Name: demand.Cluster{Namespace: "ml", Name: "train"}, ns: ns, changed: make(chan struct{}, 1), types: []*scaledObject{o}}
	s := &stage{client: fake.NewClientset(objects...), now: time.Unix(1_800_000_000, 0)}
	s.client.PrependReactor("*", "deployments", func(a clienttesting.Action) (bool, runtime.Object, error) {
		return a.GetSubresource() == "scale", &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: replicas}}, nil
	})
	s.Actor = NewActor(ActorConfig{
		Cluster: c, Client: s.client, Events: record.NewFakeRecorder(9), HeadStart: headStart, Below: func(string, int) time.Time { return s.read }, Now: func() time.Time { return s.now }, Log: slog.New(slog.DiscardHandler),
	})
	return s
}

func add(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func owned(kind, name string, uid types.UID) []metav1.OwnerReference {
	return []metav1.OwnerReference{{Kind: kind, Name: name, UID: uid, Controller: new(true)}}
}

func newPod(name string, annotations map[string]string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: name, Namespace: "ml", UID: types.UID("uid-" + name), OwnerReferences: owned("ReplicaSet", "train-gpu-1", "r"), Annotations: annotations,
	}}
}

// writes are what was written, sorted.
func (s *stage) writes() []string {
	var out []string
	for _, a := range s.client.Actions() {
		switch a := a.(type) {
		case clienttesting.PatchAction:
			out = append(out, "patch "+a.GetName()+" "+string(a.GetPatch()))
		case clienttesting.DeleteAction:
			out = append(out, "delete "+a.GetName())
		case clienttesting.UpdateAction:
			out = append(out, "update "+a.GetResource().Resource+"/"+a.GetSubresource())
		}
	}
	slices.Sort(out)
	s.client.ClearActions()
	return out
}

// TestActorMarks: drained victims get the cost and the mark, withdrawn ones the
// cost only; what is no victim any more loses it; what is right is left alone.
func TestActorMarks(t *testing.T) {
	s := newStage(t, false, 5,
		newPod("busy", nil), newPod("drained", nil), newPod("withdrawn", nil),
		newPod("back", map[string]string{costAnnotation: victimCost}),
		newPod("marked", map[string]string{costAnnotation: victimCost, drainedAnnotation: "true"}))
	d := &scaler.Decision{Victims: []string{"drained", "marked", "withdrawn"}, Withdraw: []string{"withdrawn"}}
	s.act(t.Context(), d)
	want := []string{
		`patch back {"metadata":{"annotations":{"controller.kubernetes.io/pod-deletion-cost":null},"uid":"uid-back"}}`,
		`patch drained {"metadata":{"annotations":{"controller.kubernetes.io/pod-deletion-cost":"-1000","rayburst.io/drained":"true"},"uid":"uid-drained"}}`,
		`patch withdrawn {"metadata":{"annotations":{"controller.kubernetes.io/pod-deletion-cost":"-1000"},"uid":"uid-withdrawn"}}`,
	}
	if diff := cmp.Diff(want, s.writes()); diff != "" {
		t.Error(diff)
	}
	s.act(t.Context(), d) // the watch has not shown it yet
	if got := s.writes(); len(got) != 0 {
		t.Errorf("written twice: %v", got)
	}
	s.now = s.now.Add(patience + time.Second)
	s.act(t.Context(), d)
	if got := s.writes(); len(got) != 3 {
		t.Errorf("not written again: %v", got)
	}
}

// TestActorRecycles: a drained pod whose type is needed again is deleted, that
// very one.
func TestActorRecycles(t *testing.T) {
	s := newStage(t, false, 2, newPod("busy", nil), newPod("drained", map[string]string{costAnnotation: victimCost, drainedAnnotation: "true"}))
	s.act(t.Context(), &scaler.Decision{Recycle: []string{"drained"}})
	if diff := cmp.Diff([]string{"delete drained"}, s.writes()); diff != "" {
		t.Error(diff)
	}
}

// TestActorHeadStart: a target is written upward only, by whom and when it was
// asked for, and never for a paused object.
func TestActorHeadStart(t *testing.T) {
	target := func(workers, replicas int) *scaler.Decision {
		return &scaler.Decision{Targets: []scaler.Target{{Type: "gpu", Workers: workers, Replicas: replicas}}}
	}
	for name, tt := range map[string]struct {
		start   bool
		paused  bool
		workers int
		want    bool
	}{
		"up":            {true, false, 5, true},
		"off":           {false, false, 5, false},
		"paused":        {true, true, 5, false},
		"right already": {true, false, 3, false},
		"down":          {true, false, 2, false},
	} {
		s := newStage(t, tt.start, 3)
		s.Cluster.types[0].pausedOut = tt.paused
		s.act(t.Context(), target(tt.workers, 3))
		wrote := slices.Contains(s.writes(), "update deployments/scale")
		if wrote != tt.want {
			t.Errorf("%s: written %v, want %v", name, wrote, tt.want)
		}
	}
}

// TestUnasked: the replica of a new Deployment for which nobody asked does not
// count and is taken away, while the state is unknown too, unless Ray has begun
// in it, or it is not ours to lower; where one is wanted it becomes that one.
func TestUnasked(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(s *stage, d *appsv1.Deployment, o *scaledObject)
		target int
		counts bool // in the world
		writes string
	}{
		"new":               {func(*stage, *appsv1.Deployment, *scaledObject) {}, 0, false, "update deployments/scale"},
		"wanted":            {func(*stage, *appsv1.Deployment, *scaledObject) {}, 1, false, `patch one {"metadata":{"annotations":{"rayburst.io/asked":"true"},"uid":"uid-one"}}`},
		"somebody asked":    {func(_ *stage, d *appsv1.Deployment, _ *scaledObject) { d.Generation = 2 }, 0, true, ""},
		"its manifest says": {func(_ *stage, d *appsv1.Deployment, _ *scaledObject) { d.Spec.Replicas = new(int32(3)) }, 0, true, ""},
		"minimum":           {func(_ *stage, _ *appsv1.Deployment, o *scaledObject) { o.nodeType.MinWorkers = 1 }, 0, true, ""},
		"paused":            {func(_ *stage, _ *appsv1.Deployment, o *scaledObject) { o.pausedIn = true }, 0, true, ""},
		"Ray has begun": {func(s *stage, _ *appsv1.Deployment, _ *scaledObject) {
			_ = s.Cluster.ns.pods.Update(running(newPod("one", nil)))
		}, 0, true, ""},
		"was wanted": {func(s *stage, _ *appsv1.Deployment, _ *scaledObject) {
			_ = s.Cluster.ns.pods.Update(newPod("one", map[string]string{askedAnnotation: "true"}))
		}, 0, true, ""},
		"no head start": {func(s *stage, _ *appsv1.Deployment, _ *scaledObject) { s.HeadStart = false }, 0, false, ""},
	} {
		s := newStage(t, true, 1, newPod("one", nil))
		d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "train-gpu", Namespace: "ml", Generation: 1}, Spec: appsv1.DeploymentSpec{Replicas: new(int32(1))}}
		s.Cluster.types[0].nodeType.MinWorkers = 0
		tt.change(s, d, s.Cluster.types[0])
		add(t, s.Cluster.ns.deployments.Update(d))
		if w := s.Cluster.World(); (w.Types[0].Replicas > 0 && len(w.Workers) > 0) != tt.counts {
			t.Errorf("%s: the world has %d replicas and %d workers", name, w.Types[0].Replicas, len(w.Workers))
		}
		s.settle(t.Context(), &scaler.Decision{Unknown: "no head", Targets: []scaler.Target{{Type: "gpu", Workers: tt.target}}})
		if got := strings.Join(s.writes(), " "); got != tt.writes {
			t.Errorf("%s: written %q, want %q", name, got, tt.writes)
		}
	}
}

// running is a pod whose Ray container was started in November 2023.
func running(p *corev1.Pod) *corev1.Pod {
	p.Status.ContainerStatuses = []corev1.ContainerStatus{
		{Name: RayContainer, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Unix(1_700_000_000, 0)}}},
	}
	return p
}

// TestActorHeadStartLate: where the watch is late the Deployment is read again,
// and not lowered.
func TestActorHeadStartLate(t *testing.T) {
	for now, want := range map[int32][]int32{4: {5, 5}, 7: {5}} {
		s := newStage(t, true, 3)
		var asked []int32
		s.client.PrependReactor("*", "deployments", func(a clienttesting.Action) (bool, runtime.Object, error) {
			if a.GetSubresource() != "scale" {
				return false, nil, nil
			}
			update, ok := a.(clienttesting.UpdateAction)
			if !ok {
				return true, &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: "train-gpu", Namespace: "ml"}, Spec: autoscalingv1.ScaleSpec{Replicas: now}}, nil
			}
			asked = append(asked, update.GetObject().(*autoscalingv1.Scale).Spec.Replicas)
			if len(asked) == 1 {
				return true, nil, apierrors.NewConflict(schema.GroupResource{Resource: "deployments"}, "train-gpu", errors.New("changed"))
			}
			return true, update.GetObject(), nil
		})
		s.act(t.Context(), &scaler.Decision{Targets: []scaler.Target{{Type: "gpu", Workers: 5, Replicas: 3}}})
		if diff := cmp.Diff(want, asked); diff != "" {
			t.Errorf("at %d: %s", now, diff)
		}
	}
}

// TestActorWaitsForHPA: while HPA may write what it has just read nobody writes
// before it, and then the newest decision is carried out.
func TestActorWaitsForHPA(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, true, 3)
		d := &scaler.Decision{Targets: []scaler.Target{{Type: "gpu", Workers: 5, Replicas: 3}}}
		s.read = s.now.Add(-inFlight / 3)
		s.act(t.Context(), d)
		if got := s.writes(); len(got) != 0 {
			t.Errorf("written before HPA: %v", got)
		}
		time.Sleep(inFlight)
		select {
		case <-s.kick:
		default:
			t.Fatal("nothing wakes the actor")
		}
		s.now = s.now.Add(inFlight)
		if s.act(t.Context(), d); !slices.Contains(s.writes(), "update deployments/scale") {
			t.Error("not written")
		}
	})
}

// TestActorWaitsLonger: where the API server is slow HPA is too.
func TestActorWaitsLonger(t *testing.T) {
	for _, c := range []struct {
		took     time.Duration
		replicas int
		want     time.Duration
	}{
		{5 * time.Millisecond, 4, inFlight}, {50 * time.Millisecond, 4, 400 * time.Millisecond}, {5 * time.Second, 4, maxInFlight},
		{50 * time.Millisecond, 0, 400 * time.Millisecond}, {5 * time.Second, 0, maxAtZero},
	} {
		s := newStage(t, true, 3)
		s.client.PrependReactor("update", "deployments", func(clienttesting.Action) (bool, runtime.Object, error) {
			s.now = s.now.Add(c.took)
			return false, nil, nil
		})
		s.act(t.Context(), &scaler.Decision{Targets: []scaler.Target{{Type: "gpu", Workers: 4, Replicas: 3}}})
		s.read = s.now
		if got := s.wait(scaler.Target{Type: "gpu", Workers: 5, Replicas: c.replicas}); got != c.want {
			t.Errorf("at %d replicas, after a write of %v, it waits for %v, want %v", c.replicas, c.took, got, c.want)
		}
	}
}

// TestActorHoldsUnknown: what is not known changes nothing.
func TestActorHoldsUnknown(t *testing.T) {
	s := newStage(t, true, 1, newPod("busy", nil))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(t.Context()) }()
	s.Apply(&scaler.Decision{Unknown: "the head has not reported yet", Victims: []string{"busy"}, Targets: []scaler.Target{{Type: "gpu", Workers: 9}}})
	time.Sleep(50 * time.Millisecond)
	if got := s.writes(); len(got) != 0 {
		t.Errorf("written: %v", got)
	}
}

// TestWorld: workers are the pods of the type's Deployment that stay, by name.
func TestWorld(t *testing.T) {
	gone, failed, other := newPod("gone", nil), newPod("failed", nil), newPod("other", nil)
	gone.DeletionTimestamp = new(metav1.Now())
	gone.Finalizers = []string{"x"}
	failed.Status.Phase = corev1.PodFailed
	other.OwnerReferences = owned("ReplicaSet", "other", "o")
	pending := newPod("b-pending", nil)
	pending.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/1 nodes are available"}}
	drained := running(newPod("a-drained", map[string]string{drainedAnnotation: "true", costAnnotation: victimCost}))
	s := newStage(t, false, 4, gone, failed, other, pending, drained)
	w := s.Cluster.World()
	want := []scaler.Worker{
		{Name: "a-drained", Type: "gpu", Started: true, StartedAt: time.Unix(1_700_000_000, 0), Drained: true, Marked: true},
		{Name: "b-pending", Type: "gpu", Trouble: "0/1 nodes are available"},
	}
	if diff := cmp.Diff(want, w.Workers); diff != "" {
		t.Error(diff)
	}
	if len(w.Types) != 1 || w.Types[0].Replicas != 4 || w.Settings.MaxWorkers != 9 || w.Settings.RemovalSettle != removalSettle {
		t.Errorf("got %+v, %+v", w.Types, w.Settings)
	}
}

// TestTrouble says why a pod does not start.
func TestTrouble(t *testing.T) {
	p := newPod("x", nil)
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: RayContainer, RestartCount: 4, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: strings.Repeat("x", 999)}},
	}}
	got := readPod(p)
	if !strings.HasPrefix(got.trouble, "ray: ImagePullBackOff xxx") || len(got.trouble) != 200 || got.failures != 4 {
		t.Errorf("got %+v", got)
	}
}
