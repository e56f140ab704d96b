package local

import (
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/deploy"
	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/scaler"
)

// TestMain is also the ray command of these tests: a head that listens, and
// workers that run until they are told to end or, named so, hang or fail.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || os.Args[1] != "start" {
		os.Exit(m.Run())
	}
	name := os.Getenv("RAY_CLOUD_INSTANCE_ID")
	for _, a := range os.Args {
		if port, ok := strings.CutPrefix(a, "--port="); ok {
			if _, err := net.Listen("tcp", ":"+port); err != nil {
				os.Exit(2)
			}
		}
	}
	if strings.Contains(name, "-broken-") {
		_, _ = io.WriteString(os.Stderr, "no such thing\n")
		os.Exit(3)
	}
	select {}
}

// world is a fleet under test and what happens in it.
type world struct {
	*Fleet
	events   chan Event
	seen     []Event // and not yet asked for
	attended chan attended
}

// attended is an agent beside a node.
type attended struct {
	Node
	Hooks
}

func newWorld(t *testing.T, types ...string) *world {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{events: make(chan Event, 100), attended: make(chan attended, 100)}
	cluster := &deploy.Cluster{Name: "c", MaxWorkers: 9, Head: nodetypes.NodeType{Name: "head"}}
	for _, name := range types {
		cluster.Types = append(cluster.Types, nodetypes.NodeType{Name: name, MaxWorkers: 9, Resources: demand.Resources{{Name: "CPU", Amount: 10000}}})
	}
	w.Fleet = New(Config{
		Cluster: cluster, Ray: Ray{Path: self, Python: []string{"false"}}, Dir: t.TempDir(),
		Attend: func(ctx context.Context, n Node, h Hooks) {
			if !n.Head {
				w.attended <- attended{n, h}
			}
			<-ctx.Done()
		},
		Event: func(e Event) { w.events <- e },
		Now:   time.Now, Log: slog.New(slog.DiscardHandler), AtOnce: 2, Patience: time.Second,
	})
	ctx, stop := context.WithCancel(context.Background())
	if err := w.Start(ctx); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for pid, command := range processes() {
			if strings.Contains(command, w.Dir) {
				t.Errorf("process %d is left: %s", pid, command)
			}
		}
	})
	return w
}

// target makes a type's workers n.
func (w *world) target(nodeType string, n int, marked ...string) {
	w.Apply(&scaler.Decision{Targets: []scaler.Target{{Type: nodeType, Workers: n}}, Victims: marked, Withdraw: marked})
}

// await waits for an event, and returns its detail.
func (w *world) await(t *testing.T, worker string, what What) string {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		for i, e := range w.seen {
			if e.Worker == worker && e.What == what {
				w.seen = slices.Delete(w.seen, i, i+1)
				return e.Detail
			}
		}
		select {
		case e := <-w.events:
			w.seen = append(w.seen, e)
		case <-deadline:
			t.Fatalf("%s was never %s", worker, what)
		}
	}
}

func (w *world) agent(t *testing.T) attended {
	t.Helper()
	select {
	case a := <-w.attended:
		return a
	case <-time.After(20 * time.Second):
		t.Fatal("no agent was started")
	}
	return attended{}
}

// TestHangingStart: a `ray start` that does not join is ended and started anew.
func TestHangingStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "cpu")
	w.target("cpu", 1)
	first := w.agent(t)
	w.await(t, "c-cpu-1", Ended)
	second := w.agent(t)
	if got := w.World().Workers[0]; got.Failures != 1 || !strings.Contains(got.Trouble, "Ray had not joined after 1s") {
		t.Errorf("after a start that hung: %d failures, trouble %q", got.Failures, got.Trouble)
	}
	if first.Name != second.Name || !second.Since.After(first.Since) {
		t.Errorf("the second life is %s since %v; the first one %s since %v", second.Name, second.Since, first.Name, first.Since)
	}
	second.Found()
	w.await(t, "c-cpu-1", Joined)
	time.Sleep(1500 * time.Millisecond) // longer than a start may take
	if got := w.World().Workers[0]; !got.Started || got.Failures != 0 {
		t.Errorf("a worker that has joined was not left alone: %+v", got)
	}
}

// TestBrokenStart: a `ray start` that fails is tried again, and what it said is
// the worker's trouble.
func TestBrokenStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "broken")
	w.target("broken", 1)
	for range 2 {
		w.await(t, "c-broken-1", Ended)
	}
	got := w.World().Workers[0]
	want := scaler.Worker{Name: "c-broken-1", Type: "broken", StartedAt: got.StartedAt, Failures: 2, Trouble: "Ray did not start: no such thing\nno such thing"}
	got.Trouble = strings.ReplaceAll(got.Trouble, "  ", "")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestScaleDown: a lower target ends drained and marked workers only, and
// withdrawn ones only before Ray is started in them.
func TestScaleDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "cpu")
	w.Patience = time.Hour
	w.target("cpu", 4)
	agents := map[string]attended{}
	for range 2 {
		a := w.agent(t)
		agents[a.Name] = a
	}
	w.target("cpu", 0)
	w.target("cpu", 2, "c-cpu-1", "c-cpu-3", "c-cpu-4") // only two start at once
	w.await(t, "c-cpu-3", Removed)
	w.await(t, "c-cpu-4", Removed)
	agents["c-cpu-1"].Found()
	agents["c-cpu-1"].Drained()
	w.await(t, "c-cpu-1", Drained)
	if got := names(w.World()); got != "c-cpu-1 c-cpu-2" {
		t.Errorf("before the target fell: %s", got)
	}
	w.target("cpu", 1, "c-cpu-1")
	w.await(t, "c-cpu-1", Removed)
	if got := names(w.World()); got != "c-cpu-2" {
		t.Errorf("in the end: %s", got)
	}
}

func names(w scaler.World) string {
	out := make([]string, 0, len(w.Workers))
	for _, x := range w.Workers {
		out = append(out, x.Name)
	}
	return strings.Join(out, " ")
}
