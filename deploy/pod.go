package deploy

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Pod is how the pods of the head or of a type are made, as far as the file
// says, in the words of the chart's values (the JSON names).
type Pod struct {
	Image            Image             `json:"image,omitzero"`
	Resources        Requirements      `json:"resources,omitzero"`
	Env              []map[string]any  `json:"env,omitempty"`
	SetupCommands    []string          `json:"setupCommands,omitempty"` // in Ray's order, each in a shell of its own
	StartCommands    []string          `json:"startCommands,omitempty"` // in the shell that starts Ray: ulimit, export
	RayStartParams   map[string]string `json:"rayStartParams,omitempty"`
	WorkingDir       string            `json:"workingDir,omitempty"`
	ShmSize          string            `json:"shmSize,omitempty"` // a Kubernetes quantity
	SecurityContext  map[string]any    `json:"securityContext,omitempty"`
	RuntimeClassName string            `json:"runtimeClassName,omitempty"`
	Priority         string            `json:"priorityClassName,omitempty"`
	NodeSelector     map[string]string `json:"nodeSelector,omitempty"`
	Affinity         map[string]any    `json:"affinity,omitempty"`
	Tolerations      []map[string]any  `json:"tolerations,omitempty"`
	Spread           []map[string]any  `json:"topologySpreadConstraints,omitempty"`
	Volumes          []map[string]any  `json:"volumes,omitempty"`
	VolumeMounts     []map[string]any  `json:"volumeMounts,omitempty"`
	Labels           map[string]string `json:"podLabels,omitempty"`
	Annotations      map[string]string `json:"podAnnotations,omitempty"`
	Spec             map[string]any    `json:"podSpec,omitempty"`

	// PullSecrets are the names of Secrets to pull the image with.
	PullSecrets []string `json:"-"`
	// EnvFiles are files of this machine with environment variables, which the
	// ones of Env come after.
	EnvFiles []string `json:"-"`
	// NoRuntime says that the nvidia runtime class is not to be chosen.
	NoRuntime bool `json:"-"`
	// AllGPUs says that the container is to have all GPUs of its machine.
	AllGPUs bool `json:"-"`
}

// Image is a container image as the chart writes it: repository:tag.
type Image struct {
	Repository string `json:"repository,omitempty"`
	Tag        string `json:"tag,omitempty"`
	PullPolicy string `json:"pullPolicy,omitempty"` // Always, IfNotPresent or Never
}

// Requirements are Kubernetes quantities by resource.
type Requirements struct {
	Requests map[string]string `json:"requests,omitempty"`
	Limits   map[string]string `json:"limits,omitempty"`
}

// ParseImage splits an image's name. A digest takes the place of the tag, and
// what has neither is the latest, as for docker.
func ParseImage(name string) Image {
	if repository, digest, ok := strings.Cut(name, "@sha256:"); ok {
		return Image{Repository: repository + "@sha256", Tag: digest}
	}
	if i := strings.LastIndex(name, ":"); i > strings.LastIndex(name, "/") {
		return Image{Repository: name[:i], Tag: name[i+1:]}
	}
	return Image{Repository: name, Tag: "latest"}
}

// The setters make what is not there yet.

func (p *Pod) limit(name, quantity string) {
	if p.Resources.Limits == nil {
		p.Resources.Limits = map[string]string{}
	}
	p.Resources.Limits[name] = quantity
}

func (p *Pod) request(name, quantity string) {
	if p.Resources.Requests == nil {
		p.Resources.Requests = map[string]string{}
	}
	p.Resources.Requests[name] = quantity
}

func (p *Pod) selectNodes(label, value string) {
	if p.NodeSelector == nil {
		p.NodeSelector = map[string]string{}
	}
	p.NodeSelector[label] = value
}

func (p *Pod) security(key string, value any) {
	if p.SecurityContext == nil {
		p.SecurityContext = map[string]any{}
	}
	p.SecurityContext[key] = value
}

func (p *Pod) spec(key string, value any) {
	if p.Spec == nil {
		p.Spec = map[string]any{}
	}
	p.Spec[key] = value
}

func (p *Pod) start(key, value string) {
	if p.RayStartParams == nil {
		p.RayStartParams = map[string]string{}
	}
	p.RayStartParams[key] = value
}

// over is p where it says something, else base; lists and maps are those of
// both, p's last, as of two environment variables the later one counts.
func (p Pod) over(base Pod) Pod {
	out := base
	if p.Image.Repository != "" {
		out.Image = p.Image
	}
	out.Image.PullPolicy = cmp.Or(p.Image.PullPolicy, out.Image.PullPolicy)
	out.Resources.Requests = union(base.Resources.Requests, p.Resources.Requests)
	out.Resources.Limits = union(base.Resources.Limits, p.Resources.Limits)
	out.WorkingDir, out.ShmSize = cmp.Or(p.WorkingDir, base.WorkingDir), cmp.Or(p.ShmSize, base.ShmSize)
	out.RuntimeClassName, out.Priority = cmp.Or(p.RuntimeClassName, base.RuntimeClassName), p.Priority
	out.NodeSelector, out.Affinity, out.Tolerations, out.Spread = p.NodeSelector, p.Affinity, p.Tolerations, p.Spread
	out.Annotations, out.PullSecrets = p.Annotations, p.PullSecrets
	out.Env = slices.Concat(base.Env, p.Env)
	out.Volumes = slices.Concat(base.Volumes, p.Volumes)
	out.VolumeMounts = slices.Concat(base.VolumeMounts, p.VolumeMounts)
	out.Labels = union(base.Labels, p.Labels)
	out.SecurityContext = union(base.SecurityContext, p.SecurityContext)
	out.Spec = union(base.Spec, p.Spec)
	return out
}

// union is both, b over a; nil if there is nothing.
func union[V any](a, b map[string]V) map[string]V {
	if len(a)+len(b) == 0 {
		return nil
	}
	out := maps.Clone(a)
	if out == nil {
		out = map[string]V{}
	}
	maps.Copy(out, b)
	return out
}
