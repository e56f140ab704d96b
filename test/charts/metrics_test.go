package charts

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var (
	metric = regexp.MustCompile(`\b(?:rayburst|autoscaler)_[a-z_]+`)
	value  = regexp.MustCompile(`\b(?:reason|why)="(\w+)"`)
	// literal is a string constant of a Go file.
	literal = regexp.MustCompile(`"(\w+)"`)
)

// literals are the short string constants of the scaler's sources.
func literals(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, dir := range []string{"scaler", "deploy", "cmd"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, m := range literal.FindAllStringSubmatch(string(text), -1) {
				out[m[1]] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// queries are the queries of the dashboards, and of the alerts, by what asks.
func queries(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	files, err := filepath.Glob(filepath.Join(root, "charts", "rayburst", "dashboards", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var board struct {
			Panels []struct {
				Title   string
				Targets []struct{ Expr string }
			}
			Templating struct {
				List []struct{ Name, Definition string }
			}
		}
		if err := json.Unmarshal(text, &board); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		for _, p := range board.Panels {
			for _, q := range p.Targets {
				out["panel "+p.Title] += q.Expr + "\n"
			}
		}
		for _, v := range board.Templating.List {
			out["variable "+v.Name] = v.Definition
		}
	}
	for _, m := range (scenario{"rayburst", "monitoring", newest}).render(t).manifests {
		if o, ok := object(t, m).(*unstructured.Unstructured); ok && o.GetKind() == "PrometheusRule" {
			alerts(t, o, out)
		}
	}
	return out
}

func alerts(t *testing.T, o *unstructured.Unstructured, out map[string]string) {
	t.Helper()
	groups, _, err := unstructured.NestedSlice(o.Object, "spec", "groups")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		for _, r := range g.(map[string]any)["rules"].([]any) {
			rule := r.(map[string]any)
			out["alert "+rule["alert"].(string)] = rule["expr"].(string)
		}
	}
}

// TestMetrics: dashboards and alerts ask for metrics, and for values of labels,
// that there are.
func TestMetrics(t *testing.T) {
	there, asked := literals(t), 0
	for who, q := range queries(t) {
		for _, name := range metric.FindAllString(q, -1) {
			asked++
			if !there[name] {
				t.Errorf("%s asks for %s, which there is not", who, name)
			}
		}
		for _, m := range value.FindAllStringSubmatch(q, -1) {
			if !there[m[1]] {
				t.Errorf("%s asks for %s, which never is", who, m[0])
			}
		}
	}
	if asked < 20 {
		t.Errorf("only %d metrics are asked for", asked)
	}
}
