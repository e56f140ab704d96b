package ray_test

import (
	"log/slog"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/nats"
)

// TestAgents runs agents as processes of their own beside a cluster: one that
// only asks the GCS, and one beside each of two raylets. Both ways the same
// demand is seen, and it is seen once.
func TestAgents(t *testing.T) {
	c := start(t, "testdata/minimum.yaml")
	workers(t, c, "cpu", 1)
	server, err := nats.Embed()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Shutdown()
	for name, args := range map[string][]string{
		"gcs":    {"--gcs-only"},
		"head":   {"--head", "--instance-id=minimum-head"},
		"worker": {"--instance-id=minimum-cpu-1"},
	} {
		cluster := "--cluster=test/raylets"
		if name == "gcs" {
			cluster = "--cluster=test/gcs"
		}
		cmd := exec.Command(binary, append([]string{"agent", "--gcs-address=" + c.GCS, "--nats-url=" + server.ClientURL(), cluster}, args...)...)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Signal(os.Interrupt)
			if err := cmd.Wait(); err != nil {
				t.Errorf("agent %s ends with %v", name, err)
			}
		})
	}
	conn, err := nats.Connect(nats.Options{InProcess: server})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	inbox, err := nats.Subscribe(conn, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	d := drive(t, c, "tasks", "1", "0", "64", "0")
	for cluster, source := range map[string]demand.Source{"gcs": demand.FromGCS, "raylets": demand.FromRaylets} {
		s := settled(t, inbox, demand.Cluster{Namespace: "test", Name: cluster})
		if s.Source != source || len(s.Nodes) < 2 {
			t.Errorf("%s: source %s, %d nodes", cluster, s.Source, len(s.Nodes))
		}
	}
	d.Kill()
}

// settled waits for a cluster's task of 64 CPUs to be settled demand.
func settled(t *testing.T, inbox *nats.Subscriber, c demand.Cluster) *demand.Snapshot {
	t.Helper()
	state := demand.NewState(demand.DefaultWindows())
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		for _, r := range inbox.Take()[c] {
			state.Apply(r, time.Now())
		}
		s, err := state.Snapshot(time.Now())
		if err != nil {
			continue
		}
		for _, shape := range s.Demand.Tasks {
			if shape.Resources.String() == "{CPU: 64}" {
				if shape.Count != 1 {
					t.Errorf("%s: the task is seen %d times", c, shape.Count)
				}
				return s
			}
		}
	}
	t.Fatalf("%s: the task was never seen", c)
	return nil
}
