package main

import (
	"bytes"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/scaler"
	"github.com/rayburst/rayburst/scaler/httpapi"
)

// TestMain is also the program of these tests.
func TestMain(m *testing.M) {
	if os.Getenv("RAYBURST_TEST_MAIN") != "" {
		os.Exit(run(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// invoke runs the program.
func invoke(t *testing.T, in string, args ...string) (code int, out, errs string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = []string{"RAYBURST_TEST_MAIN=1", "HOME=" + t.TempDir()}
	cmd.Stdin = strings.NewReader(in)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// api is the HTTP API of a scaler with one cluster that is decided and one
// that is not known.
func api(t *testing.T) string {
	t.Helper()
	store := httpapi.NewStore()
	store.Publish(&scaler.Decision{
		Cluster: demand.Cluster{Namespace: "ml", Name: "train"}, At: time.Now(),
		Targets: []scaler.Target{{Type: "gpu", Workers: 3, Reason: scaler.ReasonTasks, Detail: "+1", Running: 2, Joining: 1, Max: 8}},
		Nodes:   scaler.Now([]scaler.NodeView{{Name: "gpu-1", NodeID: "ab", Type: "gpu", State: scaler.StateRunning, Keep: scaler.KeepBusy, Detail: "in use"}}),
		Plan: scaler.Now(&nodetypes.Request{
			NodeTypes: []nodetypes.NodeType{{Name: "gpu", Resources: demand.MustResources(map[string]float64{"GPU": 1}), MaxWorkers: 8}},
			Nodes:     []nodetypes.Node{{ID: "ab", Type: "gpu", Status: nodetypes.Joining}}, MaxWorkers: 8, ConserveGPUNodes: true,
			Demand: demand.Demand{Tasks: []demand.Shape{{ResourceRequest: demand.ResourceRequest{
				Resources: demand.MustResources(map[string]float64{"GPU": 1})}, Count: 3}}},
		}),
	})
	store.Publish(&scaler.Decision{
		Cluster: demand.Cluster{Namespace: "ml", Name: "serve"}, At: time.Now(), Unknown: "the head has not reported yet",
		Targets: []scaler.Target{{Type: "cpu", Workers: 1, Reason: scaler.ReasonUnknown}},
	})
	s := httptest.NewServer(httpapi.Handler(httpapi.Config{
		Store: store, Now: time.Now, Inbox: func() httpapi.InboxStats { return httpapi.InboxStats{} },
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func minimalRayCluster(more string) string {
	return "{apiVersion: ray.io/v1, kind: RayCluster, metadata: {name: m}, spec: {" + more + "headGroupSpec: {template: {spec: {containers: [{image: rayproject/ray}]}}}}}"
}

// TestConvertSays: what has no equivalent is said beside the result.
func TestConvertSays(t *testing.T) {
	code, out, errs := invoke(t, minimalRayCluster("tlsOptions: {enabled: true}, "), "convert", "-f", "-")
	const want = "m: spec.tlsOptions: no equivalent ({\"enabled\":true}): mount certificates, and set Ray's RAY_USE_TLS and RAY_TLS_… in env\n"
	if code != 0 || !strings.Contains(out, "repository: rayproject/ray") || errs != want {
		t.Errorf("%d, %s, %s", code, out, errs)
	}
}

// TestCommandLine has what a command prints, where, and its exit code.
func TestCommandLine(t *testing.T) {
	host := api(t)
	addr := "--addr=" + host
	live := "plan --from-scaler " + host
	file := "plan --from-cluster testdata/plan.yaml"
	const gpuTask = `{"demand":{"tasks":[{"resources":{"GPU":1}}]}}`
	for _, c := range []struct {
		name string
		args string
		in   string
		code int
		out  string // a part of standard output
		err  string // a part of standard error
	}{
		{"help", "--help", "", 0, "Rayburst scales Ray clusters", ""},
		{"version", "--version", "", 0, "dev", ""},
		{"no command", "", "", 2, "", "expected one of"},
		{"no such command", "lokal", "", 2, "", "unexpected argument lokal"},
		{"no such flag", "status --adr=x", "", 2, "", "unknown flag --adr"},

		{"status", "status " + addr, "", 0, "gpu", ""},
		{"status of one", "status -c ml/serve " + addr, "", 0, "the head has not reported yet", ""},
		{"status as JSON", "status -o json " + addr, "", 0, `"namespace": "ml"`, ""},
		{"status in another form", "status -o yaml " + addr, "", 2, "", `--output must be one of "text","json" but got "yaml"`},
		{"status of no cluster", "status -c ml/none " + addr, "", 1, "", `--cluster: the scaler has no cluster "ml/none"`},
		{"status of no scaler", "status --addr=127.0.0.1:1", "", 1, "", "is rayburst local running? else give --addr"},

		{"explain a type", "explain gpu " + addr, "", 0, "gpu: 3 workers, because Tasks: +1", ""},
		{"explain a node", "explain gpu-1 " + addr, "", 0, "gpu-1 is running and stays, because Busy: in use", ""},
		{"explain what is not there", "explain nothing -c ml/train " + addr, "", 1, "", `"nothing" is neither a node type (gpu) nor a node (gpu-1)`},

		{"agent of no cluster", "agent --nats-url=nats://127.0.0.1:1", "", 2, "", "missing flags: --cluster"},
		{"agent of half a cluster", "agent --cluster=train --nats-url=nats://127.0.0.1:1 --head", "", 1, "", `--cluster: must be namespace/name (got "train")`},
		{"agent without NATS", "agent --cluster=ml/train --head", "", 1, "", "--nats-url: give the NATS server"},
		{"agent of no raylet", "agent --cluster=ml/train --nats-url=nats://127.0.0.1:1", "", 1, "", "--instance-id: give the worker's RAY_CLOUD_INSTANCE_ID"},
		{"agent of two modes", "agent --cluster=ml/train --head --gcs-only", "", 2, "", "--head and --gcs-only can't be used together"},
		{"agent with no such file", "agent --cluster=ml/train --head --nats-url=x --nats-ca=/none", "", 2, "", "/none"},

		{"plan", "plan", `{"nodeTypes":[]}`, 0, `"launch":{}`, ""},
		{"plan of nonsense", "plan", `{"nodeTypes":[{}]}`, 1, "", "case 1: nodeTypes[0].name: is required"},
		{"plan in tables", "plan -o text", `{"nodeTypes":[{"name":"a","minWorkers":1}]}`, 0, "LAUNCH  NODES  NOW  FOR\na       1      -    1 for minimums\n", ""},
		{"plan with reasons", "plan --explain", `{"nodeTypes":[{"name":"a"}],"demand":{"tasks":[{"resources":{"CPU":1}}]}}`, 0, "  a  lacks  CPU: has 0, needs 1\n", ""},
		{"plan with reasons, as JSON", "plan --explain -o json", `{"nodeTypes":[]}`, 0, `"constraints":[]}},"explanation":[]}` + "\n", ""},
		{"plan in another form", "plan -o yaml", "", 2, "", `--output must be one of "text","json"`},
		{"plan of two sources", "plan --from-cluster testdata/plan.yaml --from-scaler x", "", 2, "", "can't be used together"},

		{"plan of a YAML", file, "", 0, `{"launch":{"cpu":1},"terminate":[],"infeasible":{"tasks":[],"gangs":[],"constraints":[]},"launchNow":{"cpu":1}}` + "\n", ""},
		{"plan of a YAML and demand", file, gpuTask, 0, `"launch":{"cpu":1,"gpu":1}`, ""},
		{"plan of a YAML and nodes", file, `{"nodes":[{"id":"h","type":"head","head":true},{"id":"n","type":"cpu"}]}`, 0, `"launch":{}`, ""},
		{"plan of a YAML and types", file, `{"nodeTypes":[]}`, 1, "", "case 1: with --from-cluster: nodeTypes: must not be given here, only nodes, demand, conserveGpuNodes"},
		{"plan of no YAML", "plan --from-cluster /none", "", 2, "", "/none"},
		{"plan of a wrong YAML", "plan --from-cluster plan.go", "", 1, "", "--from-cluster: "},

		{"plan of a scaler", live + " -c ml/train", "", 0, `{"launch":{"gpu":2},`, ""},
		{"plan of a scaler and demand", live + " -c ml/train", gpuTask, 0, `{"launch":{"gpu":3},`, ""},
		{"plan of a scaler and nodes", live + " -c ml/train", `{"nodes":[]}`, 1, "", "case 1: with --from-scaler: nodes: must not be given here, only demand"},
		{"plan of one of two clusters", live, "", 1, "", "--from-scaler: --cluster: must name one of the scaler's clusters (ml/serve, ml/train)"},
		{"plan of an unknown state", live + " -c ml/serve", "", 1, "", "the cluster's state is not known: the head has not reported yet"},
		{"plan of no scaler", "plan --from-scaler 127.0.0.1:1", "", 1, "", "--from-scaler: asking the scaler at 127.0.0.1:1"},
		{"plan of a cluster, but no scaler", "plan -c ml/train", "", 2, "", `--cluster: must be given with --from-scaler only (got "ml/train")`},
		{"up", "up --dry-run --namespace ml testdata/plan.yaml", "", 0, "        rayCluster: ", ""},
		{"up under another name", "up --dry-run -n other testdata/plan.yaml", "", 0, "  name: other-head", ""},
		{"up without Kubernetes", "up -y testdata/plan.yaml", "", 1, "", "must name a Kubernetes cluster"},
		{"up with both", "up --no-restart --restart-only testdata/plan.yaml", "", 2, "", "--restart-only"},
		{"up with values", "up --dry-run --values testdata/values.yaml testdata/plan.yaml", "", 0, "--num-cpus=3", ""},
		{"up with values that are none", "up --dry-run --values plan.go testdata/plan.yaml", "", 1, "", "plan.go must be a YAML map"},
		{"up of no YAML", "up --dry-run /none", "", 2, "", "/none"},
		{"up of a wrong YAML", "up --dry-run plan.go", "", 1, "", "plan.go: bad cluster YAML: "},
		{"up with files", "up --dry-run testdata/filemounts.yaml", "", 0, "  files.tar.gz: H4sI", ""},
		{"up with files that are not there", "up --dry-run testdata/nofiles.yaml", "", 1, "", "file_mounts./none: must be a local file or folder (got \"/none\")"},
		{"up without a file", "up --dry-run testdata/envfile.yaml", "", 1, "", "--env-file: open /none/a.env"},
		{"down without Kubernetes", "down -y testdata/plan.yaml", "", 1, "", "must name a Kubernetes cluster"},
		{"down but for workers", "down -y --keep-min-workers testdata/plan.yaml", "", 1, "", "--keep-min-workers: workers need a head to stay"},
		{"exec on a host", "exec --run-env host testdata/plan.yaml id", "", 1, "", "--run-env: must be auto or docker"},
		{"exec with an end nobody sees", "exec --tmux --stop testdata/plan.yaml id", "", 1, "", "--stop: must not be given with --screen or --tmux"},
		{"exec of nothing", "exec testdata/plan.yaml", "", 2, "", `expected "<command>"`},
		{"attach to a new shell", "attach --new testdata/plan.yaml", "", 1, "", "--new: must be given with --screen or --tmux"},
		{"attach to two", "attach --screen --tmux testdata/plan.yaml", "", 2, "", "can't be used together"},
		{"submit of a folder", "submit testdata/plan.yaml testdata", "", 2, "", `testdata" exists but is a directory`},
		{"rsync-up to nowhere", "rsync-up testdata/plan.yaml testdata", "", 1, "", "TARGET: must be given with SOURCE"},
		{"rsync-down to nowhere", "rsync-down testdata/plan.yaml /x", "", 1, "", "TARGET: must be given with SOURCE"},
		{"status of another context", "status testdata/plan.yaml --context none", "", 1, "", `must name a Kubernetes cluster (got "", "none")`},
		{"explain two", "explain a b", "", 1, "", `SUBJECT: must be one (got ["a" "b"])`},
		{"convert", "convert -f -", minimalRayCluster(""), 0, "# helm install m CHART --values FILE\nhead:\n  image:\n    repository: rayproject/ray\n", ""},
		{"convert to our own", "convert -f - -o raycluster", minimalRayCluster(""), 0, "apiVersion: rayburst.io/v1alpha1\nkind: RayCluster\n", ""},
		{"convert strictly", "convert -f - --strict", minimalRayCluster("tlsOptions: {enabled: true}, "), 1, "", "--strict: everything must have an equivalent (got 1 without)"},
		{"convert nothing", "convert -f -", "kind: RayJob\nmetadata: {name: j}", 1, "", "RayJob j: no equivalent: leave it on KubeRay"},
		{"convert no file", "convert -f /none", "", 1, "", "--file: open /none"},
		{"convert without a file", "convert", "", 2, "", "missing flags: --file=FILE"},
		{"doctor of no cluster", "doctor --kubeconfig=/none", "", 1, "", `--kubeconfig, --context: must name a Kubernetes cluster (got "/none", "")`},
		{"doctor in another form", "doctor -o yaml", "", 2, "", `--output must be one of "text","json"`},
		{"replay of no file", "replay /none", "", 2, "", "/none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, errs := invoke(t, c.in, strings.Fields(c.args)...)
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errs, c.err) {
				t.Errorf("exit code %d, want %d\nstandard output %q, want %q in it\nstandard error %q, want %q in it", code, c.code, out, c.out, errs, c.err)
			}
			if c.code == 0 && errs != "" || c.code != 0 && out != "" {
				t.Errorf("said in the wrong place: standard output %q, standard error %q", out, errs)
			}
		})
	}
}

// TestExitCode: a driver's exit code becomes ours.
func TestExitCode(t *testing.T) {
	if exitCode(exitError{7}) != 7 || exitCode(nil) != 0 || exitCode(io.EOF) != 1 {
		t.Error("exit codes of 7, nothing and another error are not 7, 0 and 1")
	}
}
