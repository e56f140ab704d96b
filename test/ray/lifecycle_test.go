package ray_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/rayburst/rayburst/scaler"
)

// TestMinimumAndMaximum: min_workers stay without demand, and the cluster's
// max_workers holds for all types together.
func TestMinimumAndMaximum(t *testing.T) {
	c := start(t, "testdata/minimum.yaml")
	workers(t, c, "cpu", 1)
	d := drive(t, c, "tasks", "5", "0.3", "1", "0")
	g := drive(t, c, "tasks", "5", "0.3", "1", "1")
	finish(t, d)
	finish(t, g)
	workers(t, c, "gpu", 0)
	workers(t, c, "cpu", 1)
	if n := peak(c.Lines()); n < 2 || n > 3 {
		t.Errorf("%d workers were wanted at once; the cluster's max_workers is 3", n)
	}
	time.Sleep(2 * time.Second) // three idle timeouts: the minimum must outlive them
	workers(t, c, "cpu", 1)
}

// peak is the largest sum of all types' targets at once. Processes that are
// being stopped are not workers any more, like terminating pods.
func peak(lines []string) int {
	targets, most := map[string]int{}, 0
	for _, l := range lines {
		var at float64
		var name string
		var from, to, sum int
		if n, _ := fmt.Sscanf(strings.TrimSpace(l), "+%fs %s %d → %d", &at, &name, &from, &to); n == 4 {
			targets[name] = to
		}
		for _, n := range targets {
			sum += n
		}
		most = max(most, sum)
	}
	return most
}

// TestHeadKilled: while the head is away the scaler answers Unavailable and
// holds every target; a new head is followed, and its workers are used again.
func TestHeadKilled(t *testing.T) {
	c := start(t, "testdata/scenarios.yaml", "-v")
	d := drive(t, c, "hold", "1")
	await(t, d, "node")
	before := workers(t, c, "cpu", 1)
	client, ref := externalScaler(t, c.GRPC, "scenarios", "cpu")
	if active, err := client.IsActive(t.Context(), ref); err != nil || !active.GetResult() {
		t.Fatalf("IsActive before: %v, %v", active, err)
	}
	signalHead(t, c.GCS, syscall.SIGSTOP) // hung first: a killed head is back before anything is stale
	eventually(t, c, "an unknown state", func(d *scaler.Decision) bool { return d.Unknown != "" })
	if _, err := client.IsActive(t.Context(), ref); status.Code(err) != codes.Unavailable {
		t.Errorf("IsActive while the head is away: %v, want Unavailable", err)
	}
	signalHead(t, c.GCS, syscall.SIGKILL)
	after := eventually(t, c, "a new session", func(d *scaler.Decision) bool {
		g, _ := d.Target("cpu")
		if d.Unknown != "" && g.Workers < 1 {
			t.Errorf("the target fell to %d while the state was unknown", g.Workers)
		}
		return d.Unknown == "" && d.Session != before.Session
	})
	if g, _ := after.Target("cpu"); g.Workers != 1 {
		t.Errorf("the new head begins with %d workers, want the one that was there", g.Workers)
	}
	d.Kill()
	n := asked(c, "", func() { finish(t, drive(t, c, "tasks", "1", "0.1", "1", "0")) })
	if n > 1 {
		t.Errorf("%d workers were asked for one task after the head's return", n)
	}
	empty(t, c)
}

func externalScaler(t *testing.T, addr, cluster, nodeType string) (externalscaler.ExternalScalerClient, *externalscaler.ScaledObjectRef) {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return externalscaler.NewExternalScalerClient(conn), &externalscaler.ScaledObjectRef{
		Name: nodeType, Namespace: "local", ScalerMetadata: map[string]string{"rayCluster": cluster, "nodeType": nodeType},
	}
}

// signalHead signals the GCS: its command line names its port.
func signalHead(t *testing.T, gcs string, s syscall.Signal) {
	t.Helper()
	_, port, err := net.SplitHostPort(gcs)
	if err != nil {
		t.Fatal(err)
	}
	pids := matching(t, func(command string) bool {
		return strings.Contains(command, "gcs/gcs_server") && strings.Contains(command, "--gcs_server_port="+port)
	})
	if len(pids) == 0 {
		t.Fatal("no gcs_server of this cluster")
	}
	if err := syscall.Kill(pids[0], s); err != nil {
		t.Fatal(err)
	}
}

// TestCommand: the driver's output is kept, its exit code is ours, and nothing
// is left behind.
func TestCommand(t *testing.T) {
	python := filepath.Join(filepath.Dir(rayCommand), "python")
	program := `import ray, sys; ray.init(logging_level="error", log_to_driver=False)
print("ran", ray.get(ray.remote(num_cpus=1)(lambda: 6*7).remote())); sys.exit(7)`
	cmd := exec.Command(binary, "local", "--addr=127.0.0.1:0", "--ray="+rayCommand, "testdata/scenarios.yaml", "--", python, "-c", program)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("exit: %v, want 7\n%s", err, errs.String())
	}
	if out.String() != "ran 42\n" {
		t.Errorf("output %q, want %q", out.String(), "ran 42\n")
	}
	for _, want := range []string{"Demand to decision", "Demand to joined worker", "Node-seconds"} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("the summary has no %q:\n%s", want, errs.String())
		}
	}
	nothingLeft(t)
}

// TestInterrupt: Ctrl-C in the middle of a burst ends everything.
func TestInterrupt(t *testing.T) {
	c := start(t, "testdata/scenarios.yaml")
	d := drive(t, c, "bound", "4")
	await(t, d, "asked")
	eventually(t, c, "workers joining", func(d *scaler.Decision) bool {
		g, _ := d.Target("cpu")
		return g.Joining > 0
	})
	if err := c.Stop(); err != nil {
		t.Errorf("end after Ctrl-C: %v, want exit code 0", err)
	}
	d.Kill()
	nothingLeft(t)
}

// nothingLeft fails if a process or a folder of a local cluster is there that
// was not there before the tests.
func nothingLeft(t *testing.T) {
	t.Helper()
	left := func() []int {
		return matching(t, func(command string) bool {
			dir := clusterDir.FindString(command)
			return dir != "" && !slices.Contains(foreign, dir)
		})
	}
	for range 50 {
		if len(left()) == 0 {
			break
		}
		time.Sleep(100 * time.Millisecond) // a killed process may still be listed
	}
	for _, pid := range left() {
		b, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
		t.Errorf("process %d is left: %s", pid, bytes.ReplaceAll(b, []byte{0}, []byte{' '}))
	}
	for _, dir := range clusterDirs() {
		if !slices.Contains(foreign, dir) {
			t.Errorf("folder %s is left", dir)
		}
	}
}

var (
	clusterDir = regexp.MustCompile(`/tmp/rb-[0-9]+`)
	foreign    = clusterDirs() // of clusters that are not ours, killed ones too
)

func clusterDirs() []string {
	dirs, _ := filepath.Glob("/tmp/rb-*")
	return dirs
}

// TestLocalErrors: what is wrong is said with what to do.
func TestLocalErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("cluster_name: a\nmax_wrokers: 3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"ray is not installed", []string{"--ray=no-such-ray", "testdata/scenarios.yaml"}, "pip install ray"},
		{"a command that is not Ray", []string{"--ray=/bin/true", "testdata/scenarios.yaml"}, "ray is not installed"},
		{"the API's port is taken", []string{"--ray=" + rayCommand, "--addr=" + taken.Addr().String(), "testdata/scenarios.yaml"}, "give another address with --addr"},
		{"the GCS's port is taken", []string{"--ray=" + rayCommand, "--addr=127.0.0.1:0", "--gcs-port=" + port, "testdata/scenarios.yaml"}, "give another one with --gcs-port"},
		{"a bad YAML", []string{"--ray=" + rayCommand, bad}, `line 2: max_wrokers: is not a key of Ray's cluster YAML; the nearest is max_workers`},
		{"no such file", []string{"no-such.yaml"}, "no-such.yaml"},
		{"a command that cannot be run", []string{"--ray=" + rayCommand, "--addr=127.0.0.1:0", "testdata/minimum.yaml", "--", "no-such-driver"}, `running "no-such-driver"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, err := exec.Command(binary, append([]string{"local"}, tc.args...)...).CombinedOutput()
			if err == nil || !strings.Contains(string(out), tc.want) {
				t.Errorf("%v; got %q, want an error with %q", err, out, tc.want)
			}
		})
	}
	nothingLeft(t)
}
