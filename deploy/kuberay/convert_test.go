package kuberay_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/rayburst/rayburst/deploy"
	"github.com/rayburst/rayburst/deploy/helm"
	"github.com/rayburst/rayburst/deploy/kuberay"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

// random is what the chart makes anew each time.
var random = regexp.MustCompile(`(auth_token: )\S{40,}`)

// TestGolden: what becomes of RayClusters: values, losses and the manifests.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		got := random.ReplaceAllString(golden(t, file), "${1}bWFza2Vk")
		name := strings.TrimSuffix(file, ".yaml") + ".golden"
		if *rewrite {
			if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got); d != "" {
			t.Errorf("%s is no longer so (make golden rewrites it, review the diff):\n%s", name, d)
		}
	}
}

func golden(t *testing.T, file string) string {
	t.Helper()
	clusters, left := convert(t, file)
	var out strings.Builder
	for _, l := range left {
		fmt.Fprintf(&out, "# %s\n", l)
	}
	for _, c := range clusters {
		for _, l := range c.Losses {
			fmt.Fprintf(&out, "# %s\n", l)
		}
		for what, v := range map[string]any{"values": c.Values} {
			b, err := kuberay.YAML(v)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&out, "=== %s/%s: %s\n%s", c.Namespace, c.Name, what, b)
		}
		b, err := kuberay.YAML(c.Resource())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "=== resource\n%s=== manifests\n%s", b, render(t, c.Name, c.Values))
	}
	return out.String()
}

func convert(t *testing.T, file string) ([]kuberay.Cluster, []kuberay.Loss) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	clusters, left, err := kuberay.Convert(b)
	if err != nil {
		t.Fatal(file, err)
	}
	return clusters, left
}

func render(t *testing.T, name string, values map[string]any) string {
	t.Helper()
	out, err := helm.Render(helm.Release{Name: name, Namespace: "ml", Kubernetes: "1.37.0"}, values)
	if err != nil {
		t.Fatal(name, err)
	}
	return out
}

// TestResource: the resource's cluster YAML with its values over it is the same
// cluster, but for its maximum, which is said, the toleration of pods with GPUs,
// and an idle timeout of types that do not shrink.
func TestResource(t *testing.T) {
	for _, file := range []string{"autoscaler", "gpu", "fixed", "job"} {
		clusters, _ := convert(t, "testdata/"+file+".yaml")
		for _, c := range clusters {
			spec := plain(t, c.Resource()["spec"])
			over, _ := spec["values"].(map[string]any)
			suspend := spec["suspend"] == true
			delete(spec, "values")
			delete(spec, "suspend")
			b, err := kuberay.YAML(snake(spec, true))
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := deploy.ParseCluster(b)
			if err != nil {
				t.Fatalf("%v\n%s", err, b)
			}
			values, err := parsed.Values(deploy.Surroundings{})
			if err != nil {
				t.Fatal(err)
			}
			lay(values, over)
			values["suspend"] = suspend
			delete(values, "maxWorkers")
			want := random.ReplaceAllString(render(t, c.Name, c.Values), "")
			got := random.ReplaceAllString(render(t, c.Name, values), "")
			if d := cmp.Diff(lines(want), lines(got)); d != "" {
				t.Errorf("%s: %s", c.Name, d)
			}
		}
	}
}

// given are lines that a cluster YAML gives without being asked.
var given = regexp.MustCompile(`(?m)^ +(tolerations:|- key: nvidia.com/gpu|  operator: Exists|idleTimeoutSeconds: "300")\n`)

func lines(text string) []string { return strings.Split(given.ReplaceAllString(text, ""), "\n") }

func plain(t *testing.T, v any) (out map[string]any) {
	t.Helper()
	b, err := kuberay.YAML(v)
	if err == nil {
		err = yaml.Unmarshal(b, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var capital = regexp.MustCompile(`[A-Z]`)

// snake is a spec with the keys of Ray's cluster YAML; names that users give stay.
func snake(v any, keys bool) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := map[string]any{}
	for k, v := range m {
		name := k
		if keys {
			name = capital.ReplaceAllStringFunc(k, func(c string) string { return "_" + strings.ToLower(c) })
		}
		out[name] = snake(v, k != "availableNodeTypes" && k != "resources" && k != "labels")
	}
	return out
}

// lay lays values over others as Helm does.
func lay(under, over map[string]any) {
	for k, v := range over {
		inner, ok := v.(map[string]any)
		base, both := under[k].(map[string]any)
		if ok && both {
			lay(base, inner)
		} else {
			under[k] = v
		}
	}
}

// TestWrong: what is wrong is named by field, rule and value.
func TestWrong(t *testing.T) {
	const head = "{apiVersion: ray.io/v1, kind: RayCluster, metadata: {name: a}, spec: {headGroupSpec: {template: {spec: {containers: [{image: a}]}}}, workerGroupSpecs: [{groupName: g, %s}]}}"
	worker := func(more string) string { return fmt.Sprintf(head, more) }
	for text, want := range map[string]string{
		"":     "the file must have a RayCluster of ray.io/v1 (got 0 other documents)",
		"a: b": "the file must have a RayCluster of ray.io/v1 (got 1 other documents)",
		"[a":   "line 1: did not find expected ',' or ']'",
		"3":    "document 1: must be a mapping (got 3)",
		"{apiVersion: ray.io/v2, kind: RayCluster, metadata: {name: a}, spec: {}}":                       `apiVersion: must be ray.io/v1 (got "ray.io/v2")`,
		"{apiVersion: ray.io/v1, kind: RayCluster, metadata: {name: A}, spec: {}}":                       `metadata.name: must be 1…53 small letters, digits and '-', to name a release (got "A")`,
		"{apiVersion: ray.io/v1, kind: RayCluster, metadata: {name: a}}":                                 "spec.headGroupSpec: must be given (got null)",
		"{apiVersion: ray.io/v1, kind: RayCluster, metadata: {name: a}, spec: {headGroupSpec: {}}}":      "spec.headGroupSpec.template.spec.containers: must have Ray's container (got null)",
		"{apiVersion: ray.io/v1, kind: RayCluster, metadata: {name: a}, spec: {suspend: 1}}":             "spec.suspend: must be true or false (got 1)",
		"{apiVersion: ray.io/v1, kind: RayCluster, metadata: {name: a}, spec: {authOptions: {mode: x}}}": `spec.authOptions.mode: must be token or disabled (got "x")`,
		worker("template: {}"):                                                "spec.workerGroupSpecs[0].template.spec.containers: must have Ray's container (got null)",
		worker("minReplicas: 3, maxReplicas: 2"):                              "spec.workerGroupSpecs[0].minReplicas: must not be above maxReplicas (2) (got 3)",
		worker("minReplicas: -1"):                                             "spec.workerGroupSpecs[0].minReplicas: must be a whole number within 0…2147483647 (got -1)",
		worker("maxReplicas: many"):                                           `spec.workerGroupSpecs[0].maxReplicas: must be a whole number within 0…2147483647 (got "many")`,
		worker("rayStartParams: [a]"):                                         `spec.workerGroupSpecs[0].rayStartParams: must be a mapping (got ["a"])`,
		worker("rayStartParams: {num-cpus: x}"):                               `spec.workerGroupSpecs[0].rayStartParams.num-cpus: must be a quantity within 0…1e14 (got "x")`,
		worker("rayStartParams: {resources: '{a: 1}'}"):                       `spec.workerGroupSpecs[0].rayStartParams.resources: must be JSON of numbers by name, as '"{\"special\": 1}"' (got "{a: 1}")`,
		worker("rayStartParams: {labels: a}"):                                 `spec.workerGroupSpecs[0].rayStartParams.labels: must be key=value,key=value (got "a")`,
		strings.Replace(worker("a: b"), "groupName: g", "groupName: head", 1): `spec.workerGroupSpecs[0].groupName: must be a name other than head and head-agent (got "head")`,
	} {
		_, _, err := kuberay.Convert([]byte(text))
		if err == nil || !errors.Is(err, kuberay.ErrManifest) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// FuzzConvert: whatever the file is, it is refused by name, or is clusters that
// can be written, the same each time.
func FuzzConvert(f *testing.F) {
	const small = "{apiVersion: ray.io/v1, kind: RayCluster, metadata: {name: a}, spec: {headGroupSpec: {template: {spec: {containers: [{image: a}]}}}, %s}}"
	for _, more := range []string{ // small ones: what is found from large ones is minimized for a minute
		"suspend: true, authOptions: {mode: disabled}, tlsOptions: {a: b}",
		`workerGroupSpecs: [{groupName: B, rayStartParams: {resources: '"{\"c\": 1}"', labels: "a=b"}, template: {spec: {containers: [{image: a:b}]}}}]`,
		"workerGroupSpecs: [{groupName: g, maxReplicas: 3, template: {spec: {containers: [{image: b, resources: {limits: {cpu: 1m}}, volumeMounts: [{mountPath: /dev/shm, name: a}]}], volumes: [{name: a, emptyDir: {sizeLimit: 1}}]}}}]",
		"gcsFaultToleranceOptions: {redisAddress: r, redisPassword: {value: a}}",
	} {
		f.Add(fmt.Appendf(nil, small, more))
	}
	f.Add([]byte("a: &a [*a]\n---\nkind: RayJob\n---\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		clusters, _, err := kuberay.Convert(b)
		if err != nil {
			if clusters != nil || !errors.Is(err, kuberay.ErrManifest) {
				t.Fatalf("%v, %v", clusters, err)
			}
			return
		}
		again, _, _ := kuberay.Convert(b)
		for i, c := range clusters {
			if _, err := kuberay.YAML(c.Resource()); err != nil || c.Name == "" || c.Values["head"] == nil {
				t.Errorf("%+v: %v", c, err)
			}
			if d := cmp.Diff(c.Values, again[i].Values); d != "" || len(c.Losses) != len(again[i].Losses) {
				t.Errorf("not the same twice: %s", d)
			}
		}
	})
}
