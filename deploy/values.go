package deploy

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rayburst/rayburst/nodetypes"
)

// Surroundings are what Values needs to know besides the cluster.
type Surroundings struct {
	// RuntimeClasses are those that the Kubernetes cluster offers.
	RuntimeClasses []string
	// Files are the contents of the EnvFiles of all pods, by their names.
	Files map[string][]byte
}

// values are the values of charts/ray-cluster.
type values struct {
	ImagePullSecrets []map[string]string `json:"imagePullSecrets,omitempty"`
	UpscalingSpeed   any                 `json:"upscalingSpeed"` // a number or inf
	MaxWorkers       int                 `json:"maxWorkers"`
	Head             headValues          `json:"head"`
	Workers          map[string]any      `json:"workers"`
}

type headValues struct {
	Pod
	RayCPUs float64 `json:"rayCPUs"`
}

type workerValues struct {
	Pod
	MinWorkers         int                `json:"minWorkers"`
	MaxWorkers         int                `json:"maxWorkers"`
	IdleTimeoutSeconds float64            `json:"idleTimeoutSeconds"`
	Priority           int                `json:"priority,omitempty"`
	Labels             map[string]string  `json:"labels,omitempty"`
	ExtraResources     map[string]float64 `json:"extraResources,omitempty"`
}

// Release is the cluster's name as Kubernetes allows it: the name of its Helm
// release and, as namespace/name, that of the Ray cluster.
func (c *Cluster) Release() string { return KubeName(c.Name) }

var notInNames = regexp.MustCompile(`[^a-z0-9-]+`)

// KubeName is a name in lower case with '-' for all that Kubernetes does not
// allow in names.
func KubeName(name string) string {
	return strings.Trim(notInNames.ReplaceAllString(strings.ToLower(name), "-"), "-")
}

// Values are the values of charts/ray-cluster for this cluster. It fails with
// ErrYAML where two types have one name in Kubernetes or a name is too long
// there, and where a file of environment variables is not given or not right.
func (c *Cluster) Values(s Surroundings) (map[string]any, error) {
	v := values{MaxWorkers: c.MaxWorkers, UpscalingSpeed: c.UpscalingSpeed, Workers: map[string]any{"cpu": nil}} // none of the chart's own
	if math.IsInf(c.UpscalingSpeed, 1) {
		v.UpscalingSpeed = "inf"
	}
	var err error
	if v.Head, err = c.head(s); err != nil {
		return nil, err
	}
	for _, t := range c.Types {
		if t.MaxWorkers == 0 {
			continue
		}
		name, err := c.kubeType(t.Name, v.Workers)
		if err != nil {
			return nil, err
		}
		if v.Workers[name], err = c.worker(t, s); err != nil {
			return nil, err
		}
	}
	v.ImagePullSecrets = c.pullSecrets()
	return plainValues(v)
}

// plainValues are values as Helm reads them from a file.
func plainValues(v values) (map[string]any, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("the chart's values: %w", err)
	}
	var out map[string]any
	if err := json.Unmarshal(b, &out); err != nil {
		return nil, fmt.Errorf("the chart's values: %w", err)
	}
	head := out["head"].(map[string]any)
	r, _ := head["resources"].(map[string]any)
	if requests, ok := r["requests"].(map[string]any); ok && (requests["cpu"] != nil || requests["memory"] != nil) {
		unset(head, "resources", "limits", "memory")
	}
	WithoutDefaultType(out)
	return out, nil
}

// WithoutDefaultType keeps the chart's values of its type cpu from a type of this
// name: they would lie beneath it.
func WithoutDefaultType(values map[string]any) {
	workers, _ := values["workers"].(map[string]any)
	cpu, ok := workers["cpu"].(map[string]any)
	if !ok {
		return
	}
	unset(cpu, "idleTimeoutSeconds")
	for _, part := range []string{"requests", "limits"} {
		unset(cpu, "resources", part, "cpu")
		unset(cpu, "resources", part, "memory")
	}
}

// WithoutDefaultHead keeps the chart's resources of the head from one whose
// resources are known.
func WithoutDefaultHead(values map[string]any) {
	head, ok := values["head"].(map[string]any)
	if !ok {
		return
	}
	unset(head, "resources", "requests", "cpu")
	unset(head, "resources", "requests", "memory")
	unset(head, "resources", "limits", "memory")
}

// unset makes a value that is not given null, which takes the chart's own away.
func unset(m map[string]any, path ...string) {
	for _, key := range path[:len(path)-1] {
		next, ok := m[key].(map[string]any)
		if !ok {
			next = map[string]any{}
			m[key] = next
		}
		m = next
	}
	if last := path[len(path)-1]; m[last] == nil {
		m[last] = nil
	}
}

// kubeType is a type's name in Kubernetes, where it must be alone.
func (c *Cluster) kubeType(name string, taken map[string]any) (string, error) {
	key, kube := "available_node_types."+name, KubeName(name)
	full := c.Release() + "-" + kube
	bad := func(rule, value string) error { return &FieldError{Key: key, Rule: rule, Value: strconv.Quote(value)} }
	switch {
	case kube == "" || kube == "head" || kube == "head-agent":
		return "", bad("a type with workers must not be called head or head-agent in Kubernetes", kube)
	case taken[kube] != nil:
		return "", bad("must not have the name of another type in Kubernetes", kube)
	case len(full) > 63 || len(c.Release()) > 53:
		return "", bad("with cluster_name it must have at most 63 letters, and that at most 53", full)
	}
	return kube, nil
}

func (c *Cluster) pullSecrets() []map[string]string {
	names := slices.Clone(c.HeadPod.PullSecrets)
	for _, t := range c.Types {
		names = append(names, c.Pods[t.Name].PullSecrets...)
	}
	slices.Sort(names)
	var out []map[string]string
	for _, n := range slices.Compact(names) {
		out = append(out, map[string]string{"name": n})
	}
	return out
}

// head tells Ray of the head's type by ray start's own options.
func (c *Cluster) head(s Surroundings) (headValues, error) {
	pod, err := c.HeadPod.complete(c.Head.Resources, s)
	if err != nil {
		return headValues{}, fmt.Errorf("%w: the head: %w", ErrYAML, err)
	}
	out := headValues{Pod: pod}
	custom := map[string]float64{}
	for _, r := range c.Head.Resources {
		switch r.Name {
		case "CPU":
			out.RayCPUs = r.Amount.Float()
		case "GPU":
			out.start("num-gpus", r.Amount.String())
		case "memory":
			out.start("memory", r.Amount.String())
		case "object_store_memory":
		default:
			custom[r.Name] = r.Amount.Float()
		}
	}
	if len(custom) > 0 {
		b, _ := json.Marshal(custom) // numbers
		out.start("resources", string(b))
	}
	if len(c.Head.Labels) > 0 {
		var labels []string
		for _, k := range slices.Sorted(maps.Keys(c.Head.Labels)) {
			labels = append(labels, k+"="+c.Head.Labels[k])
		}
		out.start("labels", strings.Join(labels, ","))
	}
	return out, nil
}

func (c *Cluster) worker(t nodetypes.NodeType, s Surroundings) (workerValues, error) {
	pod, err := c.Pods[t.Name].complete(t.Resources, s)
	if err != nil {
		return workerValues{}, fmt.Errorf("%w: available_node_types.%s: %w", ErrYAML, t.Name, err)
	}
	idle := c.IdleTimeout
	if t.IdleTimeout != nil {
		idle = *t.IdleTimeout
	}
	return workerValues{
		Pod: pod, MinWorkers: t.MinWorkers, MaxWorkers: t.MaxWorkers, IdleTimeoutSeconds: idle.Seconds(), Priority: t.Priority,
		Labels: t.Labels, ExtraResources: pod.extra(t.Resources),
	}, nil
}

// EnvFiles are the files of environment variables that the pods name, sorted.
func (c *Cluster) EnvFiles() []string {
	names := slices.Clone(c.HeadPod.EnvFiles)
	for _, p := range c.Pods {
		names = append(names, p.EnvFiles...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
