package kuberay

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/rayburst/rayburst/deploy"
)

// workers are a worker group, as the chart has a type.
type workers struct {
	deploy.Pod
	Name           string             `json:"-"`
	MinWorkers     int                `json:"minWorkers"`
	MaxWorkers     int                `json:"maxWorkers"`
	Replicas       *int               `json:"replicas,omitempty"`
	Idle           *int               `json:"idleTimeoutSeconds,omitempty"`
	Priority       int                `json:"priority,omitempty"`
	Labels         map[string]string  `json:"labels,omitempty"`
	ExtraResources map[string]float64 `json:"extraResources,omitempty"`
}

// workers reads a group; false: it has no equivalent as a whole.
func (s section) workers(scaled bool, idle int) (workers, bool) {
	w := workers{Name: s.groupName()}
	if hosts := s.integer("numOfHosts", 1, 1); hosts > 1 {
		s.lose(s.key("numOfHosts"), hosts, "the group is left out: several pods that come and go as one are not made here; leave it on KubeRay")
		return w, false
	}
	s.size(&w, scaled)
	if v := s.take("suspend"); v == true {
		w.Replicas = new(int)
	} else if v != nil && v != false {
		s.fail(s.key("suspend"), "must be true or false", v)
	}
	if own := s.integer("idleTimeoutSeconds", 0, idle); scaled {
		w.Idle = &own
	}
	w.Priority = s.integer("priority", math.MinInt32, 0)
	p := s.startParams()
	w.Pod = s.pod()
	if w.Image.Repository == "" {
		s.fail(s.key("template.spec.containers[0].image"), "must be given", nil)
	}
	if len(p.more) > 0 {
		w.RayStartParams = p.more
	}
	w.Labels, w.ExtraResources = p.labels, extra(w.Seen(), p.resources)
	if strategy := s.section("scaleStrategy"); len(strategy.fields) > 0 {
		strategy.take("workersToDelete") // the state of an autoscaler
		strategy.rest()
	}
	s.rest()
	return w, true
}

// groupName is the group's name as a node type's.
func (s section) groupName() string {
	given := s.text("groupName")
	name := deploy.KubeName(given)
	switch {
	case name == "" || name == "head" || name == "head-agent":
		s.fail(s.key("groupName"), "must be a name other than head and head-agent", given)
	case name != given:
		s.lose(s.key("groupName"), given, "it is called "+name+", for Ray too")
	}
	return name
}

// size reads how many workers there may be. Without KubeRay's autoscaler there
// are as many as replicas says.
func (s section) size(w *workers, scaled bool) {
	replicas := s.integer("replicas", 0, 0)
	w.MinWorkers = s.integer("minReplicas", 0, 0)
	most := s.integer("maxReplicas", 0, math.MaxInt32)
	if w.MinWorkers > most {
		s.fail(s.key("minReplicas"), fmt.Sprintf("must not be above maxReplicas (%d)", most), w.MinWorkers)
	}
	if !scaled {
		replicas = min(max(replicas, w.MinWorkers), most)
		w.MinWorkers, most = replicas, replicas
	}
	if scaled && most > mostWorkers {
		s.lose(s.key("maxReplicas"), most, fmt.Sprintf("no limit is %d here: set maxWorkers", mostWorkers))
	}
	if most == 0 { // a type that may have no worker
		w.Replicas = new(int)
	}
	w.MaxWorkers, w.MinWorkers = max(bounded(most), 1), bounded(w.MinWorkers)
}

// extra are the resources that the chart does not derive from the pod.
func extra(seen, all map[string]float64) map[string]float64 {
	out := maps.Clone(all)
	maps.DeleteFunc(out, func(name string, v float64) bool {
		derived, ok := seen[name]
		return ok && derived == v
	})
	return out
}

func asText(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte(err.Error()) // numbers by name can be written
	}
	return b
}

// joined are labels as `ray start` reads them.
func joined(labels map[string]string) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		out = append(out, k+"="+labels[k])
	}
	return strings.Join(out, ",")
}
