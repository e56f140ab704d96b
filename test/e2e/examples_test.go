package e2e_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// example is a cluster of one of Ray's own YAMLs as it is, in the namespace of
// its name. The values say what the lab has instead of a cloud: Ray's image and
// small workers.
func example(t *testing.T, name, file, values string) *launched {
	t.Helper()
	l := &launched{t: t, dir: t.TempDir(), name: name}
	text, err := os.ReadFile(filepath.Join("../../examples/ray", file))
	if err != nil {
		t.Fatal(err)
	}
	l.file("cluster.yaml", string(text))
	l.file("more.yaml", values)
	t.Cleanup(l.clean)
	l.must(l.up("", "--yes", "--namespace", name), 0, "ready", "rayburst attach")
	return l
}

// python runs a driver in the head.
func (l *launched) python(code string) said {
	l.t.Helper()
	return l.must(l.rayburst("", "submit", l.file("driver.py", prelude(l.t)+code), "--namespace", l.name), 0)
}

// replicas waits until the types have so many.
func (l *launched) replicas(want map[string]int32) {
	l.t.Helper()
	eventually(l.t, fmt.Sprint("replicas ", want), func() (bool, string) {
		now := map[string]int32{}
		for name := range want {
			s, err := kube.AppsV1().Deployments(l.name).GetScale(l.t.Context(), l.name+"-"+name, metav1.GetOptions{})
			if err != nil {
				return false, err.Error()
			}
			now[name] = s.Spec.Replicas
		}
		return fmt.Sprint(now) == fmt.Sprint(want), fmt.Sprint(now)
	})
}

// machine is a fake node of a cloud's type.
const machine = `
apiVersion: v1
kind: Node
metadata:
  name: %[1]s
  annotations: {kwok.x-k8s.io/node: fake, node.alpha.kubernetes.io/ttl: "0"}
  labels: {kubernetes.io/hostname: %[1]s, kubernetes.io/os: linux, node.kubernetes.io/instance-type: %[2]s, karpenter.sh/capacity-type: %[3]s}
spec: {taints: [{key: %[4]s, value: present, effect: NoSchedule}]}
status:
  allocatable: {cpu: %[5]d, memory: 244Gi, pods: 100, nvidia.com/gpu: %[6]d}
  capacity: {cpu: %[5]d, memory: 244Gi, pods: 100, nvidia.com/gpu: %[6]d}
`

const typesValues = launchedEnv + `
head:
  image: {repository: docker.io/local/ray, tag: dev, pullPolicy: Never}
workers:
  cpu_4_ondemand: {resources: {requests: {cpu: 50m, memory: 200Mi}, limits: {memory: 1Gi}}}
  cpu_16_spot: {tolerations: [{key: spot, operator: Exists}]}
`

// TestSeedTypes: Ray's example of four node types. The head and a worker of its
// type run real Ray on the lab's node. The others' machines are fake, their GPUs
// extended resources, and come when a cloud would start them: while there are pods
// that need them. Each demand reaches its type and its machine.
func TestSeedTypes(t *testing.T) {
	t.Parallel()
	node := kubectl(t, "-n", "keda", "get", "pods", "-o", "jsonpath={.items[0].spec.nodeName}")
	kubectl(t, "label", "node", node, "node.kubernetes.io/instance-type=m4.xlarge", "--overwrite")
	l := example(t, "types", "seed-types.yaml", typesValues)
	l.replicas(map[string]int32{"cpu-4-ondemand": 1, "cpu-16-spot": 0, "gpu-1-ondemand": 0, "gpu-8-ondemand": 0})
	l.python(`
for name, options in {"spot": dict(num_cpus=0, resources={"Custom1": 1}), "one": dict(num_gpus=1, resources={"Custom2": 1}), "four": dict(num_gpus=4)}.items():
    Actor.options(name=name, lifetime="detached", **options).remote()
while len(ray.nodes()) < 2:
    time.sleep(0.2)
say("CPUs", ray.cluster_resources()["CPU"])
`)
	l.replicas(map[string]int32{"cpu-4-ondemand": 1, "cpu-16-spot": 1, "gpu-1-ondemand": 1, "gpu-8-ondemand": 1})
	machines(t)
	eventually(t, "every worker is on its machine", func() (bool, string) {
		list, err := kube.CoreV1().Pods(l.name).List(t.Context(), metav1.ListOptions{LabelSelector: "ray.io/node-type=worker"})
		if err != nil {
			return false, err.Error()
		}
		var at []string
		for _, p := range list.Items {
			at = append(at, p.Labels["ray.io/group"]+" on "+p.Spec.NodeName)
		}
		slices.Sort(at)
		now := strings.Join(at, ", ")
		return now == "cpu-16-spot on spot-16, cpu-4-ondemand on "+node+", gpu-1-ondemand on gpu-1, gpu-8-ondemand on gpu-8", now
	})
	l.must(l.rayburst("", "status", "--namespace", l.name), 0, "gpu-8-ondemand")
	l.must(l.rayburst("", "down", "-y", "--namespace", l.name), 0, "is gone")
	nothingOf(t, l.name+"-", "-n", l.name)
}

// machines adds the fake machines of the example, until the test ends.
func machines(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		if _, err := run(context.WithoutCancel(t.Context()), "", "kubectl", "delete", "node", "spot-16", "gpu-1", "gpu-8", "--ignore-not-found"); err != nil {
			t.Error(err)
		}
	})
	all := fmt.Sprintf(machine, "spot-16", "m4.4xlarge", "spot", "spot", 16, 0) + "---" +
		fmt.Sprintf(machine, "gpu-1", "p2.xlarge", "on-demand", "nvidia.com/gpu", 4, 1) + "---" +
		fmt.Sprintf(machine, "gpu-8", "p3.8xlarge", "on-demand", "nvidia.com/gpu", 32, 4)
	if _, err := run(t.Context(), all, "kubectl", "apply", "-f", "-"); err != nil {
		t.Fatal(err)
	}
}

const dockersValues = launchedEnv + `
head:
  image: {repository: docker.io/local/ray, tag: dev, pullPolicy: Never}
workers:
  gpu-1-ondemand:
    image: {repository: docker.io/local/ray, tag: dev, pullPolicy: Never}
    setupCommands: ["echo instead of pip install"]
    resources: {requests: {cpu: 50m, memory: 200Mi}, limits: {memory: 1Gi}}
`

// TestSeedDocker: Ray's example of docker options per type. The pods have the
// shared memory that is asked for (as much of it as their memory allows), the
// worker the host's /home beside it.
func TestSeedDocker(t *testing.T) {
	t.Parallel()
	l := example(t, "dockers", "seed-docker.yaml", dockersValues)
	for _, name := range []string{"head", "gpu-1-ondemand"} {
		got := kubectl(t, "-n", l.name, "get", "deployment", l.name+"-"+name, "-o", "jsonpath={.spec.template.spec.volumes[?(@.name=='dshm')].emptyDir.sizeLimit}")
		if got != "8589934592" {
			t.Errorf("the shared memory of %s is %q", name, got)
		}
	}
	got := l.python(`
@ray.remote(num_cpus=1)
def there():
    return [pod(), [l.split()[4] for l in open("/proc/self/mountinfo") if l.split()[4] == "/home"]]


# two tasks hold the head's two CPUs
holds = [task.remote(20) for _ in range(2)]
time.sleep(1)
say("there:", ray.get(there.remote()))
`)
	if !strings.Contains(got.out, "there: ['dockers-gpu-1-ondemand-") || !strings.Contains(got.out, "['/home']]") {
		t.Errorf("the task in the worker says %q", got.out)
	}
	l.must(l.rayburst("", "down", "-y", "--namespace", l.name), 0, "is gone")
	nothingOf(t, l.name+"-", "-n", l.name)
}
