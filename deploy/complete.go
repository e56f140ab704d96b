package deploy

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/cli/pkg/kvfile"

	"github.com/rayburst/rayburst/demand"
)

// extra are the resources that the chart does not see in the pod itself.
func (p Pod) extra(all demand.Resources) map[string]float64 {
	seen := p.Seen()
	out := map[string]float64{}
	if _, ok := seen["CPU"]; ok {
		out["CPU"] = 0
	}
	for _, r := range all {
		out[r.Name] = r.Amount.Float()
	}
	maps.DeleteFunc(out, func(name string, v float64) bool {
		given, ok := seen[name]
		return ok && given == v || name == "object_store_memory"
	})
	return out
}

// Seen are the resources that the chart derives from the pod's.
func (p Pod) Seen() map[string]float64 {
	out := map[string]float64{}
	all := union(p.Resources.Requests, p.Resources.Limits)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		v, _ := Quantity(all[name])
		switch _, gpu := out["GPU"]; {
		case name == "cpu":
			out["CPU"] = math.Ceil(v)
		case name == "memory":
			out["memory"] = math.Trunc(v)
		case strings.HasSuffix(name, "gpu") && !gpu:
			out["GPU"] = math.Trunc(v)
		}
	}
	return out
}

// devicePlugins are the Kubernetes resources of Ray's.
var devicePlugins = map[string]string{"TPU": "google.com/tpu", "neuron_cores": "aws.amazon.com/neuroncore"}

// complete is the pod with the requests that its resources stand for, its files
// of environment variables read, and the nvidia runtime chosen.
func (p Pod) complete(all demand.Resources, s Surroundings) (Pod, error) {
	if err := p.readEnv(s.Files); err != nil {
		return p, err
	}
	p.Resources.Requests, p.Resources.Limits = maps.Clone(p.Resources.Requests), maps.Clone(p.Resources.Limits)
	p.RayStartParams = maps.Clone(p.RayStartParams)
	for _, r := range all {
		amount := r.Amount.String()
		switch {
		case r.Name == "CPU":
			p.ask("cpu", amount)
		case r.Name == "memory":
			p.ask("memory", amount)
		case r.Name == "object_store_memory":
			p.start("object-store-memory", amount)
		case r.Name == "GPU":
			p.gpu(all, amount)
		case devicePlugins[r.Name] != "":
			p.limit(devicePlugins[r.Name], amount)
		}
	}
	p.bounded()
	p.runtime(s.RuntimeClasses)
	return p, nil
}

// bounded keeps requests, and the chart's own for the head, within the limits.
func (p *Pod) bounded() {
	for _, name := range []string{"cpu", "memory"} {
		most, limited := p.Resources.Limits[name]
		limit, _ := Quantity(most)
		if asked, ok := Quantity(p.Resources.Requests[name]); limited && (!ok || asked > limit) {
			p.request(name, most)
		}
	}
}

// ask requests what the file neither requests nor limits.
func (p *Pod) ask(name, amount string) {
	if p.Resources.Requests[name] == "" && p.Resources.Limits[name] == "" {
		p.request(name, amount)
	}
}

const nvidiaGPU = "nvidia.com/gpu"

// gpu limits the pod to its type's GPUs, of the maker that the type's
// accelerator has.
func (p *Pod) gpu(all demand.Resources, amount string) {
	for name := range p.Resources.Limits {
		if strings.HasSuffix(name, "gpu") {
			return
		}
	}
	name := nvidiaGPU
	for _, r := range all {
		if model, ok := strings.CutPrefix(r.Name, "accelerator_type:"); ok && amd.MatchString(model) {
			name = "amd.com/gpu"
		}
	}
	p.limit(name, amount)
}

var amd = regexp.MustCompile(`^(AMD|Radeon|MI\d|V620|V710)`)

// runtime lets pods with GPUs run on tainted nodes, and by the RuntimeClass
// nvidia where there is one.
func (p *Pod) runtime(offered []string) {
	if p.Resources.Limits[nvidiaGPU] == "" {
		return
	}
	tolerated := func(t map[string]any) bool { return t["key"] == nvidiaGPU }
	if !slices.ContainsFunc(p.Tolerations, tolerated) {
		p.Tolerations = append(slices.Clip(p.Tolerations), map[string]any{"key": nvidiaGPU, "operator": "Exists"})
	}
	if p.RuntimeClassName == "" && !p.NoRuntime && slices.Contains(offered, "nvidia") {
		p.RuntimeClassName = "nvidia"
	}
}

// readEnv puts the files' variables before those of the pod, which win.
func (p *Pod) readEnv(files map[string][]byte) error {
	var env []map[string]any
	for _, name := range p.EnvFiles {
		content, ok := files[name]
		if !ok {
			return fmt.Errorf("--env-file: must be a file that can be read (got %s)", strconv.Quote(name))
		}
		lines, err := kvfile.ParseFromReader(strings.NewReader(string(content)), nil)
		if err != nil {
			return fmt.Errorf("--env-file: %s must have lines NAME=VALUE: %w", name, err)
		}
		for _, l := range lines {
			key, value, _ := strings.Cut(l, "=")
			env = append(env, variable(key, value))
		}
	}
	p.Env = slices.Concat(env, p.Env)
	return nil
}
