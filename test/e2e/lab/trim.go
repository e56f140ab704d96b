package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// trimKEDA copies KEDA's source without most scalers and without the clouds'
// secret stores: it builds in a third of the time. What mods/keda holds, its
// go.mod and stubs for what is left out, is put over it; all else is as
// released.
func (l lab) trimKEDA() (string, error) {
	source, err := l.kedaSource()
	if err != nil {
		return "", err
	}
	dir := l.cache("keda")
	if err := os.RemoveAll(dir); err != nil {
		return "", fmt.Errorf("removing the old copy of KEDA: %w", err)
	}
	if err := copyTree(dir, os.DirFS(source), keptOfKEDA); err != nil {
		return "", fmt.Errorf("copying KEDA: %w", err)
	}
	if err := copyTree(dir, os.DirFS(l.mod("keda")), func(string) bool { return true }); err != nil {
		return "", fmt.Errorf("trimming KEDA: %w", err)
	}
	builder := filepath.Join(dir, "pkg/scaling/scalers_builder.go")
	text, err := os.ReadFile(builder)
	if err != nil {
		return "", fmt.Errorf("trimming KEDA: %w", err)
	}
	return dir, os.WriteFile(builder, []byte(trimBuilder(string(text))), 0o644)
}

// kedaSource is KEDA's source in the module cache, downloaded if need be.
func (l lab) kedaSource() (string, error) {
	const path = "github.com/kedacore/keda/v2@v" + kedaVersion
	out, err := goCommand(l.root, "mod", "download", "-json", path).Output()
	if err != nil {
		return "", fmt.Errorf("downloading %s: %w", path, err)
	}
	var m struct{ Dir string }
	if err := json.Unmarshal(out, &m); err != nil {
		return "", fmt.Errorf("downloading %s: %w", path, err)
	}
	return m.Dir, nil
}

// keptScalers are the files of pkg/scalers that stay, keptFolders its folders.
var (
	keptScalers = []string{
		"scaler.go", "external_scaler.go", "external_mock_scaler.go", "cron_scaler.go", "cpu_memory_scaler.go",
		"kubernetes_workload_scaler.go",
	}
	keptFolders = []string{"externalscaler", "scalersconfig", "authentication"}
)

// keptOfKEDA tells whether a source file stays.
func keptOfKEDA(file string) bool {
	in, ok := strings.CutPrefix(file, "pkg/scalers/")
	folder, _, nested := strings.Cut(in, "/")
	switch {
	case path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go"):
		return false
	case strings.HasPrefix(file, "pkg/mock/") || strings.HasPrefix(file, "tests/") || strings.HasPrefix(file, "vendor/"):
		return false
	case ok && nested:
		return slices.Contains(keptFolders, folder)
	case ok:
		return slices.Contains(keptScalers, in)
	}
	return true
}

var (
	scalerCase = regexp.MustCompile(`(?m)^\tcase "[^"]+":\n(?:\t\t//.*\n)*\t\treturn scalers\.\w+\(.*\n`)
	keptCase   = regexp.MustCompile(`scalers\.New(External|ExternalMock|ExternalPush|Cron|CPUMemory|KubernetesWorkload)Scaler\(`)
)

// trimBuilder leaves the cases of the scalers that stay.
func trimBuilder(text string) string {
	return scalerCase.ReplaceAllStringFunc(text, func(c string) string {
		if keptCase.MatchString(c) {
			return c
		}
		return ""
	})
}

// copyTree copies the files that are kept; what is read-only in the module
// cache becomes writable.
func copyTree(to string, from fs.FS, kept func(file string) bool) error {
	return fs.WalkDir(from, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !kept(file) {
			return err
		}
		text, err := fs.ReadFile(from, file)
		if err != nil {
			return err
		}
		target := filepath.Join(to, file)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o644)
	})
}
