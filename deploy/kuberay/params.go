package kuberay

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/rayburst/rayburst/deploy"
)

// chartParams are options of `ray start` that the chart gives itself, with the
// values that need no word: any, if there is none.
var chartParams = map[string]string{
	"address": "", "autoscaling-config": "", "block": "true", "dashboard-host": "0.0.0.0", "head": "", "metrics-export-port": "8080",
	"no-monitor": "", "port": "6379",
}

// params are a group's rayStartParams, sorted out.
type params struct {
	resources map[string]float64 // what Ray is told of
	labels    map[string]string
	more      map[string]string // for the chart's rayStartParams
}

// startParams reads rayStartParams, and the group's own resources and labels,
// which count more.
func (s section) startParams() params {
	out := params{resources: map[string]float64{}, labels: map[string]string{}, more: map[string]string{}}
	path := s.key("rayStartParams")
	given := s.scalars("rayStartParams")
	for _, name := range sortedKeys(given) {
		out.param(s.reader, path+"."+name, name, strings.TrimSpace(given[name]))
	}
	for name, v := range s.scalars("resources") {
		s.amount(out.resources, s.key("resources")+"."+name, name, v)
	}
	for name, v := range s.scalars("labels") {
		out.labels[name] = v
	}
	return out
}

// units are Ray's names of what has an option of its own.
var units = map[string]string{"num-cpus": "CPU", "num-gpus": "GPU", "memory": "memory"}

func (p params) param(r *reader, path, name, value string) {
	own, isOwn := chartParams[name]
	switch {
	case units[name] != "":
		r.amount(p.resources, path, units[name], value)
	case name == "resources":
		p.custom(r, path, value)
	case name == "labels":
		p.label(r, path, unquoted(value))
	case isOwn && own != "" && value != own:
		r.lose(path, value, "the chart starts Ray with "+own)
	case isOwn:
	case variable.MatchString(value):
		p.more[name] = variable.ReplaceAllString(value, "$$($1)")
	case strings.Contains(value, "$") && !strings.HasPrefix(value, "$("):
		r.lose(path, value, "no shell reads it: give the value itself, or $(VARIABLE) of env")
	default:
		p.more[name] = value
	}
}

// variable is one of the container, which KubeRay's shell reads and here
// Kubernetes.
var variable = regexp.MustCompile(`^\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?$`)

// amount is a resource, in whole units as Ray's autoscaler has it for KubeRay.
func (r *reader) amount(into map[string]float64, path, name, value string) {
	v, ok := deploy.Quantity(value)
	if !ok {
		r.fail(path, "must be a quantity within 0…1e14", value)
		return
	}
	into[name] = math.Ceil(v)
}

// custom reads resources as KubeRay has them: JSON, often in quotes for a shell.
func (p params) custom(r *reader, path, value string) {
	var m map[string]json.Number
	if err := json.Unmarshal([]byte(unquoted(value)), &m); err != nil {
		r.fail(path, `must be JSON of numbers by name, as '"{\"special\": 1}"'`, value)
		return
	}
	for _, name := range sortedKeys(m) {
		r.amount(p.resources, path+"."+name, name, m[name].String())
	}
}

// label reads key=value,key=value.
func (p params) label(r *reader, path, value string) {
	for l := range strings.SplitSeq(value, ",") {
		k, v, ok := strings.Cut(strings.TrimSpace(l), "=")
		if !ok && l != "" {
			r.fail(path, "must be key=value,key=value", value)
		}
		if ok {
			p.labels[k] = v
		}
	}
}

// unquoted is a text without the quotes that a shell takes away.
func unquoted(text string) string {
	for _, q := range []string{`"`, `'`} {
		if inner, ok := strings.CutPrefix(text, q); ok && len(inner) > 0 && strings.HasSuffix(inner, q) {
			text = strings.TrimSuffix(inner, q)
			break
		}
	}
	return strings.ReplaceAll(text, `\"`, `"`)
}

func sortedKeys[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
