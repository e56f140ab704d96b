package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/cockroachdb/datadriven"
	"go.yaml.in/yaml/v3"
)

// TestKey: a binary is built anew when its module, its flags or Go change.
func TestKey(t *testing.T) {
	files := func(text string) fstest.MapFS {
		return fstest.MapFS{"go.mod": {Data: []byte(text)}, "pkg/a.go": {Data: []byte("package a")}}
	}
	b := binary{"etcd", "etcd", "./etcd", "-X v=1"}
	base := keyOf(t, b, files("module a"), "go1.26.8")
	if again := keyOf(t, b, files("module a"), "go1.26.8"); again != base {
		t.Errorf("the same gives %s and %s", base, again)
	}
	flags, pkg, moved := b, b, files("module a")
	flags.ldflags, pkg.pkg = "-X v=2", "./other"
	moved["pkg/b.go"] = moved["pkg/a.go"]
	delete(moved, "pkg/a.go")
	for name, key := range map[string]string{
		"another file":    keyOf(t, b, files("module b"), "go1.26.8"),
		"another name":    keyOf(t, b, moved, "go1.26.8"),
		"another release": keyOf(t, b, files("module a"), "go1.26.9"),
		"other flags":     keyOf(t, flags, files("module a"), "go1.26.8"),
		"another package": keyOf(t, pkg, files("module a"), "go1.26.8"),
	} {
		if key == base {
			t.Errorf("%s: the key is the same", name)
		}
	}
}

func keyOf(t *testing.T, b binary, files fstest.MapFS, release string) string {
	t.Helper()
	key, err := b.key(files, release)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestPins: the versions that programs say are those of their modules.
func TestPins(t *testing.T) {
	for _, c := range []struct{ file, pin string }{
		{"mods/kubernetes/go.mod", "k8s.io/kubernetes v" + kubernetesVersion},
		{"mods/kwok/go.mod", "sigs.k8s.io/kwok v" + kwokVersion},
		{"mods/helm/go.mod", "helm.sh/helm/v4 v" + helmVersion},
		{"../../../go.mod", "github.com/kedacore/keda/v2 v" + kedaVersion},
	} {
		text, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), c.pin) {
			t.Errorf("%s does not pin %s", c.file, c.pin)
		}
	}
}

func TestStartTime(t *testing.T) {
	const rest = " 1 9 9 0 -1 4194304 100 0 0 0 1 2 0 0 20 0 7 0 98765 1000 5"
	for stat, want := range map[string]string{
		"42 (etcd) S" + rest:            "98765",
		"42 (a) b) Z (c)) R" + rest:     "98765",
		"42 (containerd-shim) Z" + rest: "", // it has ended
		"42 (etcd) S 1 9":               "",
		"":                              "",
	} {
		if got := startTime([]byte(stat)); got != want {
			t.Errorf("%q: %q, want %q", stat, got, want)
		}
	}
}

func TestParseProcess(t *testing.T) {
	want := process{42, "98765"}
	if got, err := parseProcess(want.String()); err != nil || got != want {
		t.Errorf("got %v (%v), want %v", got, err, want)
	}
	for _, text := range []string{"", "42", "x 1"} {
		if p, err := parseProcess(text); err == nil {
			t.Errorf("%q was taken as %v", text, p)
		}
	}
	if (process{os.Getpid(), "1"}).alive() {
		t.Error("a pid that came again is taken for the process that had it")
	}
}

// TestPolicies makes rules from what testdata holds. To accept what changed:
//
//	go test ./test/e2e/lab -run Policies -rewrite
func TestPolicies(t *testing.T) {
	datadriven.RunTest(t, "testdata/policies.txt", func(t *testing.T, d *datadriven.TestData) string {
		var in struct {
			Namespaces []namespace
			Pods       []pod
			Policies   []policy
		}
		var values map[string]any
		if err := yaml.Unmarshal([]byte(d.Input), &values); err != nil {
			d.Fatalf(t, "%v", err)
		}
		text, err := json.Marshal(values) // as the API answers
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		if err := json.Unmarshal(text, &in); err != nil {
			d.Fatalf(t, "%v", err)
		}
		return newCluster(in.Namespaces, in.Pods, in.Policies).rules()
	})
}

// TestKEDA changes manifests like KEDA's.
func TestKEDA(t *testing.T) {
	datadriven.RunTest(t, "testdata/keda.txt", func(t *testing.T, d *datadriven.TestData) string {
		var c limits
		d.MaybeScanArgs(t, "qps", &c.qps)
		d.MaybeScanArgs(t, "burst", &c.burst)
		out, err := changeKEDA(d.Input, c)
		if err != nil {
			return err.Error() + "\n"
		}
		return out
	})
}

func TestTrim(t *testing.T) {
	for file, want := range map[string]bool{
		"cmd/operator/main.go": true, "cmd/operator/main_test.go": false, "go.mod": false, "tests/run.go": false,
		"pkg/mock/mock.go": false, "pkg/scalers/scaler.go": true, "pkg/scalers/kafka_scaler.go": false,
		"pkg/scalers/externalscaler/a.pb.go": true, "pkg/scalers/azure/a.go": false, "pkg/scaling/cache/a.go": true,
	} {
		if got := keptOfKEDA(file); got != want {
			t.Errorf("%s: kept %v, want %v", file, got, want)
		}
	}
	const kept = "\tcase \"external-push\":\n\t\treturn scalers.NewExternalPushScaler(config)\n"
	const dropped = "\tcase \"kafka\":\n\t\t// by default\n\t\treturn scalers.NewKafkaScaler(ctx, config)\n"
	if got := trimBuilder("switch {\n" + dropped + kept + dropped + "}\n"); got != "switch {\n"+kept+"}\n" {
		t.Errorf("got %s", got)
	}
}

func TestMissing(t *testing.T) {
	lack := missing(needed, func(program string) bool { return program != "runc" && program != "ptp" && program != "portmap" })
	got := missingError(lack).Error()
	const want = "not installed: runc (of runc); ptp, portmap (of containernetworking-plugins); " +
		"on Debian: apt-get install -y --no-install-recommends runc containernetworking-plugins"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if lack := missing(needed, func(string) bool { return true }); len(lack) > 0 {
		t.Errorf("missing although all is there: %v", lack)
	}
}

func TestMountsBelow(t *testing.T) {
	const mounts = "proc /proc proc rw 0 0\ntmpfs /tmp/lab/a tmpfs rw 0 0\ntmpfs /tmp/lab2/b tmpfs rw 0 0\ntmpfs /tmp/lab/a/c tmpfs rw 0 0\n"
	if got, want := mountsBelow("/tmp/lab", mounts), []string{"/tmp/lab/a/c", "/tmp/lab/a"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestImage: an image has its items in one layer.
func TestImage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(file, []byte("binary"), 0o755); err != nil {
		t.Fatal(err)
	}
	im := image{"docker.io/local/a:1", "65532:65532", "/a", []string{file + "=/a", "dir:/home:777", "link:/bin=usr/bin", "text:/etc/x=1=2"}}
	archive, err := im.archive()
	if err != nil {
		t.Fatal(err)
	}
	var content []byte
	for name, f := range untar(t, archive) {
		if strings.HasSuffix(name, ".tar") {
			content = f
		}
	}
	got := untar(t, content)
	want := map[string]string{"tmp": "", "a": "binary", "home": "", "bin": "", "etc/x": "1=2"}
	if !maps.EqualFunc(got, want, func(a []byte, b string) bool { return string(a) == b }) {
		t.Errorf("got %q, want %q", got, want)
	}
	im.items = []string{"/no-such-file"}
	if _, err := im.archive(); err == nil || !strings.Contains(err.Error(), "/no-such-file") {
		t.Errorf("got error %v", err)
	}
}

func untar(t *testing.T, archive []byte) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if out[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

// TestConfigs: every file of config/ is filled in.
func TestConfigs(t *testing.T) {
	entries, err := configFiles.ReadDir("config")
	if err != nil {
		t.Fatal(err)
	}
	l := lab{dir: "/tmp/lab"}
	for _, e := range entries {
		text, err := fill(e.Name(), l.settings())
		if err != nil || strings.Contains(text, "no value") || strings.Contains(text, "{{") {
			t.Errorf("%s: %v\n%s", e.Name(), err, text)
		}
	}
}

func TestOptions(t *testing.T) {
	o, err := parseOptions([]string{"-hpa-sync", "1s", "-keda-qps", "200", "-keda-burst", "400"})
	if want := (options{1e9, true, limits{200, 400}}); err != nil || o != want {
		t.Errorf("got %v (%v), want %v", o, err, want)
	}
	if _, err := parseOptions([]string{"now"}); err == nil {
		t.Error("an argument was taken")
	}
}

func TestNewLab(t *testing.T) {
	l, err := newLab("/tmp/x")
	if err != nil || l.name() != "x" {
		t.Errorf("got %+v (%v)", l, err)
	}
	if _, err := newLab("/tmp/" + strings.Repeat("x", maxDir)); err == nil {
		t.Error("a long -dir was taken")
	}
	if _, err := repository(t.TempDir()); err == nil {
		t.Error("a repository was found where there is none")
	}
}
