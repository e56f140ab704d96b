package deploy_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/deploy"
)

// spot is the affinity of AWS's spot machines.
var spot = map[string]any{"nodeAffinity": map[string]any{"requiredDuringSchedulingIgnoredDuringExecution": map[string]any{
	"nodeSelectorTerms": []any{
		map[string]any{"matchExpressions": []any{map[string]any{"key": "karpenter.sh/capacity-type", "operator": "In", "values": []any{"spot"}}}},
		map[string]any{"matchExpressions": []any{map[string]any{"key": "eks.amazonaws.com/capacityType", "operator": "In", "values": []any{"SPOT"}}}},
	},
}}}

// machine is a pod on a machine of AWS.
func machine(kind, cpu string, setup ...string) deploy.Pod {
	return deploy.Pod{
		NodeSelector:  map[string]string{"node.kubernetes.io/instance-type": kind},
		Resources:     deploy.Requirements{Requests: map[string]string{"cpu": cpu}},
		SetupCommands: setup,
	}
}

// TestExamplePods: what the same files say of pods.
func TestExamplePods(t *testing.T) {
	setup := []string{"pip install ray[all]", "touch /tmp/some_file.txt"}
	onSpot := machine("m4.4xlarge", "12800m")
	onSpot.Affinity = spot
	for file, want := range map[string]map[string]deploy.Pod{
		"seed-autoscaling": {"": {}, "worker": {}},
		"seed-basic":       {"": {SetupCommands: setup}, "worker": {SetupCommands: setup}},
		"seed-docker": {
			"": {Image: deploy.Image{Repository: "rayproject/ray", Tag: "2.60.0", PullPolicy: "Always"}, ShmSize: "8589934592"},
			"gpu_1_ondemand": {
				Image: deploy.Image{Repository: "rayproject/ray-ml", Tag: "latest-gpu", PullPolicy: "Always"}, ShmSize: "8589934592",
				SetupCommands: []string{"pip install tensorflow-gpu"},
				Volumes:       []map[string]any{{"name": "docker-0", "hostPath": map[string]any{"path": "/home"}}},
				VolumeMounts:  []map[string]any{{"name": "docker-0", "mountPath": "/home"}},
			},
		},
		"seed-types": {
			"": machine("m4.xlarge", "3200m"), "cpu_4_ondemand": machine("m4.xlarge", "3200m"), "cpu_16_spot": onSpot,
			"gpu_1_ondemand": machine("p2.xlarge", "3200m", "pip install tensorflow-gpu"),
			"gpu_8_ondemand": machine("p3.8xlarge", "25600m", "pip install tensorflow-gpu"),
		},
	} {
		t.Run(file, func(t *testing.T) {
			b, err := os.ReadFile("../examples/ray/" + file + ".yaml")
			if err != nil {
				t.Fatal(err)
			}
			c, err := deploy.ParseCluster(b)
			if err != nil {
				t.Fatal(err)
			}
			c.Pods[""] = c.HeadPod
			if d := cmp.Diff(want, c.Pods); d != "" {
				t.Error(d)
			}
		})
	}
}

// parsed is a cluster that must be right.
func parsed(t *testing.T, yaml string) *deploy.Cluster {
	t.Helper()
	c, err := deploy.ParseCluster([]byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestMachines: the resources that a node_config stands for.
func TestMachines(t *testing.T) {
	for config, want := range map[string]string{
		"{InstanceType: m4.xlarge}":                        "{CPU: 4, memory: 12025908428}",
		"{InstanceType: p3.8xlarge}":                       "{CPU: 32, GPU: 4, accelerator_type:V100: 1, memory: 183395103539}",
		"{InstanceType: p2.8xlarge}":                       "{CPU: 32, GPU: 8, accelerator_type:K80: 1, memory: 366790207078}",
		"{InstanceType: trn1.32xlarge}":                    "{CPU: 128, accelerator_type:aws-neuron-core: 1, memory: 384829069721, neuron_cores: 32}",
		"{InstanceType: x9.huge}":                          "{CPU: 1}",
		`{InstanceType: "m4.xlarge 4"}`:                    "{CPU: 1}",
		"{machineType: n1-standard-8}":                     "{CPU: 8, memory: 22548578304}",
		"{machineType: zones/a/machineTypes/n1-highmem-2}": "{CPU: 2, memory: 9771050598}",
		"{machineType: custom-4-8192}":                     "{CPU: 4, memory: 6012954214}",
		"{machineType: n2-custom-6-3072}":                  "{CPU: 6, memory: 2254857830}",
		"{machineType: e2-medium}":                         "{CPU: 2, memory: 3006477107}",
		"{machineType: a2-highgpu-2g}":                     "{CPU: 24, GPU: 2, accelerator_type:A100: 1, memory: 127775277055}",
		"{machineType: g2-standard-24}":                    "{CPU: 24, GPU: 2, accelerator_type:L4: 1, memory: 72155450572}",
		"{machineType: c3-standard-8-lssd}":                "{CPU: 8, memory: 24051816857}",
		"{machineType: n1-standard-0}":                     "{CPU: 1}",
		"{machineType: z9-standard-8}":                     "{CPU: 1}",
		"{machineType: n1-standard-4, guestAccelerators: [{acceleratorType: p/nvidia-tesla-t4, acceleratorCount: 2}]}":          "{CPU: 4, GPU: 2, accelerator_type:T4: 1, memory: 11274289152}",
		"{azure_arm_parameters: {vmSize: Standard_D4s_v3}}":                                                                     "{CPU: 4, memory: 12025908428}",
		"{azure_arm_parameters: {vmSize: Standard_NC24ads_A100_v4}}":                                                            "{CPU: 24, GPU: 1, accelerator_type:A100: 1, memory: 165356240896}",
		"{azure_arm_parameters: {imageSku: x}}":                                                                                 "{CPU: 1}",
		"{spec: {containers: [{resources: {requests: {cpu: 500m, memory: 512Mi}, limits: {memory: 1Gi, nvidia.com/gpu: 2}}}]}}": "{CPU: 1, GPU: 2, memory: 1073741824}",
		"{InstanceType: p3.8xlarge}, resources: {CPU: 2, GPU: 0, memory: 1000}":                                                 "{CPU: 2, accelerator_type:V100: 1, memory: 1000}",
		"{InstanceType: x9.huge}, resources: {Custom: 1}":                                                                       "{CPU: 1, Custom: 1}",
	} {
		c := parsed(t, "head_node_type: h\navailable_node_types: {h: {}, w: {node_config: "+config+"}}")
		if got := c.Types[0].Resources.String(); got != want {
			t.Errorf("%s\n got %s\nwant %s", config, got, want)
		}
	}
}

// TestMachinePods: where the pods of a machine's type run.
func TestMachinePods(t *testing.T) {
	for config, want := range map[string]struct {
		selector    map[string]string
		labels      []string // one of which a node must have
		tolerations int
	}{
		"{InstanceType: m4.xlarge}": {map[string]string{"node.kubernetes.io/instance-type": "m4.xlarge"}, nil, 0},
		"{machineType: zones/a/n1-standard-8, scheduling: [{preemptible: true}], guestAccelerators: [{acceleratorType: nvidia-tesla-k80}]}": {
			map[string]string{"node.kubernetes.io/instance-type": "n1-standard-8", "cloud.google.com/gke-accelerator": "nvidia-tesla-k80"},
			[]string{"cloud.google.com/gke-spot", "cloud.google.com/gke-preemptible", "karpenter.sh/capacity-type"}, 1,
		},
		"{machineType: e2-small, scheduling: {provisioningModel: SPOT}}": {
			map[string]string{"node.kubernetes.io/instance-type": "e2-small"},
			[]string{"cloud.google.com/gke-spot", "cloud.google.com/gke-preemptible", "karpenter.sh/capacity-type"}, 1,
		},
		"{azure_arm_parameters: {vmSize: Standard_D2_v2, priority: Spot}}": {
			map[string]string{"node.kubernetes.io/instance-type": "Standard_D2_v2"},
			[]string{"kubernetes.azure.com/scalesetpriority", "karpenter.sh/capacity-type"}, 1,
		},
	} {
		pod := parsed(t, "head_node_type: h\navailable_node_types: {h: {}, w: {node_config: "+config+"}}").Pods["w"]
		var labels []string
		if node, ok := pod.Affinity["nodeAffinity"].(map[string]any); ok {
			for _, term := range node["requiredDuringSchedulingIgnoredDuringExecution"].(map[string]any)["nodeSelectorTerms"].([]any) {
				labels = append(labels, term.(map[string]any)["matchExpressions"].([]any)[0].(map[string]any)["key"].(string))
			}
		}
		if d := cmp.Diff(want.selector, pod.NodeSelector) + cmp.Diff(want.labels, labels); d != "" || len(pod.Tolerations) != want.tolerations {
			t.Errorf("%s: %s %v", config, d, pod.Tolerations)
		}
	}
}

// TestOldKeys: what files of older versions of Ray say.
func TestOldKeys(t *testing.T) {
	const types = "\nhead_node_type: h\navailable_node_types: {h: {}, a: {min_workers: 1, max_workers: 5}, b: {max_workers: 5}}"
	type values struct {
		Speed    float64
		Minimums []int
		Warnings int
	}
	for yaml, want := range map[string]values{
		"target_utilization_fraction: 0.8":                       {0.25, []int{0}, 1},
		"target_utilization_fraction: 0.8\nupscaling_speed: 3":   {3, []int{0}, 1},
		"target_utilization_fraction: 0":                         {1, []int{0}, 1},
		"autoscaling_mode: aggressive":                           {99_999, []int{0}, 1},
		"autoscaling_mode: default":                              {1, []int{0}, 1},
		"min_workers: 2\nmax_workers: 3":                         {1, []int{2}, 1},
		"min_workers: 2\ninitial_workers: 3\nmax_workers: 3":     {1, []int{2}, 2},
		"min_workers: 3" + types:                                 {1, []int{1, 0}, 3},
		"min_workers: 3\nworker_default_node_type: b" + types:    {1, []int{1, 2}, 2},
		"min_workers: 1\nworker_default_node_type: b" + types:    {1, []int{1, 0}, 2},
		"min_workers: 9\nworker_default_node_type: b" + types:    {1, []int{1, 5}, 2},
		"worker_nodes: {InstanceType: m5.large}\nmin_workers: 1": {1, []int{1}, 0},
	} {
		c := parsed(t, yaml)
		got := values{Speed: c.UpscalingSpeed, Warnings: len(c.Warnings)}
		for _, w := range c.Types {
			got.Minimums = append(got.Minimums, w.MinWorkers)
		}
		got.Speed = float64(int(got.Speed*1e6+0.5)) / 1e6
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s\n%s%v", yaml, d, c.Warnings)
		}
	}
}

// TestOldPods: head_node and worker_nodes as the Kubernetes provider had them.
func TestOldPods(t *testing.T) {
	b, err := os.ReadFile("testdata/old-pods.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c := parsed(t, string(b))
	head := deploy.Pod{
		Image: deploy.Image{Repository: "rayproject/autoscaler", Tag: "latest", PullPolicy: "Always"}, ShmSize: "2Gi",
		Resources: deploy.Requirements{
			Requests: map[string]string{"cpu": "1000m", "memory": "512Mi"}, Limits: map[string]string{"memory": "2Gi"},
		},
		Env:  []map[string]any{{"name": "MY_CPU_REQUEST", "valueFrom": map[string]any{"resourceFieldRef": map[string]any{"resource": "requests.cpu"}}}},
		Spec: map[string]any{"serviceAccountName": "autoscaler"}, StartCommands: []string{"ulimit -n 65536"},
		RayStartParams: map[string]string{"object-manager-port": "8076"},
	}
	if d := cmp.Diff(head, c.HeadPod); d != "" {
		t.Error(d)
	}
	if got := c.Types[0].Resources.String() + c.Head.Resources.String(); got != "{CPU: 2, GPU: 1, memory: 4294967296}{CPU: 1, memory: 2147483648}" {
		t.Error(got)
	}
	if d := cmp.Diff(deploy.Pod{
		Image:        deploy.Image{Repository: "rayproject/autoscaler@sha256", Tag: "abc"},
		Resources:    deploy.Requirements{Requests: map[string]string{"cpu": "2"}, Limits: map[string]string{"memory": "4Gi", "nvidia.com/gpu": "1"}},
		NodeSelector: map[string]string{"pool": "gpu"}, PullSecrets: []string{"registry"}, Labels: map[string]string{"team": "ml"},
		RayStartParams: map[string]string{"object-manager-port": "8076"},
	}, c.Pods["worker"]); d != "" {
		t.Error(d)
	}
}

// TestDefaultHead: without head_node_type the head's type is that of the file
// which Ray lays under the user's, if there is one of the name.
func TestDefaultHead(t *testing.T) {
	for provider, head := range map[string]string{"aws": "ray.head.default", "azure": "ray.head.default", "gcp": "ray_head_default", "vsphere": "ray.head.default"} {
		c := parsed(t, fmt.Sprintf("provider: {type: %s}\navailable_node_types: {w: {resources: {CPU: 1}}, %s: {}}", provider, head))
		if c.Head.Name != head || len(c.Types) != 1 {
			t.Errorf("%s: %+v", provider, c)
		}
	}
	if _, err := deploy.ParseCluster([]byte("provider: {type: aws}\navailable_node_types: {w: {resources: {CPU: 1}}}")); err == nil {
		t.Error("a head of no type")
	}
}

// TestWarnings: what is taken, but people should know of.
func TestWarnings(t *testing.T) {
	const types = "head_node_type: h\navailable_node_types: {h: {}, w: {resources: {CPU: 1}, %s}}"
	for yaml, want := range map[string]string{
		fmt.Sprintf(types, "docker: {worker_run_options: [--gpus all]}"):                            "available_node_types.w: has no GPU in its resources; with --gpus all its pods get none",
		fmt.Sprintf(types, "node_config: {InstanceType: x9.huge}"):                                  "available_node_types.w.node_config: x9.huge is not known; what it has is not filled in",
		"head_start_ray_commands: [./start.sh]\n" + fmt.Sprintf(types, ""):                          "head_start_ray_commands: has no `ray start`; Ray is started all the same, after these commands",
		"provider: {type: local, head_ip: a, worker_ips: []}\n" + fmt.Sprintf(types, ""):            "provider.head_ip: has no effect: the head and workers are pods",
		"setup_commands: [mount <NFS_SERVER>:/ /a]\n" + fmt.Sprintf(types, ""):                      `setup_commands[0]: has a placeholder ("<NFS_SERVER>")`,
		"file_mounts: {/a: /YOUR/REPO/x}\n" + fmt.Sprintf(types, ""):                                `file_mounts./a: has a placeholder ("/YOUR/REPO/")`,
		"auth: {ssh_user: YOUR_USERNAME}\ndocker: {image: a/YOUR_IMAGE}\n" + fmt.Sprintf(types, ""): `docker.image: has a placeholder ("YOUR_IMAGE")`,
		"head_node_type: h\navailable_node_types: {h: {}, w: {resources: {CPU: 1, Memory: 4096}}}":  "available_node_types.w.resources.Memory: is left out: Ray's own resource is memory",
		fmt.Sprintf(types, "node_config: {acceleratorType: v4-16}"):                                 "available_node_types.w.node_config: which TPU it is has no effect: its nodes need a nodeSelector (node_config may be a pod), and slices of several hosts are not kept together",
		fmt.Sprintf(types, "node_config: {acceleratorConfig: {topology: 2x2x1}}"):                   "available_node_types.w.node_config: which TPU it is has no effect: its nodes need a nodeSelector (node_config may be a pod), and slices of several hosts are not kept together",
		"initial_workers: 1\n" + fmt.Sprintf(types, ""):                                             "initial_workers: a key of old Ray versions; workers that nothing needs are not started",
	} {
		if d := cmp.Diff([]string{want}, parsed(t, yaml).Warnings); d != "" {
			t.Errorf("%s\n%s", yaml, d)
		}
	}
}
