package rules

import (
	"slices"
	"strings"
	"testing"
)

var (
	// pure folders know no clock, network, file, log, goroutine or Kubernetes.
	pure = []string{"demand", "nodetypes", "nodetypes/plancase", "scaler", "scaler/record", "deploy", "deploy/kuberay", "deploy/doctor"}
	// technology folders talk to one technology each.
	technology = []string{"demand/nats", "demand/ray", "scaler/keda", "scaler/httpapi", "scaler/loop", "deploy/local", "deploy/helm", "deploy/operator", "deploy/kubectl", "deploy/tarball", "deploy/doctor/kube"}
	// impure are the packages of the standard library that no pure folder uses.
	impure = []string{
		"context", "log", "log/slog", "math/rand", "math/rand/v2", "net", "net/http", "os", "os/exec", "os/signal", "sync", "sync/atomic",
		"syscall",
	}
	// libraries are the other modules that a pure folder may use.
	libraries = []string{
		"go.yaml.in/yaml/v3", "mvdan.cc/sh/v3/expand", "mvdan.cc/sh/v3/syntax", "github.com/spf13/pflag",
		"github.com/docker/cli/opts", "github.com/docker/cli/pkg/kvfile", "github.com/aymanbagabas/go-udiff", "sigs.k8s.io/yaml",
	}
	// upward are the folders that a folder and all below it must not know.
	upward = map[string][]string{
		"demand":    {"nodetypes", "scaler", "deploy", "cmd"},
		"nodetypes": {"scaler", "deploy", "cmd"},
		"scaler":    {"deploy", "cmd"},
		"deploy":    {"cmd"},
	}
)

// broken says why a package of the folder must not import path, or nothing.
func broken(folder, path string) string {
	own, inModule := strings.CutPrefix(path, module)
	if slices.Contains(pure, folder) {
		switch {
		case slices.Contains(impure, path):
			return "a pure folder must not use it"
		case !inModule && strings.Contains(strings.Split(path, "/")[0], ".") && !slices.Contains(libraries, path):
			return "a pure folder must not use other modules"
		case inModule && !slices.Contains(pure, own):
			return "a pure folder imports pure folders only"
		case inModule && in(own, folder):
			return "a pure folder must not import its own sub-folder"
		}
	}
	if !inModule {
		return ""
	}
	for dir, banned := range upward {
		if in(folder, dir) && slices.ContainsFunc(banned, func(b string) bool { return in(own, b) }) {
			return dir + " must not know of it"
		}
	}
	if a, b := home(folder), home(own); a != "" && b != "" && a != b {
		return "a technology folder must not import another"
	}
	return ""
}

// home is the technology folder that a folder belongs to, or nothing.
func home(folder string) string {
	for _, dir := range technology {
		if in(folder, dir) {
			return dir
		}
	}
	return ""
}

func TestImports(t *testing.T) {
	for _, p := range allPackages(t) {
		for _, path := range p.Imports {
			if why := broken(p.folder(), path); why != "" {
				t.Errorf("%s imports %s: %s", p.folder(), path, why)
			}
		}
	}
}

// TestImportRules has an import that each rule refuses, and ones that none does.
func TestImportRules(t *testing.T) {
	for _, c := range []struct {
		folder, path string
		allowed      bool
	}{
		{"demand", "os", false},
		{"deploy", "k8s.io/api/core/v1", false},
		{"scaler", "google.golang.org/grpc", false},
		{"demand", module + "demand/demandpb", false},
		{"nodetypes", module + "nodetypes/plancase", false},
		{"demand", module + "nodetypes", false},
		{"demand/nats", module + "scaler", false},
		{"nodetypes/plancase", module + "deploy", false},
		{"scaler/loop", module + "deploy/local", false},
		{"scaler/record", module + "demand/demandpb", false},
		{"demand/nats", module + "demand/ray/gcspb", false},
		{"scaler/keda", module + "demand/nats", false},
		{"demand/nats", module + "demand/demandpb", true},
		{"demand/ray", module + "demand/ray/gcspb", true},
		{"nodetypes/plancase", module + "nodetypes", true},
		{"scaler/record", module + "scaler", true},
		{"scaler/loop", module + "scaler/record", true},
		{"deploy", "go.yaml.in/yaml/v3", true},
		{"deploy/local", "os/exec", true},
	} {
		if why := broken(c.folder, c.path); (why == "") != c.allowed {
			t.Errorf("%s imports %s: allowed %v (%s)", c.folder, c.path, why == "", why)
		}
	}
}

// TestFoldersExist keeps the lists above from naming what is no longer there.
func TestFoldersExist(t *testing.T) {
	folders := map[string]bool{}
	for _, p := range allPackages(t) {
		folders[p.folder()] = true
	}
	for _, dir := range slices.Concat(pure, technology) {
		if !folders[dir] {
			t.Errorf("%s is not a package", dir)
		}
	}
}

func TestPackageNames(t *testing.T) {
	for _, p := range allPackages(t) {
		if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "misc"}, p.Name) {
			t.Errorf("package %s in %s: a package is named after what it is about", p.Name, p.folder())
		}
	}
}
