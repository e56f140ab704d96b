package charts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/engine"
	corev1 "k8s.io/api/core/v1"
)

// examples are the files of examples/manifests and the charts they come from.
var examples = map[string]string{"rayburst": "rayburst", "ray-cluster-cpu": "ray-cluster", "ray-cluster-gpu": "ray-cluster"}

const preface = `# %CHART% of Rayburst as plain YAML, for people without Helm: README.md says what to change.
# Made from charts/%CHART% by make chart-golden: change that, not this.
`

// plain is a chart as somebody without Helm has it: no hooks, not managed by Helm.
func plain(t *testing.T, name string, values map[string]any) rendered {
	t.Helper()
	c := load(t, name)
	v, err := prepare(t, c, values, newest)
	if err != nil {
		t.Fatal(err)
	}
	v["Release"].(map[string]any)["Service"] = "kubectl"
	files, err := engine.Render(c, v)
	if err != nil {
		t.Fatal(err)
	}
	out := sorted(t, files)
	out.hooks = nil
	return out
}

// TestExamples: the manifests for people without Helm are what the charts render,
// and hold no secret.
func TestExamples(t *testing.T) {
	for file, name := range examples {
		t.Run(file, func(t *testing.T) {
			got := plain(t, name, valuesOf(t, filepath.Join("testdata", "examples", file+".yaml")))
			for _, m := range got.manifests {
				if s, ok := object(t, m).(*corev1.Secret); ok && len(s.Data)+len(s.StringData) > 0 {
					t.Errorf("%s holds data", s.Name)
				}
			}
			compare(t, filepath.Join(root, "examples", "manifests", file+".yaml"), strings.ReplaceAll(preface, "%CHART%", name)+got.text())
		})
	}
	files, err := filepath.Glob(filepath.Join(root, "examples", "manifests", "*.yaml"))
	if err != nil || len(files) != len(examples) {
		t.Errorf("there are %v: %v", files, err)
	}
}

// TestExamplesExplained: the README names every file.
func TestExamplesExplained(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "examples", "manifests", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for file := range examples {
		if !strings.Contains(string(text), file+".yaml") {
			t.Errorf("README.md does not name %s.yaml", file)
		}
	}
}
