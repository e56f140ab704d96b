package charts

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
	"sigs.k8s.io/yaml"
)

var rewrite = flag.Bool("rewrite", false, "rewrite golden files, examples/manifests and READMEs")

const root = "../.."

// The Kubernetes versions that the charts are rendered for: the oldest and the
// newest that matter to them.
const (
	oldest = "1.34.0"
	newest = "1.37.0"
)

// chartNames are the charts, each with the release that it is rendered as.
var chartNames = map[string]common.ReleaseOptions{
	"rayburst":    {Name: "rayburst", Namespace: "keda", IsInstall: true, Revision: 1},
	"ray-cluster": {Name: "train", Namespace: "ml", IsInstall: true, Revision: 1},
}

func load(t *testing.T, name string) *chart.Chart {
	t.Helper()
	c, err := loader.LoadDir(filepath.Join(root, "charts", name))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func capabilities(t *testing.T, kubernetes string) *common.Capabilities {
	t.Helper()
	v, err := common.ParseKubeVersion(kubernetes)
	if err != nil {
		t.Fatal(err)
	}
	c := common.DefaultCapabilities.Copy()
	c.KubeVersion = *v
	return c
}

// prepare is what templates see of these values, or how they are refused by
// the schema.
func prepare(t *testing.T, c *chart.Chart, values map[string]any, kubernetes string) (common.Values, error) {
	t.Helper()
	return util.ToRenderValues(c, values, chartNames[c.Name()], capabilities(t, kubernetes))
}

// rendered is a chart with values: its manifests in the order of installation,
// hooks last, and its notes.
type rendered struct {
	manifests []string
	hooks     []string
	notes     string
}

// render renders a chart, or says how the values are refused.
func render(t *testing.T, name string, values map[string]any, kubernetes string) (rendered, error) {
	t.Helper()
	c := load(t, name)
	v, err := prepare(t, c, values, kubernetes)
	if err != nil {
		return rendered{}, err
	}
	files, err := engine.Render(c, v)
	if err != nil {
		return rendered{}, err
	}
	return sorted(t, files), nil
}

func sorted(t *testing.T, files map[string]string) rendered {
	t.Helper()
	var out rendered
	for name, text := range files {
		if strings.HasSuffix(name, "NOTES.txt") {
			out.notes = text
			delete(files, name)
		}
	}
	hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range manifests {
		out.manifests = append(out.manifests, tidy(m.Content))
	}
	for _, h := range hooks {
		out.hooks = append(out.hooks, tidy(h.Manifest))
	}
	return out
}

// random is what a chart makes anew each time.
var random = regexp.MustCompile(`(auth_token: )\S{40,}`)

func tidy(manifest string) string {
	return random.ReplaceAllString(strings.TrimSpace(manifest), "${1}bWFza2Vk") + "\n"
}

func (r rendered) text() string { return "---\n" + strings.Join(r.all(), "---\n") }

func (r rendered) all() []string { return slices.Concat(r.manifests, r.hooks) }

func valuesOf(t *testing.T, file string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return parsed(t, string(text))
}

func parsed(t *testing.T, text string) map[string]any {
	t.Helper()
	out := map[string]any{}
	if err := yaml.UnmarshalStrict([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// scenario is a chart with one of its values files.
type scenario struct {
	chart, values string
	kubernetes    string
}

func (s scenario) String() string { return s.chart + "/" + s.values + "-" + s.kubernetes }

func (s scenario) render(t *testing.T) rendered {
	t.Helper()
	out, err := render(t, s.chart, valuesOf(t, filepath.Join("testdata", s.chart, s.values+".yaml")), s.kubernetes)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// scenarios are all values files of all charts, for both versions.
func scenarios(t *testing.T) []scenario {
	t.Helper()
	var out []scenario
	for _, name := range slices.Sorted(maps.Keys(chartNames)) {
		files, err := filepath.Glob(filepath.Join("testdata", name, "*.yaml"))
		if err != nil || len(files) < 4 {
			t.Fatalf("%s has %d values files: %v", name, len(files), err)
		}
		for _, f := range files {
			for _, kubernetes := range []string{oldest, newest} {
				out = append(out, scenario{name, strings.TrimSuffix(filepath.Base(f), ".yaml"), kubernetes})
			}
		}
	}
	return out
}

// compare compares a text with a file, or rewrites the file.
func compare(t *testing.T, file, got string) {
	t.Helper()
	if *rewrite {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is no longer so (make chart-golden rewrites it, review the diff):\n%s", file, diff)
	}
}
