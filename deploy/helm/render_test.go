package helm_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/deploy"
	"github.com/rayburst/rayburst/deploy/helm"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

// random is what the chart makes anew each time.
var random = regexp.MustCompile(`(auth_token: )\S{40,}`)

// TestGolden: the manifests of all files of examples/ray, and of one that says
// all that may be said.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("../../examples/ray/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	files = append(files, "testdata/clusters/everything.yaml")
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			got := random.ReplaceAllString(render(t, file), "${1}bWFza2Vk")
			golden := filepath.Join("testdata", filepath.Base(file))
			if *rewrite {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("no longer so (make golden rewrites it, review the diff):\n%s", d)
			}
		})
	}
}

func render(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := deploy.ParseCluster(b)
	if err != nil {
		t.Fatal(err)
	}
	values, err := c.Values(deploy.Surroundings{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := helm.Render(helm.Release{Name: c.Release(), Namespace: "ml", Kubernetes: "1.37.0"}, values)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDefaultType: nothing of the chart's own type cpu is in a file's type of
// this name.
func TestDefaultType(t *testing.T) {
	out := render(t, "testdata/clusters/cpu.yaml")
	for _, want := range []string{`resources: "{\"CPU\":8}"`, `cpu: "8"`, "- --num-cpus=8\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
	for _, not := range []string{"--memory", "cpu: 1\n", "null"} {
		if strings.Contains(out, not) {
			t.Errorf("%s in\n%s", not, out)
		}
	}
}

// TestRefused: what the chart or Helm refuses is said in its words.
func TestRefused(t *testing.T) {
	for version, want := range map[string]string{"1.37.0": "upscalingSpeed", "new": `the version of Kubernetes: `} {
		_, err := helm.Render(helm.Release{Name: "c", Namespace: "ml", Kubernetes: version}, map[string]any{"upscalingSpeed": -1})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", version, err)
		}
	}
}

// TestLookup: what the chart has made at random before is kept, and an error of
// who looks it up ends the rendering.
func TestLookup(t *testing.T) {
	r := helm.Release{Name: "c", Namespace: "ml", Lookup: func(apiVersion, kind, namespace, name string) (map[string]any, error) {
		if got := strings.Join([]string{apiVersion, kind, namespace, name}, " "); got != "v1 Secret ml c-auth" {
			t.Errorf("looked up %s", got)
		}
		return map[string]any{"data": map[string]any{"auth_token": "a2VwdA=="}}, nil
	}}
	out, err := helm.Render(r, nil)
	if err != nil || !strings.Contains(out, "auth_token: a2VwdA==\n") {
		t.Errorf("%v in %s", err, out)
	}
	away := errors.New("the API server is away")
	r.Lookup = func(string, string, string, string) (map[string]any, error) { return nil, away }
	if _, err := helm.Render(r, nil); err == nil || !strings.Contains(err.Error(), away.Error()) {
		t.Errorf("%v", err)
	}
}
