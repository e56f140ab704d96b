package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/yaml"

	"github.com/rayburst/rayburst/deploy"
	"github.com/rayburst/rayburst/deploy/helm"
	"github.com/rayburst/rayburst/scaler"
)

// world is an API server in memory, with one operator. What it shows faithfully
// is server-side apply with its owners of fields; not garbage collection, and
// neither defaults nor validation.
type world struct {
	t        *testing.T
	client   client.Client
	r        *reconciler
	events   *events.FakeRecorder
	now      time.Time
	decision *scaler.Decision // made now
	writes   []string         // apply, delete and patch calls, in order
	refuse   string           // an object whose apply fails
}

var (
	name       = types.NamespacedName{Namespace: "ml", Name: "train"}
	errRefused = errors.New("admission says no")
)

const twoTypes = `{"headNodeType": "head", "availableNodeTypes": {"head": {"resources": {"CPU": 1}},
	"cpu_4": {"resources": {"CPU": 4}, "maxWorkers": 3}, "gpu": {"resources": {"CPU": 1, "GPU": 1}, "maxWorkers": 2}}}`

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, events: events.NewFakeRecorder(100), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []schema.GroupVersionKind{rayClusterKind, scaledObjectKind} {
		scheme.AddKnownTypeWithName(kind, &unstructured.Unstructured{})
		scheme.AddKnownTypeWithName(kind.GroupVersion().WithKind(kind.Kind+"List"), &unstructured.UnstructuredList{})
	}
	w.client = fake.NewClientBuilder().WithScheme(scheme).WithReturnManagedFields().WithStatusSubresource(emptyOf(rayClusterKind)).
		WithInterceptorFuncs(w.watch()).Build()
	w.r = newReconciler(parts{
		Client: w.client, Live: w.client, Events: w.events, Kubernetes: "1.37.0", Render: render, Now: func() time.Time { return w.now },
		Decision: func(context.Context, string, string) (*scaler.Decision, error) {
			if w.decision != nil {
				w.decision.At = w.now
			}
			return w.decision, nil
		},
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	return w
}

func render(r Release) (string, error) {
	return helm.Render(helm.Release{Name: r.Name, Namespace: r.Namespace, Kubernetes: r.Kubernetes, Lookup: r.Lookup}, r.Values)
}

// watch notes what the operator writes.
func (w *world) watch() interceptor.Funcs {
	return interceptor.Funcs{
		Apply: func(ctx context.Context, c client.WithWatch, o runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			b, err := json.Marshal(o)
			if err != nil {
				return err
			}
			var u unstructured.Unstructured
			if err := json.Unmarshal(b, &u.Object); err != nil {
				return err
			}
			if w.refuse == keyOf(&u).String() {
				return errRefused
			}
			w.writes = append(w.writes, "apply "+keyOf(&u).String())
			return c.Apply(ctx, o, opts...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			w.writes = append(w.writes, "delete "+keyOf(o).String())
			return c.Delete(ctx, o, opts...)
		},
	}
}

// create makes the RayCluster.
func (w *world) create(spec string) {
	w.t.Helper()
	o := emptyOf(rayClusterKind).(*unstructured.Unstructured)
	o.SetName(name.Name)
	o.SetNamespace(name.Namespace)
	o.SetUID("uid-1")
	o.SetGeneration(1)
	o.Object["spec"] = parse(w.t, spec)
	w.must(w.client.Create(w.t.Context(), o))
}

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON([]byte(`{"apiVersion": "v1", "kind": "x", "spec": ` + text + `}`)); err != nil {
		t.Fatal(err)
	}
	return u.Object["spec"].(map[string]any)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// edit changes the spec as a user does.
func (w *world) edit(change func(spec map[string]any)) {
	w.t.Helper()
	o := w.cluster()
	change(o.Object["spec"].(map[string]any))
	o.SetGeneration(o.GetGeneration() + 1)
	w.must(w.client.Update(w.t.Context(), o))
}

func (w *world) cluster() *unstructured.Unstructured {
	return w.get(rayClusterKind, name.Name)
}

func (w *world) get(kind schema.GroupVersionKind, object string) *unstructured.Unstructured {
	w.t.Helper()
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(kind)
	w.must(w.client.Get(w.t.Context(), types.NamespacedName{Namespace: name.Namespace, Name: object}, o))
	return o
}

func (w *world) gone(kind schema.GroupVersionKind, object string) bool {
	w.t.Helper()
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(kind)
	return apierrors.IsNotFound(w.client.Get(w.t.Context(), types.NamespacedName{Namespace: name.Namespace, Name: object}, o))
}

// reconcile is one step; what it wrote is returned.
func (w *world) reconcile() []string {
	w.t.Helper()
	_, err := w.try()
	w.must(err)
	return w.writes
}

func (w *world) try() (reconcile.Result, error) {
	w.writes = nil
	return w.r.Reconcile(w.t.Context(), reconcile.Request{NamespacedName: name})
}

// conditions are reasons, + for true ones.
func (w *world) conditions() string {
	w.t.Helper()
	list, _, err := unstructured.NestedSlice(w.cluster().Object, "status", "conditions")
	w.must(err)
	var out []string
	for _, item := range list {
		c := item.(map[string]any)
		reason := c["reason"].(string)
		if c["status"] == "True" {
			reason = "+" + reason
		}
		out = append(out, reason)
	}
	return strings.Join(out, " ")
}

func (w *world) message(condition string) string {
	list, _, _ := unstructured.NestedSlice(w.cluster().Object, "status", "conditions")
	for _, item := range list {
		if c := item.(map[string]any); c["type"] == condition {
			return c["message"].(string)
		}
	}
	return ""
}

// said are the events since the last call.
func (w *world) said() []string {
	var out []string
	for {
		select {
		case e := <-w.events.Events:
			out = append(out, e)
		default:
			return out
		}
	}
}

// runs makes a Deployment's pods be so many, as its controller does.
func (w *world) runs(object string, replicas, ready int64) {
	w.t.Helper()
	d := w.get(deploymentKind, object)
	w.must(unstructured.SetNestedField(d.Object, map[string]any{"replicas": replicas, "readyReplicas": ready}, "status"))
	w.must(w.client.Status().Update(w.t.Context(), d))
}

func expect(t *testing.T, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestLife: a RayCluster is applied once, its state told, an edit applies what it
// changes and deletes what it drops.
func TestLife(t *testing.T) {
	w := newWorld(t)
	w.create(twoTypes)
	expect(t, []string{
		"apply Secret train-auth", "apply Service train-head", "apply Deployment train-head", "apply Deployment train-cpu-4", "apply Deployment train-gpu",
		"apply ScaledObject train-cpu-4", "apply ScaledObject train-gpu",
	}, w.reconcile())
	expect(t, "+Applied HeadNotReady Running", w.conditions())
	expect(t, []string{"Normal Applied all objects are as the spec says", "Normal HeadNotReady the head's pod is not ready"}, w.said())
	w.r.Render = func(Release) (string, error) { t.Error("rendered, and nothing has changed"); return "", nil }
	expect(t, []string(nil), w.reconcile())
	expect(t, []string(nil), w.said())

	w.runs("train-head", 1, 1)
	w.runs("train-gpu", 2, 1)
	expect(t, []string(nil), w.reconcile())
	w.r.Render = render
	expect(t, "+Applied +Ready Running", w.conditions())
	status := w.cluster().Object["status"].(map[string]any)
	expect(t, map[string]any{"ready": true, "service": "train-head"}, status["head"].(map[string]any))
	expect(t, []any{
		map[string]any{"name": "cpu-4", "desired": int64(0), "ready": int64(0), "max": int64(3)},
		map[string]any{"name": "gpu", "desired": int64(0), "ready": int64(1), "max": int64(2)},
	}, status["nodeTypes"].([]any))

	token := w.get(corev1.SchemeGroupVersion.WithKind("Secret"), "train-auth").Object["data"]
	w.edit(func(spec map[string]any) {
		delete(spec["availableNodeTypes"].(map[string]any), "gpu")
		spec["upscalingSpeed"] = int64(3)
	})
	expect(t, []string{"apply ScaledObject train-cpu-4", "delete Deployment train-gpu", "delete ScaledObject train-gpu"}, w.reconcile())
	expect(t, token, w.get(corev1.SchemeGroupVersion.WithKind("Secret"), "train-auth").Object["data"])
	expect(t, int64(2), w.cluster().Object["status"].(map[string]any)["observedGeneration"].(int64))
	for _, o := range []string{"train-head", "train-cpu-4"} {
		owner := metav1.GetControllerOf(w.get(deploymentKind, o))
		if owner == nil || owner.Kind != "RayCluster" || owner.UID != "uid-1" || owner.APIVersion != "rayburst.io/v1alpha1" {
			t.Errorf("%s is of %v", o, owner)
		}
	}
}

// TestReasons: while workers are on their way, the status has the scaler's reason,
// and is looked after again.
func TestReasons(t *testing.T) {
	w := newWorld(t)
	w.create(twoTypes)
	w.reconcile()
	w.decision = &scaler.Decision{Targets: []scaler.Target{{Type: "gpu", Reason: scaler.ReasonBackOff, Detail: "no GPU is left"}}}
	w.runs("train-gpu", 2, 1)
	if got, err := w.try(); err != nil || got.RequeueAfter != explainPoll {
		t.Errorf("%v, %v", got, err)
	}
	status := w.cluster().Object["status"].(map[string]any)
	expect(t, []any{
		map[string]any{"name": "cpu-4", "desired": int64(0), "ready": int64(0), "max": int64(3)},
		map[string]any{"name": "gpu", "desired": int64(0), "ready": int64(1), "max": int64(2), "reason": "BackOff", "message": "no GPU is left"},
	}, status["nodeTypes"].([]any))
	w.runs("train-gpu", 0, 0)
	if got, err := w.try(); err != nil || got.RequeueAfter != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

// TestDrift: what others change of what was applied comes back; what nobody
// applied stays: replicas of workers, and annotations of others.
func TestDrift(t *testing.T) {
	w := newWorld(t)
	w.create(twoTypes)
	w.reconcile()
	d := w.get(deploymentKind, "train-gpu")
	w.must(unstructured.SetNestedField(d.Object, int64(2), "spec", "replicas"))
	d.SetAnnotations(map[string]string{"somebody": "was here"})
	w.must(w.client.Update(t.Context(), d, client.FieldOwner("keda")))
	expect(t, []string(nil), w.reconcile())

	d = w.get(deploymentKind, "train-gpu")
	w.must(unstructured.SetNestedField(d.Object, int64(7), "spec", "template", "spec", "terminationGracePeriodSeconds"))
	w.must(w.client.Update(t.Context(), d, client.FieldOwner("kubectl-edit")))
	expect(t, []string{"apply Deployment train-gpu"}, w.reconcile())
	d = w.get(deploymentKind, "train-gpu")
	expect(t, 120, count(*d, "spec", "template", "spec", "terminationGracePeriodSeconds"))
	expect(t, 2, count(*d, "spec", "replicas"))
	expect(t, "was here", d.GetAnnotations()["somebody"])

	service := w.get(corev1.SchemeGroupVersion.WithKind("Service"), "train-head")
	service.SetLabels(nil)
	w.must(w.client.Update(t.Context(), service, client.FieldOwner("kubectl-edit")))
	w.must(w.client.Delete(t.Context(), w.get(scaledObjectKind, "train-gpu")))
	expect(t, []string{"apply Service train-head", "apply ScaledObject train-gpu"}, w.reconcile())
	if w.gone(scaledObjectKind, "train-gpu") || w.get(corev1.SchemeGroupVersion.WithKind("Service"), "train-head").GetLabels()[clusterLabel] != "train" {
		t.Error("did not come back")
	}
	expect(t, []string(nil), w.reconcile())
}

// TestPruneUnseen: what the cache does not have goes all the same.
func TestPruneUnseen(t *testing.T) {
	w := newWorld(t)
	w.create(twoTypes)
	w.reconcile()
	d := w.get(deploymentKind, "train-gpu")
	d.SetLabels(nil)
	w.must(w.client.Update(t.Context(), d, client.FieldOwner("kubectl-edit")))
	w.edit(func(spec map[string]any) { delete(spec["availableNodeTypes"].(map[string]any), "gpu") })
	expect(t, []string{"apply ScaledObject train-cpu-4", "delete ScaledObject train-gpu", "delete Deployment train-gpu"}, w.reconcile())
	expect(t, []string(nil), w.reconcile())
}

// TestInvalid: a wrong spec is told by key, rule and value, changes nothing, and
// is not tried again.
func TestInvalid(t *testing.T) {
	w := newWorld(t)
	w.create(twoTypes)
	w.reconcile()
	for spec, want := range map[string]string{
		`{"maxWorkers": -1}`: `spec.maxWorkers: must be a whole number within 0…50000 (got "-1")`,
		`{"suspend": 1}`:     `spec.suspend: must be true or false (got 1)`,
		`{"availableNodeTypes": {"a-b": {}, "a_b": {}, "h": {}}, "headNodeType": "h"}`: `spec.availableNodeTypes.a_b: must not have the name of another type in Kubernetes (got "a-b")`,
		`{"docker": {"image": "i", "runOptions": ["--env-file=x"]}}`:                   `bad cluster YAML: the head: --env-file: must be a file that can be read (got "x")`,
		`{"values": {"preemptSeconds": 500}}`:                                          `terminationGracePeriodSeconds: must be above preemptSeconds (500): got 120`,
		`{"values": {"shmsize": 1}}`:                                                   `shmsize`,
	} {
		w.edit(func(old map[string]any) {
			clear(old)
			for k, v := range parse(t, spec) {
				old[k] = v
			}
		})
		again, err := w.try()
		if err != nil || again != (reconcile.Result{}) || len(w.writes) > 0 {
			t.Errorf("%s: %v, %v, %v", spec, again, err, w.writes)
		}
		expect(t, "InvalidSpec HeadNotReady Running", w.conditions())
		if got := w.message("Applied"); !strings.Contains(got, want) {
			t.Errorf("%s: said %s", spec, got)
		}
	}
}

// TestNameTaken: objects of others are neither changed nor owned.
func TestNameTaken(t *testing.T) {
	w := newWorld(t)
	w.create(twoTypes)
	other := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "ml", Name: "train-head", Labels: map[string]string{clusterLabel: "train"}}}
	w.must(w.client.Create(t.Context(), other))
	again, err := w.try()
	if err != nil || again.RequeueAfter != takenRetry {
		t.Error(again, err)
	}
	expect(t, []string{"apply Secret train-auth"}, w.writes)
	expect(t, "NameTaken NotApplied Running", w.conditions())
	expect(t, "Service train-head: must not exist, or be of this RayCluster (got one without an owner)", w.message("Applied"))
	w.must(w.client.Delete(t.Context(), other))
	w.reconcile()
	expect(t, "+Applied HeadNotReady Running", w.conditions())
}

// TestRefused: what the API server refuses is told, and tried again.
func TestRefused(t *testing.T) {
	w := newWorld(t)
	w.create(twoTypes)
	w.refuse = "Deployment train-head"
	if _, err := w.try(); !errors.Is(err, errRefused) {
		t.Error(err)
	}
	expect(t, "ApplyFailed NotApplied Running", w.conditions())
	expect(t, "applying Deployment train-head: admission says no", w.message("Applied"))
	if said := w.said(); len(said) != 2 || !strings.HasPrefix(said[0], "Warning ApplyFailed") {
		t.Error(said)
	}
	w.refuse = ""
	w.reconcile()
	expect(t, "+Applied HeadNotReady Running", w.conditions())
}

// TestSuspend: the head goes, every type is paused at 0, and all comes back.
func TestSuspend(t *testing.T) {
	w := newWorld(t)
	w.create(twoTypes)
	w.reconcile()
	w.runs("train-head", 1, 1)
	w.edit(func(spec map[string]any) { spec["suspend"] = true })
	expect(t, []string{"apply Deployment train-head", "apply ScaledObject train-cpu-4", "apply ScaledObject train-gpu"}, w.reconcile())
	expect(t, "+Applied Suspended Suspending", w.conditions())
	expect(t, "0", w.get(scaledObjectKind, "train-gpu").GetAnnotations()["autoscaling.keda.sh/paused-replicas"])
	w.runs("train-head", 0, 0)
	w.reconcile()
	expect(t, "+Applied Suspended +Suspended", w.conditions())
	w.edit(func(spec map[string]any) { delete(spec, "suspend") })
	w.reconcile()
	expect(t, "+Applied HeadNotReady Running", w.conditions())
	if _, paused := w.get(scaledObjectKind, "train-gpu").GetAnnotations()["autoscaling.keda.sh/paused-replicas"]; paused || count(*w.get(deploymentKind, "train-head"), "spec", "replicas") != 1 {
		t.Error("is still suspended")
	}
}

// TestIdleTermination: after the time spec.suspend is set, and the user's false
// begins anew.
func TestIdleTermination(t *testing.T) {
	w := newWorld(t)
	w.create(strings.Replace(twoTypes, "{", `{"idleTerminationMinutes": 1, `, 1))
	idle := &scaler.Decision{Nodes: scaler.Now([]scaler.NodeView{{Name: "head", Head: true, State: scaler.StateIdle}})}
	busy := &scaler.Decision{Targets: []scaler.Target{{Type: "gpu", Workers: 1}}}
	step := func(after time.Duration, d *scaler.Decision, again time.Duration) {
		t.Helper()
		w.now, w.decision = w.now.Add(after), d
		got, err := w.try()
		if err != nil || got.RequeueAfter != again {
			t.Errorf("%v, %v", got, err)
		}
	}
	step(0, idle, 30*time.Second)
	if _, ok := w.cluster().Object["status"].(map[string]any)["idleSince"]; !ok {
		t.Error("idleSince is not told")
	}
	step(50*time.Second, busy, 30*time.Second)
	step(time.Second, idle, 30*time.Second)
	step(50*time.Second, idle, 10*time.Second)
	step(10*time.Second, idle, 0)
	if w.cluster().Object["spec"].(map[string]any)["suspend"] != true || w.cluster().GetAnnotations()[idleAnnotation] != "2026-01-01T00:00:51Z" {
		t.Errorf("%v", w.cluster().Object)
	}
	step(0, idle, 0)
	expect(t, "+Applied Suspended +SuspendedAsIdle", w.conditions())
	w.edit(func(spec map[string]any) { spec["suspend"] = false })
	step(time.Hour, nil, 30*time.Second)
	expect(t, "", w.cluster().GetAnnotations()[idleAnnotation])
	expect(t, "+Applied HeadNotReady Running", w.conditions())
}

// TestValues: those of all clusters count where a spec says nothing, and its own
// over what is made of it.
func TestValues(t *testing.T) {
	w := newWorld(t)
	w.r.Values = map[string]any{"rayburst": map[string]any{"release": "rb", "tls": false}, "maxWorkers": int64(9), "shmSize": "1Gi"}
	w.create(strings.Replace(twoTypes, "{", `{"maxWorkers": 4, "values": {"shmSize": "3Gi", "workers": {"gpu": {"replicas": 1}}}, `, 1))
	w.reconcile()
	trigger, _, _ := unstructured.NestedSlice(w.get(scaledObjectKind, "train-gpu").Object, "spec", "triggers")
	metadata := trigger[0].(map[string]any)["metadata"].(map[string]any)
	expect(t, "rb.keda.svc:9090 4", fmt.Sprint(metadata["scalerAddress"], " ", metadata["clusterMaxWorkers"]))
	expect(t, "1", w.get(scaledObjectKind, "train-gpu").GetAnnotations()["autoscaling.keda.sh/paused-replicas"])
	raw, err := json.Marshal(w.get(deploymentKind, "train-head"))
	if err != nil || !strings.Contains(string(raw), `"sizeLimit":"3Gi"`) {
		t.Errorf("%v %s", err, raw)
	}
}

// TestRuntimeClass: GPU workers run by the RuntimeClass nvidia where there is one.
func TestRuntimeClass(t *testing.T) {
	w := newWorld(t)
	w.must(w.client.Create(t.Context(), &nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: "nvidia"}, Handler: "nvidia"}))
	w.create(twoTypes)
	w.reconcile()
	w.must(w.client.Create(t.Context(), &nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: "gvisor"}, Handler: "runsc"}))
	expect(t, []string(nil), w.reconcile())
	class, _, _ := unstructured.NestedString(w.get(deploymentKind, "train-gpu").Object, "spec", "template", "spec", "runtimeClassName")
	expect(t, "nvidia", class)
}

// TestSameObjects: for every YAML of examples/ray the operator makes the objects
// that rayburst up makes, and owns them.
func TestSameObjects(t *testing.T) {
	files, err := filepath.Glob("../../examples/ray/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want, err := upObjects(b)
			if err != nil {
				t.Fatal(err)
			}
			got, err := operatorObjects(t, b)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" || len(got) < 3 {
				t.Error(d)
			}
		})
	}
}

// upObjects are the objects of rayburst up, with the token as every test has it.
func upObjects(b []byte) ([]map[string]any, error) {
	c, err := deploy.ParseCluster(b)
	if err != nil {
		return nil, err
	}
	values, err := c.Values(deploy.Surroundings{})
	if err != nil {
		return nil, err
	}
	text, err := helm.Render(helm.Release{Name: c.Release(), Namespace: "ml"}, values)
	if err != nil {
		return nil, err
	}
	objects, err := split(text)
	return masked(objects), err
}

// operatorObjects are those of the RayCluster that the YAML becomes.
func operatorObjects(t *testing.T, b []byte) ([]map[string]any, error) {
	t.Helper()
	clusterName, spec, err := deploy.CamelSpec(b)
	if err != nil {
		return nil, err
	}
	w := newWorld(t)
	w.r.Kubernetes = ""
	c := &rayCluster{Unstructured: emptyOf(rayClusterKind).(*unstructured.Unstructured), ray: spec}
	c.SetName(clusterName)
	c.SetNamespace("ml")
	c.SetUID("uid-1")
	objects, _, err := w.r.desired(t.Context(), c, nil)
	for _, o := range objects {
		if !metav1.IsControlledBy(o, c) || o.GetNamespace() != "ml" {
			t.Errorf("%s is not owned", keyOf(o))
		}
		o.SetOwnerReferences(nil)
		o.SetNamespace("")
	}
	return masked(objects), err
}

func masked(objects []*unstructured.Unstructured) []map[string]any {
	var out []map[string]any
	for _, o := range objects {
		if o.GetKind() == "Secret" {
			o.Object["data"] = "masked"
		}
		if !slices.Contains(ownedKinds, o.GroupVersionKind()) {
			o.Object["kind"] = fmt.Sprintf("%s, which nobody watches", o.GetKind())
		}
		out = append(out, o.Object)
	}
	return out
}

// TestExample: the example is a cluster.
func TestExample(t *testing.T) {
	files, err := filepath.Glob("../../examples/operator/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var o unstructured.Unstructured
		if err := yaml.UnmarshalStrict(b, &o.Object); err != nil {
			t.Fatal(err)
		}
		w := newWorld(t)
		spec, err := json.Marshal(o.Object["spec"])
		w.must(err)
		w.create(string(spec))
		w.reconcile()
		if got := w.conditions(); !strings.HasPrefix(got, "+Applied") || o.GroupVersionKind() != rayClusterKind {
			t.Errorf("%s: %s: %s", file, got, w.message("Applied"))
		}
	}
}

// BenchmarkDesired: what a change of any object of a cluster costs before
// anything is compared.
func BenchmarkDesired(b *testing.B) {
	r := newReconciler(parts{Render: render, Kubernetes: "1.37.0"})
	r.Client = fake.NewClientBuilder().Build()
	r.Live = r.Client
	c := &rayCluster{Unstructured: emptyOf(rayClusterKind).(*unstructured.Unstructured)}
	if err := json.Unmarshal([]byte(twoTypes), &c.ray); err != nil {
		b.Fatal(err)
	}
	c.SetName(name.Name)
	c.SetNamespace(name.Namespace)
	for b.Loop() {
		if _, _, err := r.desired(b.Context(), c, nil); err != nil {
			b.Fatal(err)
		}
	}
}
