package deploy_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/deploy"
)

// exampleFiles are Ray's own YAMLs and one with all there is.
func exampleFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("../examples/ray/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	return append(files, "helm/testdata/clusters/everything.yaml")
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSpecRoundTrip: a YAML and the spec made of it are one cluster, with one
// set of values.
func TestSpecRoundTrip(t *testing.T) {
	for _, file := range exampleFiles(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			b := readFile(t, file)
			want, err := deploy.ParseCluster(b)
			if err != nil {
				t.Fatal(err)
			}
			name, spec, err := deploy.CamelSpec(b)
			if err != nil {
				t.Fatal(err)
			}
			got, err := deploy.ParseSpec(name, spec)
			if err != nil {
				t.Fatal(err)
			}
			same(t, want, got)
		})
	}
}

func same(t *testing.T, want, got *deploy.Cluster) {
	t.Helper()
	files := map[string][]byte{}
	for _, f := range want.EnvFiles() {
		files[f] = []byte("A=b\n")
	}
	before, err1 := want.Values(deploy.Surroundings{Files: files})
	after, err2 := got.Values(deploy.Surroundings{Files: files})
	if d := cmp.Diff(before, after); d != "" || err1 != nil || err2 != nil {
		t.Errorf("%v %v %s", err1, err2, d)
	}
	if d := cmp.Diff(want.FileMounts, got.FileMounts); d != "" {
		t.Error(d)
	}
}

// TestCamel: Ray's keys change, those of users and clouds do not.
func TestCamel(t *testing.T) {
	const file = `
cluster_name: a
idle_timeout_minutes: 3
upscaling_speed: .inf
provider: {type: aws, use_internal_ips: true, my_own_key: {use_internal_ips: 1}, security_group: {GroupName: g}}
auth: {ssh_user: u}
docker: {image: i, pull_before_run: false}
head_node_type: head_node_type
available_node_types:
  head_node_type: {resources: {}, node_config: {instance_type: x, InstanceMarketOptions: {MarketType: spot}}}
  gpu_1.max_workers: {max_workers: 2, resources: {my_key: 1}, labels: {zone_id: z}, docker: {worker_image: w}, idle_timeout_s: 4}
`
	const want = `{"idleTimeoutMinutes": 3, "upscalingSpeed": "inf",
"provider": {"type": "aws", "useInternalIps": true, "my_own_key": {"use_internal_ips": 1}, "security_group": {"GroupName": "g"}},
"auth": {"sshUser": "u"}, "docker": {"image": "i", "pullBeforeRun": false}, "headNodeType": "head_node_type",
"availableNodeTypes": {
  "head_node_type": {"resources": {}, "nodeConfig": {"instance_type": "x", "InstanceMarketOptions": {"MarketType": "spot"}}},
  "gpu_1.max_workers": {"maxWorkers": 2, "resources": {"my_key": 1}, "labels": {"zone_id": "z"}, "docker": {"workerImage": "w"}, "idleTimeoutS": 4}}}`
	name, got, err := deploy.CamelSpec([]byte(file))
	if err != nil || name != "a" {
		t.Fatal(name, err)
	}
	wanted := object(t, want)
	wanted["provider"].(map[string]any)["securityGroup"] = wanted["provider"].(map[string]any)["security_group"]
	delete(wanted["provider"].(map[string]any), "security_group")
	if d := cmp.Diff(wanted, got); d != "" {
		t.Error(d)
	}
}

func object(t testing.TB, text string) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestWrongSpec: what is wrong is named as the spec has it.
func TestWrongSpec(t *testing.T) {
	for spec, want := range map[string]string{
		`{"max_workers": 1}`:   "max_workers: is not a key of Ray's cluster YAML; the nearest is maxWorkers (got an unknown key)",
		`{"clusterName": "a"}`: `clusterName: must not be given: the object's name is it (got "a")`,
		`{"maxWorkers": -1}`:   "maxWorkers: must be a whole number within 0…50000 (got \"-1\")",
		`{"provider": {"useInternalIps": 3, "type": "aws"}}`:                                                  "provider.useInternalIps: must be true or false (got \"3\")",
		`{"provider": {"headIp": "a", "head_ip": "b", "type": "local"}}`:                                      "provider.head_ip: must be given once (got twice)",
		`{"headNodeType": "h", "availableNodeTypes": {"h": {}, "g_1.x": {"minWorkers": 3, "maxWorkers": 1}}}`: "availableNodeTypes.g_1.x.minWorkers: must not be above max_workers (1) (got 3)",
		`{"headNodeType": "h", "availableNodeTypes": {"h": {}, "g": {"resources": {"GPU_a": 0.5}}}}`:          "availableNodeTypes.g.resources.GPU_a: a node's resources must be whole numbers (got 0.5)",
		`{"docker": {"runOptions": ["--net bridge"]}}`:                                                        "docker.runOptions[0]: --net: must be host, or not given: a pod has Kubernetes' network (got \"bridge\")",
	} {
		_, err := deploy.ParseSpec("c", object(t, spec))
		e := new(deploy.FieldError)
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", spec, err)
			continue
		}
		if d := cmp.Diff(want, e.Bare()); d != "" {
			t.Errorf("%s\n%s", spec, d)
		}
	}
}

// TestSplitSpec: the fields that are not Ray's, and what they must not be.
func TestSplitSpec(t *testing.T) {
	ray, o, err := deploy.SplitSpec(object(t, `{"maxWorkers": 3, "suspend": true, "idleTerminationMinutes": 0.5, "values": {"shmSize": "1Gi"}}`))
	want := deploy.SpecOptions{Suspend: true, IdleTermination: 0.5, Values: map[string]any{"shmSize": "1Gi"}}
	if d := cmp.Diff(want, o); d != "" || err != nil || len(ray) != 1 {
		t.Errorf("%v, %v %s", ray, err, d)
	}
	for spec, want := range map[string]string{
		`{"suspend": "yes"}`:            `suspend: must be true or false (got "yes")`,
		`{"values": []}`:                `values: must be a mapping (got [])`,
		`{"idleTerminationMinutes": 0}`: `idleTerminationMinutes: must be a number of minutes above 0 (got 0)`,
		`{"fileMounts": {"/a": "b"}}`:   `fileMounts: must be empty: the operator sees no files of yours (got ["/a"])`,
	} {
		_, _, err := deploy.SplitSpec(object(t, spec))
		e := new(deploy.FieldError)
		if !errors.As(err, &e) || e.Bare() != want {
			t.Errorf("%s: %v", spec, err)
		}
	}
}

// TestOverlay: mappings are merged, all else is replaced, and null stays for
// Helm to remove what is below.
func TestOverlay(t *testing.T) {
	base := object(t, `{"a": {"b": 1, "c": [1, 2]}, "d": 1, "w": {"x": {"y": 1}}}`)
	before := object(t, `{"a": {"b": 1, "c": [1, 2]}, "d": 1, "w": {"x": {"y": 1}}}`)
	got := deploy.Overlay(base, object(t, `{"a": {"c": [3]}, "d": {"e": 1}, "w": {"x": null}, "new": 1}`))
	if d := cmp.Diff(object(t, `{"a": {"b": 1, "c": [3]}, "d": {"e": 1}, "w": {"x": null}, "new": 1}`), got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(before, base); d != "" {
		t.Errorf("the base was changed: %s", d)
	}
}

// TestOwn: a type may be called as in the YAML or as in the chart.
func TestOwn(t *testing.T) {
	c, err := deploy.ParseCluster([]byte("cluster_name: a\navailable_node_types:\n  head: {resources: {CPU: 1}}\n  gpu_1: {resources: {CPU: 1}}\nhead_node_type: head\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, given := range []string{`{"a": 1, "workers": {"gpu_1": {"b": 1}, "other": {}}}`, `{"a": 1, "workers": {"gpu-1": {"b": 1}, "other": {}}}`} {
		values := object(t, given)
		if d := cmp.Diff(object(t, `{"a": 1, "workers": {"gpu-1": {"b": 1}, "other": {}}}`), c.Own(values)); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(object(t, given), values); d != "" {
			t.Errorf("the argument was changed: %s", d)
		}
	}
	if got := c.Own(nil); got != nil {
		t.Errorf("%v", got)
	}
}

// FuzzParseSpec: whatever a spec is, it is refused by name or is a cluster, and
// its keys survive the way to YAML and back.
func FuzzParseSpec(f *testing.F) {
	for _, file := range exampleFiles(f) {
		_, spec, err := deploy.CamelSpec(readFile(f, file))
		if err != nil {
			f.Fatal(err)
		}
		b, err := json.Marshal(spec)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"provider": {"headIp": 1, "head_ip": 2}, "availableNodeTypes": {"a.b": {"minWorkers": []}}}`))
	f.Add([]byte(`{"<<": {"maxWorkers": 1}, "headNode": {"<<": [1]}, "docker": null, "auth": 3}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var spec map[string]any
		if json.Unmarshal(b, &spec) != nil {
			return
		}
		c, err := deploy.ParseSpec("c", spec)
		if err != nil {
			if c != nil || !errors.Is(err, deploy.ErrYAML) {
				t.Fatalf("%+v, %v", c, err)
			}
			return
		}
		again, err := deploy.ParseSpec("c", spec)
		if d := cmp.Diff(c, again, sameResources); d != "" || err != nil {
			t.Errorf("not the same twice: %v %s", err, d)
		}
	})
}
