package kuberay_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/rayburst/rayburst/deploy/kuberay"
)

// samples are a value of every field of a RayCluster's spec that docs/kuberay.md
// has in its tables.
var samples = map[string]string{
	"metadata.name": "a", "metadata.namespace": "b", "spec.rayVersion": "2.60.0", "spec.enableInTreeAutoscaling": "true", "spec.suspend": "true",
	"spec.authOptions.mode": "token", "spec.authOptions.secretName": "s", "spec.authOptions.enableK8sTokenAuth": "true",
	"spec.autoscalerOptions.upscalingMode": "Conservative", "spec.autoscalerOptions.idleTimeoutSeconds": "3", "spec.autoscalerOptions.version": "v1",
	"spec.autoscalerOptions.resources": "{limits: {cpu: 1}}", "spec.autoscalerOptions.image": "i", "spec.autoscalerOptions.imagePullPolicy": "Always",
	"spec.autoscalerOptions.env": "[{name: a}]", "spec.autoscalerOptions.envFrom": "[{a: b}]", "spec.autoscalerOptions.volumeMounts": "[{name: a}]",
	"spec.autoscalerOptions.securityContext": "{a: b}", "spec.autoscalerOptions.command": "[a]", "spec.autoscalerOptions.args": "[a]",
	"spec.gcsFaultToleranceOptions.redisAddress": "r:6379", "spec.gcsFaultToleranceOptions.redisUsername": "{value: u}",
	"spec.gcsFaultToleranceOptions.redisPassword": "{value: p}", "spec.gcsFaultToleranceOptions.externalStorageNamespace": "n",
	"spec.headGroupSpec.rayStartParams": "{num-cpus: '2'}", "spec.headGroupSpec.resources": "{CPU: '1'}", "spec.headGroupSpec.labels": "{a: b}",
	"spec.headGroupSpec.template": template, "spec.headGroupSpec.serviceType": "NodePort", "spec.headGroupSpec.headService": "{a: b}",
	"spec.headGroupSpec.enableIngress": "true", "spec.headGroupSpec.ingressOptions": "{a: b}",
	"spec.workerGroupSpecs.groupName": "w", "spec.workerGroupSpecs.replicas": "1", "spec.workerGroupSpecs.minReplicas": "1",
	"spec.workerGroupSpecs.maxReplicas": "3", "spec.workerGroupSpecs.idleTimeoutSeconds": "5", "spec.workerGroupSpecs.priority": "1",
	"spec.workerGroupSpecs.suspend": "true", "spec.workerGroupSpecs.scaleStrategy": "{workersToDelete: [a]}",
	"spec.workerGroupSpecs.rayStartParams": "{num-gpus: '1'}", "spec.workerGroupSpecs.resources": "{GPU: '1'}", "spec.workerGroupSpecs.labels": "{a: b}",
	"spec.workerGroupSpecs.template": template, "spec.workerGroupSpecs.numOfHosts": "2",
	"spec.headServiceAnnotations": "{a: b}", "spec.tlsOptions": "{enabled: true}", "spec.networkPolicy": "{mode: DenyAll}",
	"spec.upgradeStrategy": "{type: None}", "spec.managedBy": "kueue.x-k8s.io/multikueue", "spec.historyServerOptions": "{a: b}",
}

const template = "{metadata: {labels: {a: b}}, spec: {containers: [{name: ray, image: i}]}}"

// TestFields: the tables of docs/kuberay.md have all fields, those without an
// equivalent apart, and that is what Convert says of them.
func TestFields(t *testing.T) {
	doc, err := os.ReadFile("../../docs/kuberay.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(doc), "## Field by field")
	mapped, lost, ok := strings.Cut(text, "**No equivalent**")
	if !ok {
		t.Fatal("no list of what has no equivalent")
	}
	lost, _, _ = strings.Cut(lost, "\n## ")
	documented := map[string]bool{} // whether it has an equivalent
	for _, f := range tableFields(mapped) {
		documented[f] = true
	}
	for _, f := range tableFields(lost) {
		documented[f] = false
	}
	if d := cmp.Diff(slices.Sorted(maps.Keys(samples)), slices.Sorted(maps.Keys(documented))); d != "" {
		t.Fatalf("(-known +documented):\n%s", d)
	}
	for field, value := range samples {
		_, losses := with(t, field, value)
		if said := len(losses) == 0; said != documented[field] {
			t.Errorf("%s: an equivalent: documented %v, losses %v", field, documented[field], losses)
		}
	}
}

var row = regexp.MustCompile("(?m)^\\| (`[^|]*) \\|")

// tableFields are those of the first column: one without a dot is beside the
// first of its cell.
func tableFields(text string) (out []string) {
	for _, m := range row.FindAllStringSubmatch(text, -1) {
		parent := ""
		for i, f := range strings.Split(m[1], ", ") {
			f = strings.Trim(f, "`")
			if i == 0 {
				parent = f[:strings.LastIndex(f, ".")+1]
			} else {
				f = parent + f
			}
			out = append(out, f)
		}
	}
	return out
}

// with converts a cluster that has the field.
func with(t *testing.T, field, value string) (kuberay.Cluster, []kuberay.Loss) {
	t.Helper()
	var base, v any
	const text = "{apiVersion: ray.io/v1, kind: RayCluster, metadata: {name: a}, spec: {headGroupSpec: {template: " + template +
		"}, workerGroupSpecs: [{groupName: g, maxReplicas: 2, template: " + template + "}]}}"
	if yaml.Unmarshal([]byte(text), &base) != nil || yaml.Unmarshal([]byte(value), &v) != nil {
		t.Fatal(text, value)
	}
	at := base
	path := strings.Split(field, ".")
	for _, key := range path[:len(path)-1] {
		m := at.(map[string]any)
		if m[key] == nil {
			m[key] = map[string]any{}
		}
		at = m[key]
		if list, ok := at.([]any); ok {
			at = list[0]
		}
	}
	m := at.(map[string]any)
	m[path[len(path)-1]] = v
	if path[1] == "gcsFaultToleranceOptions" {
		m["redisAddress"] = "r:6379" // without it nothing else counts
	}
	b, err := yaml.Marshal(base)
	if err != nil {
		t.Fatal(err)
	}
	clusters, _, err := kuberay.Convert(b)
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	return clusters[0], clusters[0].Losses
}
