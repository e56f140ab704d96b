package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// launched is a cluster that is made by the command line.
type launched struct {
	t    *testing.T
	dir  string
	name string // of the cluster and of its namespace
}

const launchedYAML = `cluster_name: %s
max_workers: %d
provider: {type: kubernetes, namespace: %[1]s}
docker: {image: "docker.io/local/ray:dev", pull_before_run: false}
file_mounts: {~/data/here: %[3]s}
rsync_exclude: ["*.pyc"]
setup_commands: [echo the setup ran in $HOME]
available_node_types:
  head: {resources: {CPU: 0}, node_config: {}}
  small: {resources: {CPU: 1}, max_workers: 3, idle_timeout_s: 3, node_config: {}}
head_node_type: head
`

// launchedEnv is for Ray of this machine's disk.
const launchedEnv = `
env:
  - {name: HOME, value: /home/ray}
  - {name: PATH, value: "/opt/venv/bin:/usr/local/bin:/usr/bin:/bin"}
  - {name: RAY_enable_open_telemetry, value: "0"}
  - {name: RAY_USAGE_STATS_ENABLED, value: "0"}
`

// launchedValues are what a cluster YAML cannot say: Ray of this machine's disk,
// and workers that fit on it.
const launchedValues = launchedEnv + `
head:
  image: {repository: docker.io/local/ray, tag: dev, pullPolicy: Never}
workers:
  small: {image: {repository: docker.io/local/ray, tag: dev, pullPolicy: Never}, resources: {requests: {cpu: 50m, memory: 200Mi}, limits: {memory: 1Gi}}}
`

func newLaunched(t *testing.T) *launched {
	t.Helper()
	l := &launched{t: t, dir: t.TempDir(), name: strings.ToLower(strings.TrimPrefix(t.Name(), "Test"))}
	l.file("data/greeting.txt", "hello from this machine\n")
	l.file("data/no.pyc", "")
	l.file("more.yaml", launchedValues)
	l.yaml(3)
	t.Cleanup(l.clean)
	return l
}

func (l *launched) clean() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if l.t.Failed() {
		(&cluster{t: l.t, namespace: l.name}).tell(ctx)
	}
	for _, args := range [][]string{
		{"helm", "uninstall", l.name, "-n", l.name, "--ignore-not-found"},
		{"kubectl", "delete", "namespace", l.name, "--ignore-not-found"},
	} {
		if _, err := run(ctx, "", args...); err != nil {
			l.t.Error(err)
		}
	}
}

func (l *launched) file(name, text string) string {
	l.t.Helper()
	path := filepath.Join(l.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		l.t.Fatal(err)
	}
	return path
}

func (l *launched) yaml(maxWorkers int) {
	l.t.Helper()
	l.file("cluster.yaml", fmt.Sprintf(launchedYAML, l.name, maxWorkers, filepath.Join(l.dir, "data")))
}

// said is what a command has printed, and its exit code.
type said struct {
	out, err string
	code     int
}

// rayburst runs a command on the cluster's YAML.
func (l *launched) rayburst(in, command string, args ...string) said {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "rayburst", append([]string{command, filepath.Join(l.dir, "cluster.yaml")}, args...)...)
	cmd.Stdin = strings.NewReader(in)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		l.t.Fatal(err)
	}
	return said{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// must fails the test unless the command ends with a code and says something.
func (l *launched) must(s said, code int, words ...string) said {
	l.t.Helper()
	for _, w := range words {
		if !strings.Contains(s.out+s.err, w) {
			l.t.Errorf("it does not say %q", w)
			code = -1
		}
	}
	if s.code != code {
		l.t.Fatalf("exit code %d\nstandard output: %s\nstandard error: %s", s.code, s.out, s.err)
	}
	return s
}

func (l *launched) up(in string, args ...string) said {
	l.t.Helper()
	return l.rayburst(in, "up", append([]string{"--values", valuesFile(l.t), "--values", filepath.Join(l.dir, "more.yaml")}, args...)...)
}

// TestLauncher is a user's day with a cluster YAML.
func TestLauncher(t *testing.T) {
	t.Parallel()
	l := newLaunched(t)
	begin := time.Now()
	l.must(l.up("", "--yes"), 0, "+ Deployment launcher-small", "| the setup ran in /home/ray", "ready", "rayburst attach")
	t.Logf("the head was ready %.1f s after rayburst up", time.Since(begin).Seconds())
	l.must(said{out: kubectlIn(t, "helm", "list", "-n", l.name)}, 0, "ray-cluster-")

	l.file("burst.py", "import os, sys, time, ray\nray.init(address='auto', log_to_driver=False)\n@ray.remote(num_cpus=1)\ndef f(seconds):\n    time.sleep(seconds)\n    return os.environ['RAY_CLOUD_INSTANCE_ID']\n"+
		"print('ran on', len(set(ray.get([f.remote(int(sys.argv[2])) for _ in range(int(sys.argv[1]))]))), 'workers')\nsys.exit(7)\n")
	l.must(l.rayburst("", "submit", filepath.Join(l.dir, "burst.py"), "3", "12"), 7, "ran on 3 workers")
	l.must(l.rayburst("", "status"), 0, "Ray cluster launcher/launcher", "small")
	l.must(l.rayburst("", "explain", "small"), 0, "small: ")
	l.must(l.rayburst("", "get-worker-ips"), 0)
	l.must(l.rayburst("", "kill-random-node", "-y"), 0, "is ending")

	if got := l.must(l.rayburst("", "exec", "cat ~/data/here/greeting.txt; ls ~/data/here; exit 5"), 5).out; got != "hello from this machine\ngreeting.txt\n" {
		t.Errorf("exec says %q", got)
	}
	if got := l.must(l.rayburst("piped\n", "exec", "cat"), 0).out; got != "piped\n" {
		t.Errorf("what is piped to exec comes back as %q", got)
	}
	head, err := kube.CoreV1().Pods(l.name).List(t.Context(), metav1.ListOptions{LabelSelector: "ray.io/node-type=head"})
	if err != nil || len(head.Items) != 1 {
		t.Fatal(head, err)
	}
	if got := l.must(l.rayburst("", "get-head-ip"), 0).out; got != head.Items[0].Status.PodIP+"\n" {
		t.Errorf("get-head-ip says %q", got)
	}
	l.attaches()
	l.copies()
	l.forwards()
	l.follows()
	l.changes()

	l.must(l.rayburst("y\n", "down", "--workers-only"), 0, "Confirm [y/N]", "are stopped")
	l.must(l.up("", "-y"), 0, "paused-replicas", "ready")
	l.must(l.rayburst("n\n", "down"), 1, "Aborted.")
	l.must(l.rayburst("", "down", "-y"), 0, "is gone")
	nothingOf(t, l.name+"-", "-n", l.name)
	l.must(l.rayburst("", "exec", "true"), 1, "the Ray cluster has no head: launcher/launcher")
	l.must(l.rayburst("", "down", "-y"), 0, "is gone")
}

func kubectlIn(t *testing.T, args ...string) string {
	t.Helper()
	out, err := run(t.Context(), "", args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// attaches types into a shell, as people do.
func (l *launched) attaches() {
	l.t.Helper()
	cmd := exec.CommandContext(l.t.Context(), "rayburst", "attach", filepath.Join(l.dir, "cluster.yaml"))
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 33, Cols: 99})
	if err != nil {
		l.t.Fatal(err)
	}
	defer terminal.Close()
	if _, err := terminal.WriteString("echo answer $((6*7)) in $(stty size)\nexit 3\n"); err != nil {
		l.t.Fatal(err)
	}
	var shown bytes.Buffer
	_, _ = shown.ReadFrom(terminal) // a terminal whose program has ended fails
	_ = cmd.Wait()
	if !strings.Contains(shown.String(), "answer 42 in 33 99") || cmd.ProcessState.ExitCode() != 3 {
		l.t.Errorf("attach ended with %d and showed\n%s", cmd.ProcessState.ExitCode(), shown.String())
	}
}

// copies copies a folder there and back.
func (l *launched) copies() {
	l.t.Helper()
	l.file("src/a.py", "1")
	l.file("src/deep/b.py", "2")
	l.file("src/b.pyc", "")
	l.must(l.rayburst("", "rsync-up", filepath.Join(l.dir, "src"), "~/copy/"), 0)
	l.must(l.rayburst("", "rsync-down", "~/copy/src/", filepath.Join(l.dir, "back")), 0)
	for name, want := range map[string]string{"back/a.py": "1", "back/deep/b.py": "2", "back/b.pyc": ""} {
		got, err := os.ReadFile(filepath.Join(l.dir, name))
		if (err == nil) != (want != "") || string(got) != want {
			l.t.Errorf("%s came back as %q, %v", name, got, err)
		}
	}
	l.must(l.rayburst("", "rsync-down", "/none", l.dir), 1, "copying", "/none")
	l.file("data/greeting.txt", "hello again\n")
	l.must(l.rayburst("", "rsync-up"), 0)
	l.must(l.rayburst("", "exec", "cat ~/data/here/greeting.txt"), 0, "hello again")
	l.file("data/greeting.txt", "hello from this machine\n")
}

var local = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// forwards reaches the agent of the head through the dashboard's forwarding.
func (l *launched) forwards() {
	l.t.Helper()
	cmd := exec.CommandContext(l.t.Context(), "rayburst", "dashboard", filepath.Join(l.dir, "cluster.yaml"), "--port=0", "--remote-port=8090")
	out, err := cmd.StderrPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	b := make([]byte, 1000)
	n, _ := out.Read(b)
	reply, err := http.Get(local.FindString(string(b[:n])) + "/healthz") //nolint:noctx // it is local
	if err != nil || reply.StatusCode != http.StatusOK {
		l.t.Errorf("after %q: %v, %v", b[:n], reply, err)
	} else {
		_ = reply.Body.Close()
	}
	_ = cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		l.t.Errorf("interrupted: %v", err)
	}
}

// follows sees a decision in rayburst monitor.
func (l *launched) follows() {
	l.t.Helper()
	l.replicas(map[string]int32{"small": 0})
	cmd := exec.CommandContext(l.t.Context(), "rayburst", "monitor", filepath.Join(l.dir, "cluster.yaml"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	time.Sleep(2 * time.Second)
	l.must(l.rayburst("", "submit", filepath.Join(l.dir, "burst.py"), "2", "3"), 7)
	time.Sleep(2 * time.Second)
	_ = cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil || !regexp.MustCompile(`small \d → \d`).Match(out.Bytes()) {
		l.t.Errorf("monitor: %v\n%s", err, out.String())
	}
}

// changes shows a change, asks, and makes it without touching the head.
func (l *launched) changes() {
	l.t.Helper()
	l.must(l.up(""), 0, "nothing changes")
	l.yaml(2)
	l.must(l.up("n\n"), 1, "~ ScaledObject launcher-small", `clusterMaxWorkers: "2"`, "Confirm [y/N]", "Aborted.")
	begin := time.Now()
	l.must(l.up("y\n", "--no-restart"), 0, "ready")
	l.t.Logf("a changed maximum took %.1f s", time.Since(begin).Seconds())
	l.file("data/greeting.txt", "new contents\n")
	l.must(l.up("", "-y", "--no-restart"), 1, "--no-restart: this change replaces the head")
	l.must(l.up("", "-y"), 0, "The head", "ready")
	l.must(l.rayburst("", "exec", "cat ~/data/here/greeting.txt"), 0, "new contents")
	l.must(l.up("", "-y", "--restart-only"), 0, "ready")
}

// TestLauncherFails: a setup command that fails ends rayburst up, with its output.
func TestLauncherFails(t *testing.T) {
	t.Parallel()
	l := newLaunched(t)
	l.file("fails.yaml", "head: {setupCommands: ['echo about to fail', 'exit 9']}\n")
	l.must(l.up("", "-y", "--values", filepath.Join(l.dir, "fails.yaml")), 1, "about to fail", "the head does not start", "exit code 9")
	l.must(l.up("", "-y"), 0, "ready")
	l.must(l.rayburst("", "down", "-y"), 0)
	nothingOf(t, l.name+"-", "-n", l.name)
}
