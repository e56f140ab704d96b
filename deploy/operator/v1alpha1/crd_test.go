package v1alpha1_test

import (
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/rayburst/rayburst/deploy"
	"github.com/rayburst/rayburst/deploy/operator/v1alpha1"
)

// schemaOf is the schema of the CustomResourceDefinition that the chart has.
func schemaOf(t *testing.T) apiextensionsv1.JSONSchemaProps {
	t.Helper()
	b, err := os.ReadFile("../../../charts/rayburst/files/rayburst.io_rayclusters.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(b, &crd); err != nil {
		t.Fatal(err)
	}
	return *crd.Spec.Versions[0].Schema.OpenAPIV3Schema
}

// TestKeys: the schema has Ray's keys as deploy reads them, and ours, no others.
func TestKeys(t *testing.T) {
	spec := schemaOf(t).Properties["spec"]
	types := *spec.Properties["availableNodeTypes"].AdditionalProperties.Schema
	got := map[string][]string{"": keys(spec), "availableNodeTypes.*": keys(types), "availableNodeTypes.*.docker": keys(types.Properties["docker"])}
	for _, key := range []string{"auth", "docker", "provider"} {
		got[key] = keys(spec.Properties[key])
	}
	want := deploy.SpecKeys()
	want[""] = slices.Sorted(slices.Values(append(want[""], deploy.ExtraKeys()...)))
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the types and the parser differ (make generate-crd?):\n%s", d)
	}
}

func keys(s apiextensionsv1.JSONSchemaProps) []string { return slices.Sorted(maps.Keys(s.Properties)) }

// TestGenerated: the schema is that of the Go types: names and kinds of all
// fields.
func TestGenerated(t *testing.T) {
	schema := schemaOf(t)
	compare(t, "spec", reflect.TypeFor[v1alpha1.RayClusterSpec](), schema.Properties["spec"])
	compare(t, "status", reflect.TypeFor[v1alpha1.RayClusterStatus](), schema.Properties["status"])
}

func compare(t *testing.T, path string, of reflect.Type, s apiextensionsv1.JSONSchemaProps) {
	t.Helper()
	for of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	switch {
	case s.Type == "" || strings.HasPrefix(of.PkgPath(), "k8s.io/"):
	case of.Kind() == reflect.Struct:
		var names []string
		for f := range of.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			names = append(names, name)
			compare(t, path+"."+name, f.Type, s.Properties[name])
		}
		slices.Sort(names)
		if d := cmp.Diff(names, keys(s)); d != "" {
			t.Errorf("%s (make generate-crd):\n%s", path, d)
		}
	case of.Kind() == reflect.Map:
		compare(t, path+".*", of.Elem(), *s.AdditionalProperties.Schema)
	case of.Kind() == reflect.Slice:
		compare(t, path+"[]", of.Elem(), *s.Items.Schema)
	default:
		want := map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean", reflect.Float64: "number", reflect.Int64: "integer", reflect.Int32: "integer"}
		if s.Type != want[of.Kind()] {
			t.Errorf("%s is %s, of %s (make generate-crd)", path, s.Type, of)
		}
	}
}
