package deploy

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// podKeys are the fields of a pod's spec (core/v1): those with a rule have a
// place of their own, podRefused none, and all others go into the pod as they
// are.
var podKeys = func() rules {
	out := rules{}
	for _, k := range strings.Fields(`activeDeadlineSeconds affinity automountServiceAccountToken containers dnsConfig dnsPolicy
		enableServiceLinks ephemeralContainers hostAliases hostIPC hostNetwork hostPID hostUsers hostname imagePullSecrets initContainers
		nodeName nodeSelector os overhead preemptionPolicy priority priorityClassName readinessGates resourceClaims restartPolicy
		runtimeClassName schedulerName schedulingGates securityContext serviceAccount serviceAccountName setHostnameAsFQDN
		shareProcessNamespace subdomain terminationGracePeriodSeconds tolerations topologySpreadConstraints volumes`) {
		out[k] = nil
	}
	maps.Copy(out, rules{
		"containers": aList, "imagePullSecrets": aList, "tolerations": aList, "topologySpreadConstraints": aList, "volumes": aList,
		"affinity": aMapping, "nodeSelector": textMap, "priorityClassName": aText, "runtimeClassName": aText,
	})
	return out
}()

var (
	podOwn     = []string{"affinity", "containers", "imagePullSecrets", "nodeSelector", "priorityClassName", "runtimeClassName", "tolerations", "topologySpreadConstraints", "volumes"}
	podChart   = []string{"automountServiceAccountToken", "enableServiceLinks", "restartPolicy", "terminationGracePeriodSeconds"}
	podRefused = []string{"activeDeadlineSeconds", "ephemeralContainers", "initContainers", "nodeName"}

	objectKeys    = rules{"apiVersion": oneOf("v1"), "kind": oneOf("Pod"), "metadata": object(metadataKeys), "spec": aMapping}
	metadataKeys  = rules{"annotations": textMap, "generateName": aText, "labels": textMap, "name": aText, "namespace": aText}
	containerKeys = rules{
		"args": aList, "command": aList, "env": aList, "image": aText, "imagePullPolicy": oneOf("IfNotPresent", "Always", "Never"), "name": aText,
		"ports": aList, "resources": object(rules{"limits": aMapping, "requests": aMapping}), "securityContext": aMapping,
		"stdin": aBoolean, "tty": aBoolean, "volumeMounts": aList, "workingDir": aText,
	}
)

// podNode is a node_config that is a whole pod, as the launcher's Kubernetes
// provider had it: the container is named ray-node, or is the only one.
func (p *parser) podNode(key string, at *yaml.Node) node {
	object := p.strict(key, at, objectKeys)
	meta := p.section(object, "metadata", metadataKeys)
	spec := p.section(object, "spec", podKeys)
	n := node{}
	n.pod.Labels, n.pod.Annotations = p.textMap(meta, "labels"), p.textMap(meta, "annotations")
	for _, k := range slices.Sorted(maps.Keys(n.pod.Labels)) {
		if ChartLabel(k) {
			p.fail(object.node, meta.path("labels")+"."+k, "must not be given: the chart sets it", strconv.Quote(n.pod.Labels[k]))
		}
	}
	n.pod.Priority, n.pod.RuntimeClassName = p.text(spec, "priorityClassName", ""), p.text(spec, "runtimeClassName", "")
	n.pod.NodeSelector = p.textMap(spec, "nodeSelector")
	n.pod.Affinity, _ = p.plain(spec.path("affinity"), spec.values["affinity"]).(map[string]any)
	n.pod.Tolerations, n.pod.Spread = p.objects(spec, "tolerations"), p.objects(spec, "topologySpreadConstraints")
	n.pod.Volumes = p.objects(spec, "volumes")
	for _, s := range p.objects(spec, "imagePullSecrets") {
		n.pod.PullSecrets = append(n.pod.PullSecrets, fmt.Sprint(s["name"]))
	}
	p.restOfSpec(spec, &n.pod)
	p.containers(spec, &n)
	return n
}

// restOfSpec takes over what has no place of its own.
func (p *parser) restOfSpec(spec fields, pod *Pod) {
	for _, k := range spec.order {
		switch {
		case slices.Contains(podRefused, k):
			p.failf(spec, k, "must not be given: workers come and go as their Deployment says", describe(spec.values[k]))
		case !slices.Contains(podOwn, k) && !slices.Contains(podChart, k) && given(spec, k):
			pod.spec(k, p.plain(spec.path(k), spec.values[k]))
		}
	}
}

// objects is a list of mappings.
func (p *parser) objects(m fields, key string) []map[string]any {
	var out []map[string]any
	for i, n := range p.list(m, key) {
		path := fmt.Sprintf("%s[%d]", m.path(key), i)
		v, ok := p.plain(path, n).(map[string]any)
		if !ok && p.err == nil {
			p.fail(n, path, "must be a mapping", describe(n))
		}
		out = append(out, v)
	}
	return out
}

func (p *parser) containers(spec fields, n *node) {
	list := p.list(spec, "containers")
	if len(list) != 1 && p.err == nil && spec.node != nil {
		p.failf(spec, "containers", "must be one container, Ray's", fmt.Sprintf("%d of them", len(list)))
	}
	if p.err != nil || len(list) == 0 {
		return
	}
	m := p.strict(spec.path("containers")+"[0]", list[0], containerKeys)
	pod := &n.pod
	if image := p.text(m, "image", ""); image != "" {
		pod.Image = ParseImage(image)
	}
	pod.Image.PullPolicy = p.text(m, "imagePullPolicy", "")
	pod.WorkingDir = p.text(m, "workingDir", "")
	pod.Env = p.objects(m, "env")
	pod.SecurityContext, _ = p.plain(m.path("securityContext"), m.values["securityContext"]).(map[string]any)
	pod.VolumeMounts = p.objects(m, "volumeMounts")
	pod.TakeSharedMemory()
	n.units = map[string]float64{}
	r := p.mapping(m.path("resources"), m.values["resources"], nil)
	p.quantities(r, "requests", pod.request, n.units)
	p.quantities(r, "limits", pod.limit, n.units)
}

// TakeSharedMemory takes out a volume for /dev/shm, which the chart has itself.
func (p *Pod) TakeSharedMemory() {
	for i, m := range p.VolumeMounts {
		if m["mountPath"] != "/dev/shm" {
			continue
		}
		p.VolumeMounts = slices.Delete(p.VolumeMounts, i, i+1)
		p.Volumes = slices.DeleteFunc(p.Volumes, func(v map[string]any) bool {
			dir, _ := v["emptyDir"].(map[string]any)
			if size := dir["sizeLimit"]; size != nil && v["name"] == m["name"] {
				p.ShmSize = fmt.Sprint(size)
			}
			return v["name"] == m["name"]
		})
		return
	}
}

// quantities reads requests or limits; what Ray is told of them is as in the
// chart: CPUs rounded up, bytes, and the first resource that ends in gpu.
func (p *parser) quantities(m fields, key string, set func(name, quantity string), units map[string]float64) {
	q := p.mapping(m.path(key), m.values[key], nil)
	delete(units, "GPU") // of the limits, if they have any
	for _, name := range slices.Sorted(maps.Keys(q.values)) {
		n := p.scalar(q, name, "a quantity")
		if n == nil {
			continue
		}
		v, ok := Quantity(n.Value)
		if !ok {
			p.failf(q, name, "must be a Kubernetes quantity such as 500m, 4 or 8Gi", strconv.Quote(n.Value))
		}
		set(name, n.Value)
		_, hasGPU := units["GPU"]
		switch {
		case name == "cpu":
			units["CPU"] = math.Ceil(v)
		case name == "memory":
			units["memory"] = math.Trunc(v)
		case strings.HasSuffix(name, "gpu") && !hasGPU:
			units["GPU"] = math.Trunc(v)
		}
	}
}

var suffixes = map[string]float64{
	"": 1, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40,
}

// Quantity is a Kubernetes quantity as a number within 0…1e14.
func Quantity(text string) (float64, bool) {
	digits := strings.TrimRight(text, "mkMGTi")
	factor, ok := suffixes[text[len(digits):]]
	v, err := strconv.ParseFloat(digits, 64)
	v *= factor
	return v, ok && err == nil && v >= 0 && v <= 1e14
}
