package deploy_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/deploy"
)

// TestValues: the chart's values of some files, as JSON.
func TestValues(t *testing.T) {
	const types = "cluster_name: My_Cluster\nidle_timeout_minutes: 1\nhead_node_type: head\navailable_node_types: {head: {HEAD}, w_1: {max_workers: 3, WORKER}}"
	for name, c := range map[string]struct{ head, worker, want string }{
		"plain": {"", "resources: {CPU: 2}", `{"upscalingSpeed":1,"maxWorkers":3,"head":{"rayCPUs":0},
			"workers":{"cpu":null,"w-1":{"minWorkers":0,"maxWorkers":3,"idleTimeoutSeconds":60,"resources":{"requests":{"cpu":"2"}}}}}`},
		"a machine": {"node_config: {InstanceType: m4.xlarge}", "node_config: {InstanceType: p3.2xlarge}, idle_timeout_s: 5, priority: 2, labels: {a: b}", `{
			"upscalingSpeed":1,"maxWorkers":3,
			"head":{"rayCPUs":4,"nodeSelector":{"node.kubernetes.io/instance-type":"m4.xlarge"},"resources":{"requests":{"cpu":"3200m"},"limits":{"memory":null}}},
			"workers":{"cpu":null,"w-1":{"minWorkers":0,"maxWorkers":3,"idleTimeoutSeconds":5,"priority":2,"labels":{"a":"b"},
				"nodeSelector":{"node.kubernetes.io/instance-type":"p3.2xlarge"},"runtimeClassName":"nvidia",
				"tolerations":[{"key":"nvidia.com/gpu","operator":"Exists"}],
				"resources":{"requests":{"cpu":"6400m","memory":"45848775884"},"limits":{"nvidia.com/gpu":"1"}},
				"extraResources":{"CPU":8,"accelerator_type:V100":1}}}}`},
		"other than the pod's": {"resources: {CPU: 2, GPU: 1, memory: 5, c: 1, object_store_memory: 7}, labels: {z: a, b: c}",
			"node_config: {InstanceType: m4.xlarge}, resources: {CPU: 0, TPU: 4, memory: 9}, docker: {worker_run_options: [--memory 1k --cpus 1]}", `{
			"upscalingSpeed":1,"maxWorkers":3,
			"head":{"rayCPUs":2,"rayStartParams":{"num-gpus":"1","memory":"5","resources":"{\"c\":1}","labels":"b=c,z=a","object-store-memory":"7"},
				"resources":{"requests":{"cpu":"2","memory":"5"},"limits":{"nvidia.com/gpu":"1","memory":null}},
				"runtimeClassName":"nvidia","tolerations":[{"key":"nvidia.com/gpu","operator":"Exists"}]},
			"workers":{"cpu":null,"w-1":{"minWorkers":0,"maxWorkers":3,"idleTimeoutSeconds":60,"nodeSelector":{"node.kubernetes.io/instance-type":"m4.xlarge"},
				"resources":{"requests":{"cpu":"1000m","memory":"1024"},"limits":{"cpu":"1000m","memory":"1024","google.com/tpu":"4"}},
				"extraResources":{"CPU":0,"TPU":4,"memory":9}}}}`},
		"environment": {"", "resources: {CPU: 1}, docker: {worker_run_options: [--env-file a.env -e B=3]}", `{"upscalingSpeed":1,"maxWorkers":3,"head":{"rayCPUs":0},
			"workers":{"cpu":null,"w-1":{"minWorkers":0,"maxWorkers":3,"idleTimeoutSeconds":60,"resources":{"requests":{"cpu":"1"}},
				"env":[{"name":"A","value":"1"},{"name":"B","value":"2"},{"name":"B","value":"3"}]}}}`},
		"another maker": {"", "node_config: {InstanceType: g4ad.xlarge}, resources: {CPU: 4, memory: 1, accelerator_type:Radeon-Pro-V520: 1}", `{"upscalingSpeed":1,"maxWorkers":3,"head":{"rayCPUs":0},
			"workers":{"cpu":null,"w-1":{"minWorkers":0,"maxWorkers":3,"idleTimeoutSeconds":60,"nodeSelector":{"node.kubernetes.io/instance-type":"g4ad.xlarge"},
				"resources":{"requests":{"cpu":"3200m","memory":"1"},"limits":{"amd.com/gpu":"1"}},"extraResources":{"accelerator_type:Radeon-Pro-V520":1}}}}`},
	} {
		c1 := parsed(t, strings.NewReplacer("HEAD", c.head, "WORKER", c.worker).Replace(types))
		values, err := c1.Values(deploy.Surroundings{RuntimeClasses: []string{"nvidia"}, Files: map[string][]byte{"a.env": []byte("# env\nA=1\nB=2\n")}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		b, err := json.Marshal(values)
		if err != nil || c1.Release() != "my-cluster" {
			t.Fatal(err, c1.Release())
		}
		if d := cmp.Diff(sorted(t, c.want), sorted(t, string(b))); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// TestValuesRefused: what is right for Ray, but not in Kubernetes.
func TestValuesRefused(t *testing.T) {
	for yaml, want := range map[string]string{
		"head_node_type: head\navailable_node_types: {head: {max_workers: 1}}":                                                                   `available_node_types.head: a type with workers must not be called head or head-agent in Kubernetes (got "head")`,
		"head_node_type: h\navailable_node_types: {h: {}, a_b: {}, A-b: {}}":                                                                     `available_node_types.A-b: must not have the name of another type in Kubernetes (got "a-b")`,
		"cluster_name: a1234567890123456789012345678901234567890\nhead_node_type: h\navailable_node_types: {h: {}, b1234567890123456789012: {}}": `available_node_types.b1234567890123456789012: with cluster_name it must have at most 63 letters, and that at most 53 (got "a1234567890123456789012345678901234567890-b1234567890123456789012")`,
		"docker: {run_options: [--env-file no.env]}":                                                                                             `the head: --env-file: must be a file that can be read (got "no.env")`,
		"docker: {worker_run_options: [--env-file a.env]}\nmax_workers: 1":                                                                       "available_node_types.worker: --env-file: a.env must have lines NAME=VALUE: ",
	} {
		_, err := parsed(t, yaml).Values(deploy.Surroundings{Files: map[string][]byte{"a.env": []byte("A B=1")}})
		if !errors.Is(err, deploy.ErrYAML) || !strings.HasPrefix(err.Error(), "bad cluster YAML: "+want) {
			t.Errorf("%s\n got %v\nwant %s", yaml, err, want)
		}
	}
}

func TestEnvFiles(t *testing.T) {
	c := parsed(t, "docker: {run_options: [--env-file b], worker_run_options: [--env-file=a --env-file b]}")
	if d := cmp.Diff([]string{"a", "b"}, c.EnvFiles()); d != "" {
		t.Error(d)
	}
}
