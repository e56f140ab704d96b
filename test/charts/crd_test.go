package charts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/install"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	crdvalidation "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

// rayClusters are the CustomResourceDefinition of the chart, as an API server
// takes it.
func rayClusters(t *testing.T) *apiextensions.CustomResourceDefinition {
	t.Helper()
	for _, m := range (scenario{"rayburst", "operator", newest}).render(t).manifests {
		if !strings.Contains(m, "kind: CustomResourceDefinition\n") {
			continue
		}
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict([]byte(m), &crd); err != nil {
			t.Fatal(err)
		}
		if crd.Annotations["helm.sh/resource-policy"] != "keep" {
			t.Error("goes with the release, and all RayClusters with it")
		}
		scheme := runtime.NewScheme()
		install.Install(scheme)
		scheme.Default(&crd)
		crd.Status.StoredVersions = []string{"v1alpha1"}
		out := &apiextensions.CustomResourceDefinition{}
		if err := apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(&crd, out, nil); err != nil {
			t.Fatal(err)
		}
		return out
	}
	t.Fatal("there is none")
	return nil
}

// TestCRD: an API server takes the CustomResourceDefinition: its schema is
// structural, and its rules are cheap enough.
func TestCRD(t *testing.T) {
	if errs := crdvalidation.ValidateCustomResourceDefinition(t.Context(), rayClusters(t)); len(errs) > 0 {
		t.Error(errs.ToAggregate())
	}
}

// problems are what an API server with strict field validation says of a
// RayCluster, line by line; nothing: it takes it.
func problems(t *testing.T, crd *apiextensions.CustomResourceDefinition, object map[string]any) string {
	t.Helper()
	schema := crd.Spec.Validation.OpenAPIV3Schema
	structural, err := structuralschema.NewStructural(schema)
	if err != nil {
		t.Fatal(err)
	}
	validator, _, err := validation.NewSchemaValidator(schema)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	unknown := pruning.PruneWithOptions(runtime.DeepCopyJSON(object), structural, true, structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	for _, path := range unknown {
		out = append(out, "unknown field "+path)
	}
	for _, e := range validation.ValidateCustomResource(nil, object, validator) {
		out = append(out, e.Error())
	}
	errs, _ := cel.NewValidator(structural, true, celconfig.PerCallLimit).Validate(t.Context(), nil, structural, object, nil, celconfig.RuntimeCELCostBudget)
	for _, e := range errs {
		out = append(out, e.Error())
	}
	return strings.Join(out, "\n")
}

// rayCluster is a RayCluster of this name and spec.
func rayCluster(t *testing.T, name, spec string) map[string]any {
	t.Helper()
	var out map[string]any
	text := "{apiVersion: rayburst.io/v1alpha1, kind: RayCluster, metadata: {name: " + name + "}, spec: " + spec + "}"
	b, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return whole(out).(map[string]any)
}

// whole has whole numbers as an API server has them.
func whole(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = whole(v[k])
		}
	case []any:
		for i := range v {
			v[i] = whole(v[i])
		}
	case float64:
		if v == float64(int64(v)) {
			return int64(v)
		}
	}
	return v
}

// TestRayClusterTaken: what an API server takes, unchanged.
func TestRayClusterTaken(t *testing.T) {
	crd := rayClusters(t)
	for _, spec := range []string{
		"{}",
		"{maxWorkers: 0, upscalingSpeed: 1.5}",
		"{upscalingSpeed: inf, headNodeType: h, availableNodeTypes: {h: {}, my_Type.1: {minWorkers: 1, maxWorkers: 1, resources: {CPU: 4, my_Res: 1}, labels: {a/b_c: d}}}}",
		"{availableNodeTypes: {h: {nodeConfig: {InstanceType: x, any: [thing]}, workerImage: [one]}}, headNodeType: h}",
		"{provider: {type: aws, useInternalIps: true, my_key: {deep: [1]}}, headNode: {spec: {containers: []}}, metadata: {a: 1}}",
		"{suspend: true, idleTerminationMinutes: 0.5, values: {workers: {cpu: null}, shmSize: 1Gi}}",
		"{setupCommands: [], docker: {image: i, runOptions: [--shm-size=1g]}, fileMounts: {}}",
	} {
		if got := problems(t, crd, rayCluster(t, "train", spec)); got != "" {
			t.Errorf("%s:\n%s", spec, got)
		}
	}
	files, err := filepath.Glob(filepath.Join(root, "examples", "operator", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := problems(t, crd, whole(parsed(t, string(b))).(map[string]any)); got != "" {
			t.Errorf("%s:\n%s", file, got)
		}
	}
}

// TestRayClusterRefused: what an API server refuses, and that it says why.
func TestRayClusterRefused(t *testing.T) {
	crd := rayClusters(t)
	for _, c := range []struct{ name, spec, want string }{
		{"train", "{max_workers: 1}", "unknown field spec.max_workers"},
		{"train", "{availableNodeTypes: {h: {maxWorker: 1}}, headNodeType: h}", "unknown field spec.availableNodeTypes.h.maxWorker"},
		{"train", "{maxWorkers: -1}", "should be greater than or equal to 0"},
		{"train", "{maxWorkers: many}", `must be of type integer`},
		{"train", "{availableNodeTypes: {h: {}}}", "headNodeType: must be one of availableNodeTypes"},
		{"train", "{availableNodeTypes: {h: {}}, headNodeType: b}", "headNodeType: must be one of availableNodeTypes"},
		{"train", "{availableNodeTypes: {h: {minWorkers: 2, maxWorkers: 1}}, headNodeType: h}", "minWorkers: must not be above maxWorkers"},
		{"train", "{availableNodeTypes: {h: {resources: {GPU: 0.5}}}, headNodeType: h}", "must be of type integer"},
		{"train", "{fileMounts: {/a: b}}", "fileMounts: the operator sees no files of yours"},
		{"train", "{idleTerminationMinutes: 0}", "should be greater than 0"},
		{"train", "{provider: {}}", "spec.provider.type: Required value"},
		{"train", "{autoscalingMode: fast}", `supported values: "default", "aggressive"`},
		{"Train_1", "{}", "metadata.name: must be 1 to 53 lower-case letters"},
		{strings.Repeat("a", 54), "{}", "metadata.name: must be 1 to 53 lower-case letters"},
	} {
		if got := problems(t, crd, rayCluster(t, c.name, c.spec)); !strings.Contains(got, c.want) {
			t.Errorf("%s %s: said %q", c.name, c.spec, got)
		}
	}
}
