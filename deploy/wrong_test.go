package deploy_test

import (
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/rayburst/rayburst/deploy"
)

// wrongCases are YAMLs and what is wrong with them.
func wrongCases(t testing.TB) (cases []struct{ YAML, Error string }) {
	t.Helper()
	b, err := os.ReadFile("testdata/wrong.yaml")
	if err == nil {
		err = yaml.Unmarshal(b, &cases)
	}
	if err != nil || len(cases) < 60 {
		t.Fatal(len(cases), err)
	}
	return cases
}

// TestWrong: whatever is wrong is named by line, key, rule and value.
func TestWrong(t *testing.T) {
	for _, c := range wrongCases(t) {
		got, err := deploy.ParseCluster([]byte(c.YAML))
		if got != nil || !errors.Is(err, deploy.ErrYAML) {
			t.Errorf("%s\nwas taken", c.YAML)
			continue
		}
		if d := cmp.Diff("bad cluster YAML: "+c.Error, err.Error()); d != "" {
			t.Errorf("%s\n%s", c.YAML, d)
		}
	}
}
