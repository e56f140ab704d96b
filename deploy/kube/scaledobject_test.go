package kube

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/rayburst/rayburst/demand"
)

const gpuObject = `
metadata: {name: train-gpu, namespace: ml, uid: u1, resourceVersion: "7"}
spec:
  scaleTargetRef: {name: train-gpu}
  minReplicaCount: 1
  maxReplicaCount: 8
  triggers:
    - type: cron
      metadata: {timezone: UTC}
    - type: external-push
      metadata:
        scalerAddress: rayburst.keda.svc:9090
        rayCluster: train
        nodeType: gpu
        resources: '{"CPU": 8, "GPU": 1}'
        labels: '{"zone": "a"}'
        priority: "2"
        idleTimeoutSeconds: "90"
        upscalingSpeed: "2.5"
        clusterMaxWorkers: "9"
`

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte("apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\n" + text))
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(raw); err != nil {
		t.Fatal(err)
	}
	return u
}

// edited is the object with lines replaced: old, new, old, new …
func edited(edits ...string) string { return strings.NewReplacer(edits...).Replace(gpuObject) }

func TestReadScaledObject(t *testing.T) {
	o := readScaledObject(object(t, gpuObject), "rayburst")
	if o.problem != nil {
		t.Fatal(o.problem)
	}
	idle := 90 * time.Second
	if o.cluster != (demand.Cluster{Namespace: "ml", Name: "train"}) || o.target != "train-gpu" || o.pausedIn || o.pausedOut {
		t.Errorf("got %+v", o)
	}
	n := o.nodeType
	if n.Name != "gpu" || n.MinWorkers != 1 || n.MaxWorkers != 8 || n.Priority != 2 || *n.IdleTimeout != idle || n.Resources.String() != "{CPU: 8, GPU: 1}" {
		t.Errorf("got %+v", n)
	}
	s := settings([]*scaledObject{o})
	if s.UpscalingSpeed != 2.5 || s.MaxWorkers != 9 {
		t.Errorf("got %+v", s)
	}
}

// TestNotOurs: objects that do not name us are none of our business.
func TestNotOurs(t *testing.T) {
	for name, text := range map[string]string{
		"another trigger": edited("type: external-push", "type: prometheus"),
		"another scaler":  edited("rayburst.keda", "other.keda", "rayCluster: train", "queue: train"),
		"no triggers":     "metadata: {name: x}\nspec: {}",
	} {
		if o := readScaledObject(object(t, text), "rayburst"); o != nil {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

// TestBadScaledObject: what is wrong names key, rule and value.
func TestBadScaledObject(t *testing.T) {
	for want, text := range map[string]string{
		`"rayCluster": is required`: edited("rayCluster: train", ""),
		`"nodeType": must be letters, digits, '-', '_' and '.', 63 characters at most (got "g p")`: edited("nodeType: gpu", "nodeType: g p"),
		`"resources": is required`:                                            edited(`resources: '{"CPU": 8, "GPU": 1}'`, ""),
		`"resources": must be a JSON object`:                                  edited(`'{"CPU": 8, "GPU": 1}'`, `'8 CPUs'`),
		`"priority": must be an integer (got "high")`:                         edited(`priority: "2"`, `priority: high`),
		`"upscalingSpeed": must be a number ≥ 0 or inf (got "-1")`:            edited(`"2.5"`, `"-1"`),
		`spec.scaleTargetRef.kind: must be Deployment (got "StatefulSet")`:    edited("{name: train-gpu}", "{name: train-gpu, kind: StatefulSet}"),
		`spec.scaleTargetRef.name: must not be empty`:                         edited("scaleTargetRef: {name: train-gpu}", "scaleTargetRef: {}"),
		`spec.minReplicaCount: must be within 0…maxReplicaCount (got 9 of 8)`: edited("minReplicaCount: 1", "minReplicaCount: 9"),
		`spec.maxReplicaCount: must be an integer`:                            edited("maxReplicaCount: 8", "maxReplicaCount: many"),
	} {
		o := readScaledObject(object(t, text), "rayburst")
		if o == nil || o.problem == nil || !strings.Contains(o.problem.Error(), want) {
			t.Errorf("want %s, got %+v", want, o)
		}
	}
}

func TestPaused(t *testing.T) {
	for annotations, want := range map[string]struct{ in, out bool }{
		``:                                    {false, false},
		`autoscaling.keda.sh/paused: "true"`:  {true, true},
		`autoscaling.keda.sh/paused: "false"`: {false, false},
		`autoscaling.keda.sh/paused-replicas: "3"`:     {true, true},
		`autoscaling.keda.sh/paused-scale-in: "true"`:  {true, false},
		`autoscaling.keda.sh/paused-scale-out: "true"`: {false, true},
	} {
		o := readScaledObject(object(t, edited("uid: u1,", "uid: u1, annotations: {"+annotations+"},")), "rayburst")
		if o.pausedIn != want.in || o.pausedOut != want.out {
			t.Errorf("%s: paused in %v, out %v", annotations, o.pausedIn, o.pausedOut)
		}
	}
}

// TestGrouped: of objects that drive the same only the first by node type and
// name does; settings that differ within a cluster are doubted.
func TestGrouped(t *testing.T) {
	read := func(edits ...string) *scaledObject { return readScaledObject(object(t, edited(edits...)), "rayburst") }
	objects := []*scaledObject{
		read(),
		read("name: train-gpu, namespace", "name: other, namespace", "{name: train-gpu}", "{name: other}"),
		read("nodeType: gpu", "nodeType: tpu", "{name: train-gpu}", "{name: other}"),
		read("nodeType: gpu", "nodeType: ypu", "{name: train-gpu}", "{name: ypu}", `"2.5"`, `"1"`),
		read("nodeType: gpu", "nodeType: xpu", "{name: train-gpu}", "{name: xpu}", `"9"`, `"10"`),
		read("nodeType: gpu", "nodeType: zpu", "{name: train-gpu}", "{name: zpu}"),
		read("rayCluster: train", "rayCluster: serve"),
	}
	good, bad, doubts := grouped(objects)
	got := map[string]string{}
	for c, types := range good {
		for _, o := range types {
			got[c.String()+" "+o.nodeType.Name] = o.name
		}
	}
	if diff := cmp.Diff(map[string]string{
		"ml/train gpu": "other", "ml/train xpu": "train-gpu", "ml/train ypu": "train-gpu", "ml/train zpu": "train-gpu", "ml/serve gpu": "train-gpu",
	}, got); diff != "" {
		t.Error(diff)
	}
	var text []string
	for _, err := range bad {
		text = append(text, err.Error())
	}
	if len(bad) != 2 || len(doubts) != 2 {
		t.Errorf("%d are bad, %d are doubted", len(bad), len(doubts))
	}
	for _, err := range doubts {
		text = append(text, err.Error())
	}
	for _, want := range []string{
		`"nodeType": must be of one ScaledObject only (other has it too)`,
		`spec.scaleTargetRef.name: must be of one ScaledObject only (other has it too)`,
		`"upscalingSpeed": must be equal in all objects of the cluster (got 1, other has 2.5)`,
		`"clusterMaxWorkers": must be equal in all objects of the cluster (got 10, other has 9)`,
	} {
		if !strings.Contains(strings.Join(text, "\n"), want) {
			t.Errorf("no %s in\n%s", want, strings.Join(text, "\n"))
		}
	}
}
