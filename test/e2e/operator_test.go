package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/rayburst/rayburst/deploy/operator/v1alpha1"
)

// rayClusters is the resource by its whole name: KubeRay has one of that name too.
const rayClusters = "rayclusters.rayburst.io"

const operatorValues = "operator.enabled=true,operator.verbose=true,operator.clusterValues.rayburst.image.pullPolicy=Never"

// operatorStays installs the operator once, for tests that run beside others:
// by then those that change the chart's values are over.
var operatorStays = sync.OnceValue(func() error { return installScaler(operatorValues) })

// withOperator lets a test run beside others and have the operator.
func withOperator(t *testing.T) {
	t.Helper()
	t.Parallel()
	if err := operatorStays(); err != nil {
		t.Fatal(err)
	}
	hasCRD(t)
}

// withOperatorAlone installs the operator for one test, which runs alone.
func withOperatorAlone(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		if err := installScaler(); err != nil {
			t.Error(err)
		}
	})
	install(t, operatorValues)
	hasCRD(t)
}

func hasCRD(t *testing.T) {
	t.Helper()
	kubectl(t, "wait", "--for=condition=Established", "crd/"+rayClusters, "--timeout=60s")
}

// rayCluster is a cluster that the operator makes, in a namespace of its own.
type rayCluster struct {
	*cluster
	name string
	spec map[string]any
}

// operated applies a RayCluster. At the end it is removed.
func operated(t *testing.T, namespace string, spec map[string]any) *rayCluster {
	t.Helper()
	c := &rayCluster{cluster: &cluster{t: t, namespace: namespace}, name: release, spec: spec}
	c.must("", "kubectl", "create", "namespace", namespace)
	t.Cleanup(func() { c.clean() })
	c.apply()
	return c
}

// apply applies the spec as it is now.
func (c *rayCluster) apply() {
	c.t.Helper()
	b, err := json.Marshal(map[string]any{
		"apiVersion": "rayburst.io/v1alpha1", "kind": "RayCluster", "metadata": map[string]any{"name": c.name, "namespace": c.namespace}, "spec": c.spec,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.must(string(b), "kubectl", "apply", "-f", "-")
}

func (c *rayCluster) clean() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if c.t.Failed() {
		c.tell(ctx)
		for _, args := range [][]string{
			{"kubectl", "-n", c.namespace, "get", rayClusters, "-o", "yaml"},
			{"kubectl", "-n", "keda", "logs", "-l", "app.kubernetes.io/component=operator", "--tail=60"},
		} {
			out, err := run(ctx, "", args...)
			c.t.Logf("%s\n%s %v", strings.Join(args, " "), out, err)
		}
	}
	for _, args := range [][]string{
		{"kubectl", "-n", c.namespace, "delete", rayClusters, "--all", "--ignore-not-found"},
		{"kubectl", "-n", c.namespace, "delete", "pods", "--all", "--force", "--grace-period=0"},
		{"kubectl", "delete", "namespace", c.namespace, "--ignore-not-found"},
	} {
		if _, err := run(ctx, "", args...); err != nil {
			c.t.Error(err)
		}
	}
}

// now is the RayCluster as it is.
func (c *rayCluster) now() v1alpha1.RayCluster {
	c.t.Helper()
	var out v1alpha1.RayCluster
	if err := json.Unmarshal([]byte(c.kubectl("get", rayClusters, c.name, "-o", "json")), &out); err != nil {
		c.t.Fatal(err)
	}
	return out
}

// is waits until a condition of the spec as it is now has a status and a reason.
func (c *rayCluster) is(condition string, status metav1.ConditionStatus, reason string) {
	c.t.Helper()
	eventually(c.t, fmt.Sprint(condition, " is ", status, ", ", reason), func() (bool, string) {
		o := c.now()
		for _, s := range o.Status.Conditions {
			if s.Type == condition && s.Status == status && s.Reason == reason && o.Status.ObservedGeneration == o.Generation {
				return true, ""
			}
		}
		return false, fmt.Sprintf("generation %d of %d: %+v", o.Status.ObservedGeneration, o.Generation, o.Status.Conditions)
	})
}

// labSpec is a cluster of one type, small, for Ray in the lab.
func labSpec(t *testing.T) map[string]any {
	t.Helper()
	b, err := os.ReadFile(valuesFile(t))
	if err != nil {
		t.Fatal(err)
	}
	var values map[string]any
	if err := yaml.Unmarshal(b, &values); err != nil {
		t.Fatal(err)
	}
	var sized map[string]any
	if err := yaml.Unmarshal([]byte(size), &sized); err != nil {
		t.Fatal(err)
	}
	values["workers"] = map[string]any{"small": sized, "other": sized}
	return map[string]any{
		"headNodeType": "head", "idleTimeoutMinutes": 0.05,
		"availableNodeTypes": map[string]any{
			"head":  map[string]any{"resources": map[string]any{"CPU": 0}},
			"small": map[string]any{"resources": map[string]any{"CPU": 1}, "maxWorkers": 2},
			"other": map[string]any{"resources": map[string]any{"CPU": 1, "solo": 1}, "maxWorkers": 1},
		},
		"values": values,
	}
}

// TestOperator: three RayClusters at once with real Ray. Each serves a burst; of
// one the head is deleted, of one the spec is edited, one is suspended and
// resumed; what is deleted leaves nothing. Nine Ray nodes start at once: it runs
// alone.
func TestOperator(t *testing.T) {
	withOperatorAlone(t)
	begin := time.Now()
	var all []*rayCluster
	for _, namespace := range []string{"operated-head", "operated-spec", "operated-suspend"} {
		all = append(all, operated(t, namespace, labSpec(t)))
	}
	for _, c := range all {
		c.is("Ready", metav1.ConditionTrue, "Ready")
		c.becomes("small", 0, "other", 0)
	}
	t.Logf("three heads were ready after %.1f s", time.Since(begin).Seconds())
	for _, c := range all {
		c.start("one", "num_cpus=1")
	}
	for _, c := range all {
		c.becomes("small", 1)
	}
	t.Run("head deleted", func(t *testing.T) { all[0].in(t).headIsDeleted() })
	t.Run("spec edited", func(t *testing.T) { all[1].in(t).specIsEdited() })
	t.Run("suspended", func(t *testing.T) { all[2].in(t).isSuspended() })
	for _, c := range all {
		c.kubectl("delete", rayClusters, c.name)
		nothingOf(t, c.name+"-", "-n", c.namespace)
	}
}

// in is the same for a subtest.
func (c *rayCluster) in(t *testing.T) *rayCluster {
	out := *c
	out.cluster = c.of(t)
	return &out
}

func (c *rayCluster) headIsDeleted() {
	c.t.Helper()
	small := c.trace("small")
	c.kubectl("delete", "pod", "-l", "ray.io/node-type=head")
	c.is("Ready", metav1.ConditionTrue, "Ready")
	c.headReady()
	c.driver("while len(ray.nodes()) < 2:\n    time.sleep(0.2)\n")
	if small.fell() {
		c.t.Errorf("small went %v while the head was away", small)
	}
	c.start("two", "num_cpus=1")
	c.kill("two")
	c.becomes("small", 0)
}

func (c *rayCluster) specIsEdited() {
	c.t.Helper()
	pods := names(c.live("small"))
	types := c.spec["availableNodeTypes"].(map[string]any)
	types["small"].(map[string]any)["maxWorkers"] = 3
	delete(types, "other")
	delete(c.spec["values"].(map[string]any)["workers"].(map[string]any), "other")
	c.apply()
	c.is("Applied", metav1.ConditionTrue, "Applied")
	if got := c.kubectl("get", "scaledobjects,deployments", "-o", "jsonpath={.items[*].metadata.name} {.items[*].spec.maxReplicaCount}"); strings.Contains(got, "other") || !strings.HasSuffix(got, " 3") {
		c.t.Errorf("there are %s", got)
	}
	if now := names(c.live("small")); !slices.Equal(now, pods) {
		c.t.Errorf("the workers went from %v to %v", pods, now)
	}
	c.kubectl("patch", "deployment", release+"-small", "--type=merge", "-p", `{"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 41}}}}`)
	eventually(c.t, "the Deployment is as it was applied", func() (bool, string) {
		got := c.kubectl("get", "deployment", release+"-small", "-o", "jsonpath={.spec.template.spec.terminationGracePeriodSeconds}")
		return got == "40", got
	})
	types["small"].(map[string]any)["labels"] = map[string]any{"a": "b,c"}
	c.apply()
	c.is("Applied", metav1.ConditionFalse, "InvalidSpec")
	c.is("Ready", metav1.ConditionTrue, "Ready")
	if got := c.events("InvalidSpec", c.name); !contains(got, "Warning", "spec.availableNodeTypes.small.labels.a", "must not contain", `"b,c"`) {
		c.t.Errorf("the event says %q", got)
	}
	delete(types["small"].(map[string]any), "labels")
	c.apply()
	c.is("Applied", metav1.ConditionTrue, "Applied")
	c.kill("one")
	c.becomes("small", 0)
}

func (c *rayCluster) isSuspended() {
	c.t.Helper()
	token := c.kubectl("get", "secret", release+"-auth", "-o", "jsonpath={.data.auth_token}")
	c.spec["suspend"] = true
	c.apply()
	c.is("Suspended", metav1.ConditionTrue, "Suspended")
	if left := c.pods(""); len(left) > 0 {
		eventually(c.t, "all pods are gone", func() (bool, string) {
			left := names(c.pods(""))
			return len(left) == 0, fmt.Sprint(left)
		})
	}
	delete(c.spec, "suspend")
	begin := time.Now()
	c.apply()
	c.is("Suspended", metav1.ConditionFalse, "Running")
	c.is("Ready", metav1.ConditionTrue, "Ready")
	c.t.Logf("the head was back %.1f s after the resumption", time.Since(begin).Seconds())
	c.stays("small", 0, 5*time.Second) // and not as many as were suspended
	if now := c.kubectl("get", "secret", release+"-auth", "-o", "jsonpath={.data.auth_token}"); now != token {
		c.t.Error("the token has changed")
	}
	c.start("two", "num_cpus=1")
	c.becomes("small", 1)
	c.kill("two")
	c.becomes("small", 0)
}

// TestIdleTermination: a cluster without work is suspended with its head, and
// wakes by a patch.
func TestIdleTermination(t *testing.T) {
	withOperator(t)
	spec := labSpec(t)
	spec["idleTerminationMinutes"] = 0.2
	c := operated(t, "operated-idle", spec)
	c.is("Ready", metav1.ConditionTrue, "Ready")
	begin := time.Now()
	c.is("Suspended", metav1.ConditionTrue, "SuspendedAsIdle")
	t.Logf("suspended %.1f s after the head was ready; the time is 12 s, the scaler is asked every 30 s", time.Since(begin).Seconds())
	c.kubectl("patch", rayClusters, c.name, "--type=merge", "-p", `{"spec": {"suspend": false, "idleTerminationMinutes": null}}`)
	c.is("Ready", metav1.ConditionTrue, "Ready")
	c.start("one", "num_cpus=1")
	c.becomes("small", 1)
}

// TestManyRayClusters: 50 RayClusters on fake nodes become ready; how many a
// second is told.
func TestManyRayClusters(t *testing.T) {
	const n = 50
	withOperatorAlone(t)
	place := map[string]any{"nodeSelector": map[string]any{"type": "kwok"}, "tolerations": []any{map[string]any{"operator": "Exists"}}}
	spec := map[string]any{
		"headNodeType": "head",
		"availableNodeTypes": map[string]any{
			"head": map[string]any{"resources": map[string]any{"CPU": 1}},
			"cpu":  map[string]any{"resources": map[string]any{"CPU": 1}, "maxWorkers": 10},
		},
		"values": map[string]any{"head": place, "workers": map[string]any{"cpu": place}},
	}
	var manifests []string
	for i := range n {
		b, err := json.Marshal(map[string]any{
			"apiVersion": "rayburst.io/v1alpha1", "kind": "RayCluster", "metadata": map[string]any{"name": fmt.Sprintf("many-%02d", i)}, "spec": spec,
		})
		if err != nil {
			t.Fatal(err)
		}
		manifests = append(manifests, string(b))
	}
	kubectl(t, "create", "namespace", "many")
	c := &rayCluster{cluster: &cluster{t: t, namespace: "many"}}
	t.Cleanup(func() { c.clean() })
	begin := time.Now()
	var wg sync.WaitGroup
	for _, m := range manifests {
		wg.Go(func() {
			const path = "/apis/rayburst.io/v1alpha1/namespaces/many/rayclusters"
			if err := kube.RESTClient().Post().AbsPath(path).SetHeader("Content-Type", "application/json").Body([]byte(m)).Do(t.Context()).Error(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	created := time.Since(begin)
	eventually(t, "all are ready", func() (bool, string) {
		got := c.kubectl("get", rayClusters, "-o", `jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}`)
		up := strings.Count(got, "True")
		return up == n, fmt.Sprint(up, " of ", n)
	})
	took := time.Since(begin)
	t.Logf("%d RayClusters: created within %.1f s, all ready after %.1f s: %.1f clusters/s", n, created.Seconds(), took.Seconds(), n/took.Seconds())
	c.kubectl("delete", rayClusters, "--all")
	nothingOf(t, "many-", "-n", "many")
}
