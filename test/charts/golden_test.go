package charts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
)

// TestLint: helm lint --strict has nothing to say.
func TestLint(t *testing.T) {
	for _, s := range scenarios(t) {
		t.Run(s.String(), func(t *testing.T) {
			kubernetes := capabilities(t, s.kubernetes).KubeVersion
			values := valuesOf(t, filepath.Join("testdata", s.chart, s.values+".yaml"))
			l := lint.RunAll(filepath.Join(root, "charts", s.chart), values, "ml", lint.WithKubeVersion(&kubernetes))
			for _, m := range l.Messages {
				if m.Severity >= support.WarningSev {
					t.Error(m)
				}
			}
		})
	}
}

// TestGolden: what the charts render. The oldest Kubernetes has a file of its
// own only where it gets something else.
func TestGolden(t *testing.T) {
	for _, s := range scenarios(t) {
		t.Run(s.String(), func(t *testing.T) {
			got := s.render(t).text()
			file := filepath.Join("testdata", "golden", s.chart, s.values)
			if s.kubernetes == newest {
				compare(t, file+".yaml", got)
				return
			}
			s.kubernetes = newest
			old := file + "-kubernetes-1.34.yaml"
			if got != s.render(t).text() {
				compare(t, old, got)
			} else if err := os.Remove(old); *rewrite && !os.IsNotExist(err) {
				t.Error(err)
			}
		})
	}
}

// TestNotes: what people read after the installation, for old and new versions.
func TestNotes(t *testing.T) {
	for _, s := range scenarios(t) {
		if s.values == "default" || s.values == "own-head" {
			t.Run(s.String(), func(t *testing.T) {
				file := s.values + "-kubernetes-" + strings.TrimSuffix(s.kubernetes, ".0") + ".txt"
				compare(t, filepath.Join("testdata", "golden", s.chart, file), s.render(t).notes)
			})
		}
	}
}
