// Package examples holds what docs/ray-examples.md says of Ray's own cluster
// YAMLs against what becomes of them.
package examples

import (
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/deploy"
	"github.com/rayburst/rayburst/deploy/helm"
)

const document = "../../docs/ray-examples.md"

var (
	rewrite = flag.Bool("rewrite", false, "rewrite the tables of docs/ray-examples.md")
	source  = flag.String("source", "", "Ray's source, for the table of the files that its wheel does not have")
)

// TestWheel: the YAMLs that Ray's wheel has.
//
//	go test ./test/examples -run Wheel -rewrite
func TestWheel(t *testing.T) {
	ray := os.Getenv("RAYBURST_RAY")
	dirs, err := filepath.Glob(filepath.Join(filepath.Dir(ray), "../lib/python*/site-packages/ray/autoscaler"))
	if err != nil || ray == "" || len(dirs) != 1 {
		t.Fatalf("Ray's wheel is needed: run `make ray` and set RAYBURST_RAY to its ray command (%q): %v", ray, err)
	}
	compare(t, "wheel", table(t, dirs[0]), 6)
}

// TestSource: those of Ray's repository, if it is given.
//
//	go test ./test/examples -run Source -rewrite -source RAY
func TestSource(t *testing.T) {
	if *source == "" {
		t.Skip("without -source")
	}
	compare(t, "source", table(t, filepath.Join(*source, "python/ray/autoscaler")), 20)
}

// elsewhere are YAMLs beside the examples that are no cluster YAMLs.
var elsewhere = regexp.MustCompile(`(^|/)(cloudwatch|kuberay|tests|data|operator_configs|v2)/|/(defaults-.*|autoscaler-.*|namespace|job-example)\.yaml$`)

// table has a row for every cluster YAML below the folder.
func table(t *testing.T, dir string) string {
	t.Helper()
	rows := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		name := strings.TrimPrefix(filepath.ToSlash(path), filepath.ToSlash(dir)+"/")
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" || elsewhere.MatchString(name) {
			return err
		}
		b, err := os.ReadFile(path)
		rows[name] = row(name, b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	out := "| file | result | warnings, or why |\n|---|---|---|\n"
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		out += rows[name]
	}
	return out
}

func row(name string, b []byte) string {
	warnings, err := taken(b)
	switch {
	case err != nil:
		return fmt.Sprintf("| `%s` | refused | %s |\n", name, cell(strings.TrimPrefix(err.Error(), deploy.ErrYAML.Error()+": ")))
	case len(warnings) == 0:
		return fmt.Sprintf("| `%s` | taken | |\n", name)
	}
	for i, w := range warnings {
		warnings[i] = cell(w)
	}
	return fmt.Sprintf("| `%s` | taken | %s |\n", name, strings.Join(warnings, "<br>"))
}

// cell is a text within a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "\n", " ").Replace(text)
}

// taken takes a cluster YAML all the way to its manifests.
func taken(b []byte) ([]string, error) {
	c, err := deploy.ParseCluster(b)
	if err != nil {
		return nil, err
	}
	values, err := c.Values(deploy.Surroundings{})
	if err == nil {
		_, err = helm.Render(helm.Release{Name: c.Release(), Namespace: "default"}, values)
	}
	return c.Warnings, err
}

// compare holds the part of the document between two marks against the table.
func compare(t *testing.T, part, table string, least int) {
	t.Helper()
	if n := strings.Count(table, "\n") - 2; n < least {
		t.Fatalf("%d files only:\n%s", n, table)
	}
	b, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	mark := fmt.Sprintf("<!-- %s -->\n", part)
	parts := strings.Split(string(b), mark)
	if len(parts) != 3 {
		t.Fatalf("%s: %q must be there twice", document, mark)
	}
	if *rewrite {
		if err := os.WriteFile(document, []byte(parts[0]+mark+table+mark+parts[2]), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(parts[1], table); d != "" {
		t.Errorf("%s is no longer so (-rewrite rewrites it, review the diff):\n%s", document, d)
	}
}
