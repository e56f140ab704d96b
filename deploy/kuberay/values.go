package kuberay

import (
	"slices"

	"github.com/rayburst/rayburst/deploy"
)

// headValues are the chart's values of the head.
type headValues struct {
	deploy.Pod
	RayCPUs float64 `json:"rayCPUs"`
}

// values are the chart's, without those of its own defaults that a pod of
// KubeRay's does not have.
func (c cluster) values() (map[string]any, error) {
	types := map[string]any{"cpu": nil}
	for _, w := range c.groups {
		types[w.Name] = w
	}
	out, err := plain(map[string]any{"upscalingSpeed": c.speed, "head": headValues{c.headPod, c.headCPUs}, "workers": types})
	if err != nil {
		return nil, err
	}
	deploy.WithoutDefaultHead(out)
	deploy.WithoutDefaultType(out)
	if c.suspend {
		out["suspend"] = true
	}
	if c.auth != nil {
		out["auth"] = c.auth
	}
	if secrets := c.pullSecrets(); len(secrets) > 0 {
		out["imagePullSecrets"] = secrets
	}
	return plain(out)
}

func (c cluster) pullSecrets() []map[string]string {
	names := slices.Clone(c.headPod.PullSecrets)
	for _, w := range c.groups {
		names = append(names, w.PullSecrets...)
	}
	slices.Sort(names)
	var out []map[string]string
	for _, n := range slices.Compact(names) {
		out = append(out, map[string]string{"name": n})
	}
	return out
}
