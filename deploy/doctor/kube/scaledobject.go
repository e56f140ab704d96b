package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/rayburst/rayburst/deploy/doctor"
)

var scaledObjects = schema.GroupVersionResource{Group: "keda.sh", Version: "v1alpha1", Resource: "scaledobjects"}

func (c collection) objects(ctx context.Context) {
	list, err := c.Dynamic.Resource(scaledObjects).Namespace(c.Namespace).List(ctx, metav1.ListOptions{})
	if c.unread("ScaledObjects", err) {
		return
	}
	for _, u := range list.Items {
		if o, ours := readObject(&u); ours {
			c.out.Objects = append(c.out.Objects, o)
		} else {
			c.out.Others = append(c.out.Others, doctor.Scaled{Namespace: o.Namespace, Name: o.Name, Target: o.Target})
		}
	}
}

// spec is what is read of a ScaledObject's spec.
type spec struct {
	ScaleTargetRef                                     struct{ Kind, Name string }
	PollingInterval, CooldownPeriod                    *int
	MinReplicaCount, MaxReplicaCount, IdleReplicaCount *int
	Fallback                                           map[string]any
	Triggers                                           []trigger
	Advanced                                           struct {
		HorizontalPodAutoscalerConfig struct {
			Behavior struct{ ScaleUp, ScaleDown *direction }
		}
	}
}

type trigger struct {
	Type, MetricType  string
	UseCachedMetrics  bool
	Metadata          map[string]string
	AuthenticationRef struct{ Name string }
}

type direction struct {
	StabilizationWindowSeconds *int
	SelectPolicy               string
	Policies                   []struct {
		Type                 string
		Value, PeriodSeconds int
	}
	Tolerance any // a quantity
}

// readObject reads a ScaledObject, and whether it is of ours: whether a trigger
// names a Ray cluster.
func readObject(u *unstructured.Unstructured) (doctor.ScaledObject, bool) {
	var s spec
	b, err := json.Marshal(u.Object["spec"])
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	out := doctor.ScaledObject{Namespace: u.GetNamespace(), Name: u.GetName(), Target: s.ScaleTargetRef.Name}
	at := slices.IndexFunc(s.Triggers, func(t trigger) bool { return t.Metadata["rayCluster"] != "" })
	if s.ScaleTargetRef.Kind != "" && s.ScaleTargetRef.Kind != "Deployment" {
		out.Target = ""
	}
	if err != nil || at < 0 {
		return out, false
	}
	t := s.Triggers[at]
	out.Cluster, out.Trigger, out.Triggers = t.Metadata["rayCluster"], at, len(s.Triggers)
	out.Type, out.MetricType, out.Cached, out.Auth = t.Type, t.MetricType, t.UseCachedMetrics, t.AuthenticationRef.Name
	out.Polling, out.Cooldown = s.PollingInterval, s.CooldownPeriod
	out.Min, out.Max, out.Idle, out.Fallback = s.MinReplicaCount, s.MaxReplicaCount, s.IdleReplicaCount, s.Fallback != nil
	behavior := s.Advanced.HorizontalPodAutoscalerConfig.Behavior
	out.Up, out.Down = behavior.ScaleUp.read(), behavior.ScaleDown.read()
	out.Paused = paused(u.GetAnnotations())
	out.Ready, out.Message = condition(u, "Ready")
	return out, true
}

func (d *direction) read() *doctor.Direction {
	if d == nil {
		return nil
	}
	out := &doctor.Direction{Stabilization: d.StabilizationWindowSeconds, Select: cmp.Or(d.SelectPolicy, "Max")} // HPA's default
	for _, p := range d.Policies {
		out.Policies = append(out.Policies, doctor.Policy{Type: p.Type, Value: p.Value, Period: p.PeriodSeconds})
	}
	if d.Tolerance != nil {
		b, err := json.Marshal(d.Tolerance)
		text := strings.Trim(string(b), `"`)
		if err == nil {
			out.Tolerance = &text
		}
	}
	return out
}

// paused is the annotation that holds the object.
func paused(annotations map[string]string) string {
	for _, key := range []string{"paused-replicas", "paused", "paused-scale-in", "paused-scale-out"} {
		key = "autoscaling.keda.sh/" + key
		if v, ok := annotations[key]; ok && v != "false" {
			return key + "=" + v
		}
	}
	return ""
}

// condition is a condition's status and message.
func condition(u *unstructured.Unstructured, kind string) (status, message string) {
	all, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	for _, raw := range all {
		if c, ok := raw.(map[string]any); ok && c["type"] == kind {
			status, _ = c["status"].(string)
			message, _ = c["message"].(string)
		}
	}
	return status, message
}
