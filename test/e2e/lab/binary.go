package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// The versions that programs are told at link time; mods/ pins the sources.
const (
	kubernetesVersion = "1.37.2"
	kedaVersion       = "2.21.0"
	kwokVersion       = "0.8.0"
	helmVersion       = "4.3.1"
)

// binary is a program that is built.
type binary struct {
	name, module, pkg string
	ldflags           string
}

func binaries() []binary {
	keda := "-X github.com/kedacore/keda/v2/version.Version=" + kedaVersion
	return []binary{
		{"pause", "pause", ".", ""},
		{"kubernetes", "kubernetes", ".", kubernetesFlags()},
		{"etcd", "etcd", "go.etcd.io/etcd/server/v3", ""},
		{"coredns", "coredns", ".", ""},
		{"keda-operator", "keda", "./cmd/operator", keda},
		{"keda-adapter", "keda", "./cmd/adapter", keda},
		{"keda-webhooks", "keda", "./cmd/webhooks", keda},
		{"kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok", "-X sigs.k8s.io/kwok/pkg/consts.Version=v" + kwokVersion},
		{"helm", "helm", "helm.sh/helm/v4/cmd/helm", "-X helm.sh/helm/v4/internal/version.version=v" + helmVersion},
	}
}

func kubernetesFlags() string {
	part := strings.Split(kubernetesVersion, ".")
	const v = "-X k8s.io/component-base/version."
	return fmt.Sprintf("%sgitVersion=v%s %sgitMajor=%s %sgitMinor=%s %sgitTreeState=clean", v, kubernetesVersion, v, part[0], v, part[1], v)
}

// kubernetesNames are what the one binary of Kubernetes is called.
var kubernetesNames = []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl"}

// build builds what is not there or was made from something else, one binary
// after the other: each takes all cores and up to 3 GB.
func (l lab) build() error {
	unlock, err := l.lock()
	if err != nil {
		return err
	}
	defer unlock()
	release, err := goRelease()
	if err != nil {
		return err
	}
	for _, b := range binaries() {
		if err := l.compile(b, release); err != nil {
			return fmt.Errorf("building %s: %w", b.name, err)
		}
	}
	if err := errors.Join(l.linkNames(), l.kedaYAML(), l.kwokStages()); err != nil {
		return err
	}
	l.say("up to date: " + l.cache("bin"))
	return nil
}

// lock waits until no other lab builds.
func (l lab) lock() (unlock func(), err error) {
	if err := os.MkdirAll(l.cache("bin"), 0o755); err != nil {
		return nil, fmt.Errorf("making the folder for binaries: %w", err)
	}
	f, err := os.Create(l.cache("lock"))
	if err != nil {
		return nil, fmt.Errorf("locking the build: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, fmt.Errorf("locking the build: %w", err)
	}
	return func() { _ = f.Close() }, nil
}

func goRelease() (string, error) {
	out, err := exec.Command("go", "env", "GOVERSION").Output()
	if err != nil {
		return "", fmt.Errorf("asking for Go's release: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

func (l lab) compile(b binary, release string) error {
	key, err := b.key(os.DirFS(l.mod(b.module)), release)
	if err != nil {
		return err
	}
	if old, _ := os.ReadFile(l.bin(b.name + ".key")); string(old) == key {
		return nil
	}
	dir := l.mod(b.module)
	if b.module == "keda" {
		if dir, err = l.trimKEDA(); err != nil {
			return err
		}
	}
	l.say("building " + b.name)
	if err := output(goCommand(dir, append(b.args(), "-o", l.bin(b.name), b.pkg)...)); err != nil {
		return err
	}
	return os.WriteFile(l.bin(b.name+".key"), []byte(key), 0o644)
}

// args are how it is built: as go test builds, so that what both need is compiled
// once. Static binaries run in images of nothing else.
func (b binary) args() []string {
	return []string{"build", "-mod=readonly", "-buildvcs=false", "-ldflags", strings.TrimSpace("-s -w " + b.ldflags)}
}

// goCommand is Go in a nested module, whatever the caller's settings are.
func goCommand(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	return cmd
}

// key is what a binary is made from: its module's files, the flags and Go.
func (b binary) key(files fs.FS, release string) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%s %s %q\n", release, b.pkg, b.args())
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, path)
		fmt.Fprintf(h, "%s %x\n", path, sha256.Sum256(text))
		return err
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

// needBinaries fails when build has something to do.
func (l lab) needBinaries() error {
	release, err := goRelease()
	if err != nil {
		return err
	}
	for _, b := range binaries() {
		key, err := b.key(os.DirFS(l.mod(b.module)), release)
		if err != nil {
			return err
		}
		if old, _ := os.ReadFile(l.bin(b.name + ".key")); string(old) != key {
			return fmt.Errorf("%s is not built, or not from the sources of now: run make e2e-build (a cold one takes 15 minutes)", b.name)
		}
	}
	return nil
}

func (l lab) linkNames() error {
	for _, name := range kubernetesNames {
		if to, _ := os.Readlink(l.bin(name)); to == "kubernetes" {
			continue
		}
		_ = os.Remove(l.bin(name))
		if err := os.Symlink("kubernetes", l.bin(name)); err != nil {
			return fmt.Errorf("naming Kubernetes' binary: %w", err)
		}
	}
	return nil
}

// moduleDir is where a module that mods/NAME uses lies.
func (l lab) moduleDir(name, path string) (string, error) {
	cmd := goCommand(l.mod(name), "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", path)
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("finding module %s: %w", path, err)
	}
	return filepath.Clean(strings.TrimSpace(string(out))), nil
}
