package charts

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

// object reads a manifest as strictly as an API server with field validation:
// unknown and doubled fields are errors.
func object(t *testing.T, manifest string) runtime.Object {
	t.Helper()
	strict := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	o, _, err := strict.Decode([]byte(manifest), nil, nil)
	if err == nil {
		return o
	}
	if !runtime.IsNotRegisteredError(err) {
		t.Fatalf("%v in\n%s", err, manifest)
	}
	custom := &unstructured.Unstructured{}
	if err := yaml.UnmarshalStrict([]byte(manifest), &custom.Object); err != nil {
		t.Fatalf("%v in\n%s", err, manifest)
	}
	return custom
}

// each calls f with every object of every scenario of a chart that is of a kind.
func each[T runtime.Object](t *testing.T, name string, f func(t *testing.T, s scenario, o T)) {
	t.Helper()
	n := 0
	for _, s := range scenarios(t) {
		if s.chart != name {
			continue
		}
		t.Run(s.String(), func(t *testing.T) {
			for _, m := range s.render(t).all() {
				if o, ok := object(t, m).(T); ok {
					f(t, s, o)
					n++
				}
			}
		})
	}
	if n == 0 {
		t.Error("there are none")
	}
}

// TestRestricted: every pod of the scaler's chart fulfils the Pod Security
// Standard restricted.
func TestRestricted(t *testing.T) {
	each(t, "rayburst", func(t *testing.T, _ scenario, d *appsv1.Deployment) { restricted(t, d.Name, d.Spec.Template.Spec) })
	each(t, "rayburst", func(t *testing.T, _ scenario, p *corev1.Pod) { restricted(t, p.Name, p.Spec) })
}

// TestAgentsRestricted: so does what is ours in a Ray pod.
func TestAgentsRestricted(t *testing.T) {
	each(t, "ray-cluster", func(t *testing.T, _ scenario, d *appsv1.Deployment) {
		for _, c := range slices.Concat(d.Spec.Template.Spec.InitContainers, d.Spec.Template.Spec.Containers) {
			if c.Name != "ray" {
				restrictedContainer(t, d.Name, c)
			}
		}
	})
}

func restricted(t *testing.T, name string, p corev1.PodSpec) {
	t.Helper()
	if p.HostNetwork || p.HostPID || p.HostIPC {
		t.Errorf("%s uses the host's namespaces", name)
	}
	for _, v := range p.Volumes {
		if v.HostPath != nil {
			t.Errorf("%s: volume %s is the host's", name, v.Name)
		}
	}
	for _, c := range slices.Concat(p.InitContainers, p.Containers) {
		restrictedContainer(t, name, c)
	}
}

func restrictedContainer(t *testing.T, name string, c corev1.Container) {
	t.Helper()
	s := c.SecurityContext
	switch {
	case s == nil:
		t.Errorf("%s/%s has no security context", name, c.Name)
	case s.RunAsNonRoot == nil || !*s.RunAsNonRoot:
		t.Errorf("%s/%s: runAsNonRoot is not true", name, c.Name)
	case s.RunAsUser != nil && *s.RunAsUser == 0:
		t.Errorf("%s/%s: runAsUser is 0", name, c.Name)
	case s.SeccompProfile == nil || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault:
		t.Errorf("%s/%s: seccompProfile is not RuntimeDefault", name, c.Name)
	case s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation:
		t.Errorf("%s/%s: allowPrivilegeEscalation is not false", name, c.Name)
	case s.Capabilities == nil || !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(s.Capabilities.Add) > 0:
		t.Errorf("%s/%s: capabilities are not dropped", name, c.Name)
	case s.Privileged != nil && *s.Privileged:
		t.Errorf("%s/%s is privileged", name, c.Name)
	}
	for _, p := range c.Ports {
		if p.HostPort != 0 {
			t.Errorf("%s/%s: host port %d", name, c.Name, p.HostPort)
		}
	}
}

// TestReplicas: what KEDA scales has no replicas of its own; all else has.
func TestReplicas(t *testing.T) {
	each(t, "ray-cluster", func(t *testing.T, _ scenario, d *appsv1.Deployment) {
		worker := d.Labels["ray.io/node-type"] == "worker"
		if worker != (d.Spec.Replicas == nil) {
			t.Errorf("%s: worker %v, replicas %v", d.Name, worker, d.Spec.Replicas)
		}
		if _, ok := d.Spec.Template.Labels["helm.sh/chart"]; ok {
			t.Errorf("%s: a new chart replaces its pods", d.Name)
		}
	})
}

// TestBehavior: the HPA of every node type is told everything, since a part makes
// KEDA update it for ever; tolerance only where Kubernetes has it.
func TestBehavior(t *testing.T) {
	each(t, "ray-cluster", func(t *testing.T, s scenario, o *unstructured.Unstructured) {
		if o.GetKind() != "ScaledObject" {
			return
		}
		raw, _, err := unstructured.NestedMap(o.Object, "spec", "advanced", "horizontalPodAutoscalerConfig", "behavior")
		if err != nil {
			t.Fatal(err)
		}
		var b autoscalingv2.HorizontalPodAutoscalerBehavior
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(raw, &b, true); err != nil {
			t.Fatal(err)
		}
		for what, r := range map[string]*autoscalingv2.HPAScalingRules{"scaleUp": b.ScaleUp, "scaleDown": b.ScaleDown} {
			switch {
			case r == nil || r.StabilizationWindowSeconds == nil || r.SelectPolicy == nil || len(r.Policies) == 0:
				t.Errorf("%s: %s is not complete: %+v", o.GetName(), what, r)
			case *r.StabilizationWindowSeconds != 0:
				t.Errorf("%s: %s waits for %d s", o.GetName(), what, *r.StabilizationWindowSeconds)
			case (r.Tolerance == nil) != (s.kubernetes == oldest) || r.Tolerance != nil && !r.Tolerance.IsZero():
				t.Errorf("%s: %s has the tolerance %v", o.GetName(), what, r.Tolerance)
			}
		}
	})
}

// TestNoFallback: an unknown state is held; a fallback would count as demand.
func TestNoFallback(t *testing.T) {
	each(t, "ray-cluster", func(t *testing.T, _ scenario, o *unstructured.Unstructured) {
		if _, found, _ := unstructured.NestedFieldNoCopy(o.Object, "spec", "fallback"); found {
			t.Errorf("%s has a fallback", o.GetName())
		}
	})
}

// TestAuthentication: ScaledObjects name the ClusterTriggerAuthentication that
// the scaler's chart makes, by defaults on both sides.
func TestAuthentication(t *testing.T) {
	made := ""
	for _, m := range (scenario{"rayburst", "default", newest}).render(t).manifests {
		if o, ok := object(t, m).(*unstructured.Unstructured); ok && o.GetKind() == "ClusterTriggerAuthentication" {
			made = o.GetName()
		}
	}
	for _, m := range (scenario{"ray-cluster", "default", newest}).render(t).manifests {
		o, ok := object(t, m).(*unstructured.Unstructured)
		if !ok || o.GetKind() != "ScaledObject" {
			continue
		}
		triggers, _, _ := unstructured.NestedSlice(o.Object, "spec", "triggers")
		ref, _ := triggers[0].(map[string]any)["authenticationRef"].(map[string]any)
		if made == "" || ref["name"] != made || ref["kind"] != "ClusterTriggerAuthentication" {
			t.Errorf("%s names %v, not %q", o.GetName(), ref, made)
		}
	}
}

// TestSecretRules: the scaler reads and writes two Secrets and no other, and the
// chart puts no key into any.
func TestSecretRules(t *testing.T) {
	named := map[string]bool{}
	for _, m := range (scenario{"rayburst", "default", newest}).render(t).all() {
		if strings.Contains(m, "PRIVATE KEY") {
			t.Errorf("a key in\n%s", m)
		}
		switch o := object(t, m).(type) {
		case *corev1.Secret:
			named[o.Name] = true
			if len(o.Data)+len(o.StringData) > 0 {
				t.Errorf("%s has data: an upgrade would overwrite what the scaler keeps there", o.Name)
			}
		}
	}
	allowed := map[string]bool{}
	for _, r := range rules(t, scenario{"rayburst", "default", newest}) {
		if !slices.Contains(r.Resources, "secrets") {
			continue
		}
		for _, name := range r.ResourceNames {
			allowed[name] = true
		}
		if len(r.ResourceNames) == 0 || !slices.Equal(r.Verbs, []string{"get", "update"}) {
			t.Errorf("may %v secrets %v", r.Verbs, r.ResourceNames)
		}
	}
	if len(named) != 2 || len(allowed) != 2 || !named["rayburst-tls"] || !allowed["rayburst-tls"] || !named["rayburst-client"] || !allowed["rayburst-client"] {
		t.Errorf("has the Secrets %v, may write %v", named, allowed)
	}
}
