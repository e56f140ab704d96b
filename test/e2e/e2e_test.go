// Package e2e_test runs Ray clusters on a real Kubernetes with real KEDA: make e2e.
package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// kube is the API server of the lab.
var kube *kubernetes.Clientset

func TestMain(m *testing.M) {
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// prepare connects to the lab and installs the scaler's chart as a user would,
// with our own images.
func prepare() error {
	if os.Getenv("RAYBURST_LAB_DIR") == "" {
		return fmt.Errorf("these tests run in the lab: make e2e")
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 200, 400
	if kube, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	return installScaler()
}

// installScaler installs the scaler's chart as a user would, with our own
// images, or changes its values.
func installScaler(set ...string) error {
	args := []string{
		"helm", "upgrade", "--install", "rayburst", chart("rayburst"), "-n", "keda", "--wait", "--timeout", "60s",
		"--set", "image.repository=docker.io/local/rayburst,image.tag=dev,image.pullPolicy=Never,scaler.verbose=true",
	}
	for _, value := range set {
		args = append(args, "--set", value)
	}
	_, err := run(context.Background(), "", args...)
	return err
}

func chart(name string) string { return filepath.Join("..", "..", "charts", name) }

// run runs a command of the lab; its output is in the error too.
func run(ctx context.Context, in string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin = strings.NewReader(in)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s: %w\n%s%s", strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String(), nil
}

// rayImage is what the lab says of the image with this machine's Ray.
type rayImage struct{ Python, Venv string }

// values are the chart's values for Ray in the lab, in a file.
func values(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(os.Getenv("RAYBURST_LAB_DIR"), "ray-image.json"))
	if err != nil {
		t.Fatal(err)
	}
	var image rayImage
	if err := json.Unmarshal(raw, &image); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/ray-values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "values.yaml")
	filled := strings.NewReplacer("$PYTHON", image.Python, "$VENV", image.Venv).Replace(string(text))
	if err := os.WriteFile(path, []byte(filled), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// patience is how long anything may take on a machine with two cores.
const patience = 3 * time.Minute

// eventually waits until something is so; say tells what is instead.
func eventually(t *testing.T, what string, is func() (bool, string)) {
	t.Helper()
	said := ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		ok, say := is()
		if ok {
			return
		}
		said = say
	}
	t.Fatalf("not after %v: %s; now: %s", patience, what, said)
}
