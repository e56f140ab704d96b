package charts

import (
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/engine"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	dynamicfake "k8s.io/client-go/dynamic/fake"
)

// cluster is a Kubernetes that templates look things up in.
type cluster struct{ *dynamicfake.FakeDynamicClient }

// GetClientFor is what Helm asks for a kind.
func (c cluster) GetClientFor(apiVersion, kind string) (dynamic.NamespaceableResourceInterface, bool, error) {
	gv, err := schema.ParseGroupVersion(apiVersion)
	return c.Resource(gv.WithResource(strings.ToLower(kind) + "s")), true, err
}

func operator(label, image string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{"name": "keda-operator", "namespace": "keda", "labels": map[string]any{"app.kubernetes.io/version": label}},
		"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{
			map[string]any{"name": "proxy", "image": "proxy:1.0.0"}, map[string]any{"name": "keda-operator", "image": image},
		}}}},
	}}
}

// TestVersions: the notes say which versions they found and what these lack.
func TestVersions(t *testing.T) {
	const nudge, tolerance = "does not follow the nudge", "no HPA tolerance"
	for name, c := range map[string]struct {
		label, image, kubernetes string
		want, not                []string
	}{
		"all new":           {"2.21.0", "", "1.37.2", []string{"KEDA 2.21.0"}, []string{nudge, tolerance, "older"}},
		"new, by its image": {"", "ghcr.io/kedacore/keda:v2.22.1", "1.37.2", []string{"KEDA 2.22.1"}, []string{nudge, tolerance}},
		"old KEDA":          {"2.20.1", "ghcr.io/kedacore/keda:2.20.1", "1.37.2", []string{"KEDA 2.20.1 does not follow the nudge (2.21 does)", "scale-ups come from the head start (auto)"}, []string{tolerance, "set scaler.nudge=off"}},
		"very old KEDA":     {"2.16.0", "", "1.37.2", []string{nudge, "older than what Rayburst is made for (2.17)"}, nil},
		"older Kubernetes":  {"2.21.0", "", "1.36.0-gke.100", []string{"Kubernetes v1.36.0-gke.100 does not follow the nudge (1.37 does)"}, []string{tolerance}},
		"old Kubernetes":    {"2.21.0", "", "1.34.1", []string{nudge, tolerance}, nil},
		"a version unknown": {"main", "keda:main", "1.37.2", []string{"KEDA not seen"}, []string{nudge}},
		"a digest":          {"", "ghcr.io/kedacore/keda@sha256:1.2", "1.37.2", []string{"KEDA not seen"}, []string{nudge}},
	} {
		t.Run(name, func(t *testing.T) {
			ch := load(t, "rayburst")
			values, err := prepare(t, ch, map[string]any{}, c.kubernetes)
			if err != nil {
				t.Fatal(err)
			}
			there := cluster{dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(),
				map[schema.GroupVersionResource]string{{Group: "apps", Version: "v1", Resource: "deployments"}: "DeploymentList"}, operator(c.label, c.image))}
			if _, err := there.Resource(schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}).Namespace("keda").
				Get(t.Context(), "keda-operator", metav1.GetOptions{}); err != nil {
				t.Fatal(err)
			}
			files, err := engine.RenderWithClientProvider(ch, values, there)
			if err != nil {
				t.Fatal(err)
			}
			notes := files["rayburst/templates/NOTES.txt"]
			for _, want := range c.want {
				if !strings.Contains(notes, want) {
					t.Errorf("does not say %q:\n%s", want, notes)
				}
			}
			for _, not := range c.not {
				if strings.Contains(notes, not) {
					t.Errorf("says %q:\n%s", not, notes)
				}
			}
		})
	}
}
