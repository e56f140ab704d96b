package charts

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// TestReadmes: the READMEs of the charts are made from their values.
func TestReadmes(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "charts"))); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("make", "-s", "-C", root, "chart-docs", "CHARTS="+dir).CombinedOutput()
	if err != nil {
		t.Fatalf("make chart-docs: %v\n%s", err, out)
	}
	for _, name := range slices.Sorted(maps.Keys(chartNames)) {
		got, err := os.ReadFile(filepath.Join(dir, name, "README.md"))
		if err != nil {
			t.Fatal(err)
		}
		compare(t, filepath.Join(root, "charts", name, "README.md"), string(got))
	}
}
