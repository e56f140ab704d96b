package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const twoContexts = `
apiVersion: v1
kind: Config
current-context: a
clusters: [{name: one, cluster: {server: "https://one:6443"}}, {name: two, cluster: {server: "https://two:6443"}}]
users: [{name: me, user: {token: t}}]
contexts: [{name: a, context: {cluster: one, user: me}}, {name: b, context: {cluster: two, user: me, namespace: ml}}]
`

// TestKubeFlags: a cluster and a namespace are found as kubectl finds them.
func TestKubeFlags(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(twoContexts), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("KUBECONFIG", file)
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	for name, c := range map[string]struct {
		flags           kubeFlags
		host, namespace string
		err             string
	}{
		"the environment":     {kubeFlags{}, "https://one:6443", "default", ""},
		"a namespace":         {kubeFlags{Namespace: "x"}, "https://one:6443", "x", ""},
		"a context":           {kubeFlags{Context: "b"}, "https://two:6443", "ml", ""},
		"both":                {kubeFlags{Context: "b", Namespace: "x"}, "https://two:6443", "x", ""},
		"a file":              {kubeFlags{Kubeconfig: file}, "https://one:6443", "default", ""},
		"no such file":        {kubeFlags{Kubeconfig: "/none"}, "", "", `--kubeconfig, --context: must name a Kubernetes cluster (got "/none", "")`},
		"no such context":     {kubeFlags{Context: "c"}, "", "", `context "c" does not exist`},
		"a file and no such ": {kubeFlags{Kubeconfig: file, Context: "c"}, "", "", `(got "` + file + `", "c")`},
	} {
		config, namespace, err := c.flags.config()
		switch {
		case c.err != "":
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v", name, err)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case config.Host != c.host || namespace != c.namespace || config.BearerToken != "t":
			t.Errorf("%s: %s, %s", name, config.Host, namespace)
		}
	}
}
