package charts

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

// rules are all rules of all roles of a scenario.
func rules(t *testing.T, s scenario) []rbacv1.PolicyRule {
	t.Helper()
	var out []rbacv1.PolicyRule
	for _, m := range s.render(t).all() {
		switch o := object(t, m).(type) {
		case *rbacv1.Role:
			out = append(out, o.Rules...)
		case *rbacv1.ClusterRole:
			out = append(out, o.Rules...)
		}
	}
	return out
}

// TestNamespacedRules: with namespaces named, nothing but asking whose a token
// is, and what RuntimeClasses there are, reaches over the whole cluster.
func TestNamespacedRules(t *testing.T) {
	for _, values := range []string{"namespaces", "operator-namespaces"} {
		for _, m := range (scenario{"rayburst", values, newest}).render(t).manifests {
			o, ok := object(t, m).(*rbacv1.ClusterRole)
			if !ok {
				continue
			}
			for _, r := range o.Rules {
				if len(r.Resources) != 1 || r.Resources[0] != "tokenreviews" && r.Resources[0] != "runtimeclasses" {
					t.Errorf("%s may %v %v everywhere", o.Name, r.Verbs, r.Resources)
				}
			}
		}
	}
}

// TestNoWildcards: no rule allows what it does not name.
func TestNoWildcards(t *testing.T) {
	for _, s := range scenarios(t) {
		for _, r := range rules(t, s) {
			for _, list := range [][]string{r.APIGroups, r.Resources, r.Verbs} {
				for _, item := range list {
					if item == "*" {
						t.Errorf("%s: %+v", s, r)
					}
				}
			}
		}
	}
}

// TestScalerBudget: several scalers have a budget, and one has none, which
// would keep its node from being drained.
func TestScalerBudget(t *testing.T) {
	for _, s := range scenarios(t) {
		if s.chart != "rayburst" {
			continue
		}
		budgets, replicas := 0, int32(0)
		for _, m := range s.render(t).all() {
			switch o := object(t, m).(type) {
			case *policyv1.PodDisruptionBudget:
				budgets++
			case *appsv1.Deployment:
				replicas = max(replicas, *o.Spec.Replicas)
			}
		}
		if (budgets > 0) != (replicas > 1) {
			t.Errorf("%s: %d budgets for %d replicas", s, budgets, replicas)
		}
	}
}

// TestWorkerBudget: workers that are drained to go can always be evicted.
func TestWorkerBudget(t *testing.T) {
	each(t, "ray-cluster", func(t *testing.T, s scenario, o *policyv1.PodDisruptionBudget) {
		if s.values != "gpu" {
			t.Errorf("%s: nobody has asked for %s", s, o.Name)
		}
		if p := o.Spec.UnhealthyPodEvictionPolicy; p == nil || *p != policyv1.AlwaysAllow {
			t.Errorf("%s: %v", o.Name, p)
		}
	})
}
