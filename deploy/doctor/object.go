package doctor

import (
	"fmt"
	"strings"
)

// find is a finding about the object, mended by a merge of JSON into its spec;
// without one there is no command.
func (o ScaledObject) find(severity Severity, key, want, got, spec string) Finding {
	f := Finding{severity, "", "ScaledObject " + o.Namespace + "/" + o.Name, key, want, orNothing(got), ""}
	if spec != "" {
		f.Command = fmt.Sprintf("kubectl -n %s patch scaledobject %s --type=merge -p '{\"spec\":{%s}}'", o.Namespace, o.Name, spec)
	}
	return f
}

// triggerKey is a field of our trigger, mended by a JSON patch.
func (o ScaledObject) triggerKey(key, want, got, value string) Finding {
	path := fmt.Sprintf("triggers[%d].%s", o.Trigger, key)
	f := o.find(Error, "spec."+path, want, quoted(got), "")
	f.Command = fmt.Sprintf(`kubectl -n %s patch scaledobject %s --type=json -p '[{"op":"add","path":"/spec/triggers/%d/%s","value":%q}]'`,
		o.Namespace, o.Name, o.Trigger, key, value)
	return f
}

// each applies a rule of one object to all.
func (s *Snapshot) each(rule func(ScaledObject) []Finding) (out []Finding) {
	for _, o := range s.Objects {
		out = append(out, rule(o)...)
	}
	return out
}

func triggerType(s *Snapshot) []Finding {
	return s.each(func(o ScaledObject) (out []Finding) {
		if o.Type != "external-push" {
			out = append(out, o.triggerKey("type", "must be external-push: a rise is pushed, not polled", o.Type, "external-push"))
		}
		if o.Triggers > 1 {
			out = append(out, o.find(Error, "spec.triggers", "must be this one trigger: HPA takes the largest of several", fmt.Sprintf("%d of them", o.Triggers), ""))
		}
		return out
	})
}

func metricType(s *Snapshot) []Finding {
	return s.each(func(o ScaledObject) []Finding {
		if o.MetricType == "AverageValue" || o.MetricType == "" { // KEDA's default
			return nil
		}
		return []Finding{o.triggerKey("metricType", "must be AverageValue: Value is multiplied by the ready pods", o.MetricType, "AverageValue")}
	})
}

// wanted are both directions as the chart ray-cluster writes them.
var wanted = map[string]string{
	"scaleUp":   `"scaleUp":{"stabilizationWindowSeconds":0,"selectPolicy":"Max","policies":[{"type":"Pods","value":10000,"periodSeconds":15}]%s}`,
	"scaleDown": `"scaleDown":{"stabilizationWindowSeconds":0,"selectPolicy":"Max","policies":[{"type":"Percent","value":100,"periodSeconds":15}]%s}`,
}

const behaviorPath = "spec.advanced.horizontalPodAutoscalerConfig.behavior."

// direction is a finding about scaleUp or scaleDown.
func (o ScaledObject) direction(s *Snapshot, name, key, want, got string) Finding {
	tolerance := ""
	if s.Kubernetes.least(1, 35) {
		tolerance = `,"tolerance":"0"`
	}
	return o.find(Error, behaviorPath+name+key, want, got,
		`"advanced":{"horizontalPodAutoscalerConfig":{"behavior":{`+fmt.Sprintf(wanted[name], tolerance)+`}}}`)
}

func behavior(s *Snapshot) []Finding {
	return s.each(func(o ScaledObject) (out []Finding) {
		for name, d := range directions(o) {
			switch {
			case d == nil:
				out = append(out, o.direction(s, name, "", "must be given: HPA's defaults slow every step", ""))
			case d.Stabilization == nil || *d.Stabilization != 0:
				out = append(out, o.direction(s, name, ".stabilizationWindowSeconds", "must be 0", number(d.Stabilization)))
			case d.Select != "Max":
				out = append(out, o.direction(s, name, ".selectPolicy", "must be Max", quoted(d.Select)))
			case !d.wide(name):
				out = append(out, o.direction(s, name, ".policies", "must be one that bounds nothing (10,000 pods up, 100 % down)", fmt.Sprint(d.Policies)))
			}
		}
		return out
	})
}

// directions yields scaleUp and scaleDown.
func directions(o ScaledObject) func(func(string, *Direction) bool) {
	return func(yield func(string, *Direction) bool) {
		if yield("scaleUp", o.Up) {
			yield("scaleDown", o.Down)
		}
	}
}

// wide tells whether a policy bounds no step.
func (d *Direction) wide(name string) bool {
	for _, p := range d.Policies {
		if name == "scaleUp" && p.Type == "Pods" && p.Value >= 10_000 || name == "scaleDown" && p.Type == "Percent" && p.Value >= 100 {
			return true
		}
	}
	return false
}

func tolerance(s *Snapshot) []Finding {
	if !s.Kubernetes.least(1, 35) {
		return nil
	}
	return s.each(func(o ScaledObject) (out []Finding) {
		for name, d := range directions(o) {
			if d != nil && (d.Tolerance == nil || strings.Trim(*d.Tolerance, "0.") != "") {
				got := ""
				if d.Tolerance != nil {
					got = quoted(*d.Tolerance)
				}
				out = append(out, o.direction(s, name, ".tolerance", `must be "0": with HPA's 10 % a change of one worker of ten is ignored`, got))
			}
		}
		return out
	})
}

func polling(s *Snapshot) []Finding {
	least := recommended(len(s.Objects)).polling
	return s.each(func(o ScaledObject) []Finding {
		n := 30 // KEDA's default
		if o.Polling != nil {
			n = *o.Polling
		}
		switch {
		case n < least:
			return []Finding{o.find(Warning, "spec.pollingInterval", fmt.Sprintf("should be at least %d with %d node types: KEDA writes a status per look", least, len(s.Objects)),
				number(o.Polling), fmt.Sprintf(`"pollingInterval":%d,"cooldownPeriod":%d`, least, 2*least))}
		case o.Polling == nil:
			return []Finding{o.find(Info, "spec.pollingInterval", "is KEDA's 30 s: a type's last worker waits for it", "", fmt.Sprintf(`"pollingInterval":%d,"cooldownPeriod":%d`, max(least, 5), 2*max(least, 5)))}
		}
		return nil
	})
}

func cooldown(s *Snapshot) []Finding {
	return s.each(func(o ScaledObject) []Finding {
		poll := 30
		if o.Polling != nil {
			poll = *o.Polling
		}
		switch {
		case o.Cooldown == nil:
			return []Finding{o.find(Warning, "spec.cooldownPeriod", "should be given: KEDA's 300 s keep a type's last worker", "", fmt.Sprintf(`"cooldownPeriod":%d`, 2*poll))}
		case *o.Cooldown <= poll:
			return []Finding{o.find(Error, "spec.cooldownPeriod", fmt.Sprintf("must be above pollingInterval (%d): else KEDA stops busy workers when the object changes", poll), number(o.Cooldown),
				fmt.Sprintf(`"cooldownPeriod":%d`, 2*poll))}
		}
		return nil
	})
}

// limits: minimum and maximum are in order, and the HPA's are the object's.
func limits(s *Snapshot) []Finding {
	hpas := map[string]HPA{}
	for _, h := range s.HPAs {
		hpas[h.Namespace+"/"+h.Owner] = h
	}
	return s.each(func(o ScaledObject) (out []Finding) {
		least, most := 0, 100 // KEDA's defaults
		if o.Min != nil {
			least = *o.Min
		}
		if o.Max != nil {
			most = *o.Max
		}
		if least > most {
			out = append(out, o.find(Error, "spec.minReplicaCount", fmt.Sprintf("must not be above maxReplicaCount (%d)", most), fmt.Sprint(least), fmt.Sprintf(`"minReplicaCount":%d`, most)))
		}
		h, ok := hpas[o.Namespace+"/"+o.Name]
		restart := "kubectl get deployments -A -l app=keda-operator"
		if s.KEDA != nil {
			restart = fmt.Sprintf("kubectl -n %s rollout restart deployment/%s", s.KEDA.Namespace, s.KEDA.Name)
		}
		switch {
		case !ok && o.Paused == "" && !s.hidden(Autoscalers):
			f := o.find(Error, "status.hpaName", "KEDA must have made an HPA", "", "")
			f.Command = fmt.Sprintf("kubectl -n %s describe scaledobject %s", o.Namespace, o.Name)
			out = append(out, f)
		case ok && (h.Min != max(least, 1) || h.Max != most):
			f := o.find(Error, "HPA "+h.Name, fmt.Sprintf("must have %d…%d replicas, as the object", max(least, 1), most), fmt.Sprintf("%d…%d", h.Min, h.Max), "")
			f.Command = restart
			out = append(out, f)
		}
		return out
	})
}

func fallback(s *Snapshot) []Finding {
	return s.each(func(o ScaledObject) (out []Finding) {
		if o.Fallback {
			out = append(out, o.find(Error, "spec.fallback", "must not be set: in an outage it starts or stops workers, instead of holding", "a fallback", `"fallback":null`))
		}
		if o.Idle != nil {
			out = append(out, o.find(Error, "spec.idleReplicaCount", "must not be set", number(o.Idle), `"idleReplicaCount":null`))
		}
		if o.Cached {
			f := o.triggerKey("useCachedMetrics", "must not be set", "true", "")
			f.Command = fmt.Sprintf(`kubectl -n %s patch scaledobject %s --type=json -p '[{"op":"remove","path":"/spec/triggers/%d/useCachedMetrics"}]'`, o.Namespace, o.Name, o.Trigger)
			out = append(out, f)
		}
		return out
	})
}

func ready(s *Snapshot) []Finding {
	return s.each(func(o ScaledObject) []Finding {
		if o.Ready == "True" || o.Paused != "" {
			return nil
		}
		f := o.find(Error, "status.conditions[Ready]", "must be True", strings.TrimSpace(o.Ready+" "+o.Message), "")
		f.Command = fmt.Sprintf("kubectl -n %s describe scaledobject %s", o.Namespace, o.Name)
		return []Finding{f}
	})
}

func paused(s *Snapshot) []Finding {
	return s.each(func(o ScaledObject) []Finding {
		if o.Paused == "" {
			return nil
		}
		key, _, _ := strings.Cut(o.Paused, "=")
		f := o.find(Info, "metadata.annotations", "it is held where it is, on purpose or not", o.Paused, "")
		f.Command = fmt.Sprintf("kubectl -n %s annotate scaledobject %s %s-", o.Namespace, o.Name, key)
		return []Finding{f}
	})
}

// oneScaler: no other HPA or ScaledObject is on the same Deployment.
func oneScaler(s *Snapshot) []Finding {
	return s.each(func(o ScaledObject) (out []Finding) {
		for _, h := range s.HPAs {
			if h.Namespace == o.Namespace && h.Target == o.Target && h.Owner != o.Name {
				f := o.find(Error, "spec.scaleTargetRef.name", "must have no other HPA", "HPA "+h.Name, "")
				f.Command = fmt.Sprintf("kubectl -n %s delete hpa %s", h.Namespace, h.Name)
				out = append(out, f)
			}
		}
		for _, other := range append(s.same(o), s.Others...) {
			if other.Namespace == o.Namespace && other.Target == o.Target {
				f := o.find(Error, "spec.scaleTargetRef.name", "must have no other ScaledObject", "ScaledObject "+other.Name, "")
				f.Command = fmt.Sprintf("kubectl -n %s delete scaledobject %s", other.Namespace, other.Name)
				out = append(out, f)
			}
		}
		return out
	})
}

// same are the other objects of ours.
func (s *Snapshot) same(o ScaledObject) (out []Scaled) {
	for _, other := range s.Objects {
		if other.Name != o.Name {
			out = append(out, Scaled{other.Namespace, other.Name, other.Target})
		}
	}
	return out
}

// inTree: Ray's own autoscaler does not run in a cluster that is scaled here.
func inTree(s *Snapshot) (out []Finding) {
	ours := map[string]bool{}
	for _, o := range s.Objects {
		ours[o.Namespace+"/"+o.Cluster] = true
	}
	for _, c := range s.RayClusters {
		if c.Autoscaling && ours[c.Namespace+"/"+c.Name] {
			out = append(out, Finding{Error, "", "RayCluster " + c.Namespace + "/" + c.Name, "spec.enableInTreeAutoscaling", "must be false: two autoscalers would tell Ray different things", "true",
				fmt.Sprintf(`kubectl -n %s patch raycluster.ray.io %s --type=merge -p '{"spec":{"enableInTreeAutoscaling":false}}'`, c.Namespace, c.Name)})
		}
	}
	for _, h := range s.Heads {
		if ours[h.Namespace+"/"+h.Cluster] && strings.Contains(h.Command, "start") && !strings.Contains(h.Command, "--no-monitor") {
			out = append(out, Finding{Error, "", "Pod " + h.Namespace + "/" + h.Name, "spec.containers[ray].args", "must have --no-monitor: Ray's own autoscaler runs in this head", quoted(short(h.Command)),
				fmt.Sprintf("kubectl -n %s get pod %s -o yaml # start Ray with: ray start --head --no-monitor", h.Namespace, h.Name)})
		}
	}
	return out
}

func short(text string) string {
	if r := []rune(text); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return text
}
