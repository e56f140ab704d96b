package loop_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/demandpb"
	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/scaler"
	"github.com/rayburst/rayburst/scaler/loop"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var cluster = demand.Cluster{Namespace: "default", Name: "train"}

// workers are two workers of a type, both running.
type workers struct {
	mu      sync.Mutex
	most    int // the type's maximum
	changed chan struct{}
}

func (w *workers) World() scaler.World {
	w.mu.Lock()
	defer w.mu.Unlock()
	idle := 10 * time.Second
	return scaler.World{
		Settings: scaler.Settings{UpscalingSpeed: 1, MaxWorkers: nodetypes.NoLimit, IdleTimeout: &idle},
		Types: []scaler.TypeState{{Replicas: 2, NodeType: nodetypes.NodeType{
			Name: "cpu", Resources: demand.MustResources(map[string]float64{"CPU": 4}), MaxWorkers: w.most,
		}}},
		Workers: []scaler.Worker{{Name: "cpu-1", Type: "cpu", Started: true}, {Name: "cpu-2", Type: "cpu", Started: true}},
	}
}

func (w *workers) setMost(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.most = n
	w.changed <- struct{}{}
}

func (w *workers) Changed() <-chan struct{} { return w.changed }

// agents record what they are asked and answer it.
type agents struct {
	mu     sync.Mutex
	start  time.Time
	asked  []string
	told   []time.Duration
	answer func(ctx context.Context, node string, m demand.Control) (demand.ControlReply, error)
}

func (a *agents) Send(ctx context.Context, c demand.Cluster, node string, m demand.Control) (demand.ControlReply, error) {
	a.mu.Lock()
	if m.Kind == demand.ControlState {
		a.told = append(a.told, time.Since(a.start))
	} else {
		a.asked = append(a.asked, fmt.Sprintf("%v %s %v %s", c, node, m.Kind, m.NodeID))
	}
	a.mu.Unlock()
	return a.answer(ctx, node, m)
}

func (a *agents) asks() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.asked...)
}

// tells are the moments at which Ray was told; they are forgotten.
func (a *agents) tells() []time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	told := a.told
	a.told = nil
	return told
}

func accept(context.Context, string, demand.Control) (demand.ControlReply, error) {
	return demand.ControlReply{Accepted: true}, nil
}

// fixture is a runner under test in a bubble of virtual time.
type fixture struct {
	*loop.Runner
	workers   *workers
	agents    *agents
	mu        sync.Mutex
	published []*scaler.Decision
	stop      func()
	done      chan error
	sequence  uint64
}

func newFixture() *fixture {
	f := &fixture{workers: &workers{most: 10, changed: make(chan struct{}, 1)}, agents: &agents{start: time.Now(), answer: accept}, done: make(chan error, 1)}
	f.Runner = loop.New(loop.Config{
		Cluster: cluster, Workers: f.workers, Agents: f.agents, Head: "head", Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Windows: demand.DefaultWindows(), Publish: f.publish,
	})
	return f
}

func (f *fixture) publish(d *scaler.Decision) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.published = append(f.published, d)
}

func (f *fixture) run() {
	ctx, cancel := context.WithCancel(context.Background())
	f.stop = cancel
	go func() { f.done <- f.Run(ctx) }()
	synctest.Wait()
}

// end ends the runner, which must do so at once and without an error.
func (f *fixture) end(t *testing.T) {
	t.Helper()
	f.stop()
	synctest.Wait()
	select {
	case err := <-f.done:
		if err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	default:
		t.Error("Run has not ended with its context")
	}
}

func (f *fixture) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.published)
}

func (f *fixture) last() *scaler.Decision {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.published[len(f.published)-1]
}

func id(n int) string { return fmt.Sprintf("%056x", n) }

func load(cpus float64, idle time.Duration, queued int64) *demand.RayletLoad {
	r := demand.MustResources(map[string]float64{"CPU": cpus})
	l := &demand.RayletLoad{Total: r, Available: r, Idle: idle}
	if queued > 0 {
		one := demand.ResourceRequest{Resources: demand.MustResources(map[string]float64{"CPU": 4})}
		l.Demand = []demand.QueuedDemand{{ResourceRequest: one, Queued: queued}}
	}
	return l
}

// reports are those of the head and of both workers' raylets.
func (f *fixture) reports(idle time.Duration, queued int64) []*demand.Report {
	f.sequence++
	nodes := []*demand.Node{{ID: id(1), InstanceID: "head", Type: "head", Head: true, Status: demand.NodeRunning}}
	out := []*demand.Report{{NodeID: id(1), Incarnation: 1, Sequence: f.sequence, Raylet: load(0, 0, queued)}}
	for i, name := range []string{"cpu-1", "cpu-2"} {
		l := load(4, idle, 0)
		n := &demand.Node{ID: id(i + 2), InstanceID: name, Type: "cpu", Status: demand.NodeRunning, Total: l.Total, Available: l.Available}
		if idle > 0 {
			n.Status, n.Idle = demand.NodeIdle, idle
		}
		nodes = append(nodes, n)
		out = append(out, &demand.Report{NodeID: id(i + 2), InstanceID: name, NodeType: "cpu", Incarnation: 1, Sequence: f.sequence, Raylet: l})
	}
	out[0].Cluster = &demand.ClusterState{Session: "s", Nodes: nodes}
	for i := range out {
		out[i] = wire(out[i])
	}
	return out
}

// wire is a report as it comes over NATS.
func wire(r *demand.Report) *demand.Report {
	b, err := demandpb.MarshalReport(r)
	if err == nil {
		r, err = demandpb.UnmarshalReport(b)
	}
	if err != nil {
		panic(err) // the test's own report is wrong
	}
	return r
}

// beat offers reports once a second for so long.
func (f *fixture) beat(d, idle time.Duration, queued int64) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Second) {
		f.Offer(f.reports(idle, queued))
	}
	synctest.Wait() // for what this last moment's timers started
}

func TestRunnerWakes(t *testing.T) {
	wake := map[string]func(f *fixture){
		"on a report":          func(f *fixture) { f.Offer(f.reports(0, 0)) },
		"when workers changed": func(f *fixture) { f.workers.changed <- struct{}{} },
		"on its own tick":      func(*fixture) { time.Sleep(1001 * time.Millisecond) },
	}
	for name, do := range wake {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture()
				f.run()
				before := f.count()
				do(f)
				synctest.Wait()
				if f.count() == before {
					t.Error("no decision")
				}
				f.end(t)
			})
		})
	}
}

// TestRunnerIgnoresOldNews: a report that says nothing new wakes nobody.
func TestRunnerIgnoresOldNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		f.run()
		reports := f.reports(0, 0)
		f.Offer(reports)
		synctest.Wait()
		before := f.count()
		f.Offer(append([]*demand.Report(nil), reports...))
		synctest.Wait()
		if got := f.count(); got != before {
			t.Errorf("%d decisions for reports that are known, want none", got-before)
		}
		f.end(t)
	})
}

// TestRunnerSleepsThroughHeartbeats: workers that say the same again wake nobody,
// and an idle one is noticed all the same within a second after its timeout,
// while the head says the same, too.
func TestRunnerSleepsThroughHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		f.run()
		f.beat(5*time.Second, 4*time.Second, 0) // so that no window is open
		idle := 9 * time.Second
		f.Offer(f.reports(idle, 0))
		synctest.Wait()
		before, began := f.count(), time.Now()
		for range 90 {
			time.Sleep(10 * time.Millisecond)
			f.Offer(f.reports(idle+time.Since(began), 0)[1:])
			synctest.Wait()
		}
		if n := f.count() - before; n > 0 {
			t.Errorf("%d decisions for 90 heartbeats within 0.9 s, want none", n)
		}
		for len(f.agents.asks()) == 0 && time.Since(began) < 5*time.Second {
			time.Sleep(100 * time.Millisecond)
			reports := f.reports(idle+time.Since(began), 0)
			if time.Since(began)%time.Second > 0 {
				reports = reports[1:]
			}
			f.Offer(reports)
			synctest.Wait()
		}
		if late := time.Since(began) - time.Second; late > time.Second {
			t.Errorf("a drain was asked %v after the idle timeout, want within 1 s", late)
		}
		f.end(t)
	})
}

func TestDrainIsAsked(t *testing.T) {
	drain := func(node, id string) string { return fmt.Sprintf("default/train %s 1 %s", node, id) }
	nobody := errors.New("nobody listens")
	for _, tt := range []struct {
		name    string
		answer  func(ctx context.Context, node string, m demand.Control) (demand.ControlReply, error)
		want    []string
		victims []string
	}{
		{"the node's agent accepts", accept, []string{drain(id(2), id(2)), drain(id(3), id(3))}, []string{"cpu-1", "cpu-2"}},
		{
			"one rejects", func(_ context.Context, node string, _ demand.Control) (demand.ControlReply, error) {
				return demand.ControlReply{Accepted: node != id(3), Message: "no longer idle"}, nil
			},
			[]string{drain(id(2), id(2)), drain(id(3), id(3))}, []string{"cpu-1"},
		},
		{
			"the head's agent is asked where nobody listens",
			func(_ context.Context, node string, _ demand.Control) (demand.ControlReply, error) {
				if node == id(3) {
					return demand.ControlReply{}, nobody
				}
				return demand.ControlReply{Accepted: true}, nil
			},
			[]string{drain(id(2), id(2)), drain(id(3), id(3)), drain("head", id(3))}, []string{"cpu-1", "cpu-2"},
		},
		{
			"nobody answers", func(context.Context, string, demand.Control) (demand.ControlReply, error) {
				return demand.ControlReply{}, nobody
			},
			[]string{drain(id(2), id(2)), drain("head", id(2)), drain(id(3), id(3)), drain("head", id(3))}, nil,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture()
				f.agents.answer = tt.answer
				f.run()
				f.beat(3*time.Second, time.Minute, 0)
				if diff := cmp.Diff(sorted(tt.want), sorted(f.agents.asks())); diff != "" {
					t.Errorf("asked (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(tt.victims, f.last().Victims); diff != "" {
					t.Errorf("victims (-want +got):\n%s", diff)
				}
				f.end(t)
			})
		})
	}
}

// TestDrainIsBounded: an agent that never answers is given six seconds, and its
// worker is asked again later.
func TestDrainIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		f.agents.answer = func(ctx context.Context, _ string, _ demand.Control) (demand.ControlReply, error) {
			<-ctx.Done()
			return demand.ControlReply{}, ctx.Err()
		}
		f.run()
		f.beat(13*time.Second, time.Minute, 0)
		if got := len(f.agents.asks()); got != 4 { // two nodes, then twice the head
			t.Errorf("asked %d times, want 4: %v", got, f.agents.asks())
		}
		if d := f.last(); len(d.Victims) > 0 {
			t.Errorf("victims %v without an answer", d.Victims)
		}
		f.beat(12*time.Second, time.Minute, 0)
		if got := len(f.agents.asks()); got <= 4 {
			t.Errorf("asked %d times, want more: nothing is known of the first", got)
		}
		f.end(t)
	})
}

// TestRayIsTold: at least every five seconds, and of changes at most twice a
// second.
func TestRayIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		f.run()
		f.beat(31*time.Second, 0, 0)
		gaps(t, f.agents.tells(), tellAtLeast, 31*time.Second)
		f.Offer(f.reports(0, 0))
		for i := range 90 { // a flapping decision, at 20 Hz
			f.workers.setMost(10 + i)
			time.Sleep(50 * time.Millisecond)
		}
		told := f.agents.tells()
		if len(told) < 5 {
			t.Errorf("Ray was told %d times in 5 s of changes", len(told))
		}
		for i := 1; i < len(told); i++ {
			if gap := told[i] - told[i-1]; gap < tellAtMost {
				t.Errorf("Ray was told again after %v, want at least %v", gap, tellAtMost)
			}
		}
		f.end(t)
	})
}

const (
	tellAtLeast = 5 * time.Second
	tellAtMost  = 500 * time.Millisecond
)

func gaps(t *testing.T, told []time.Duration, most, until time.Duration) {
	t.Helper()
	last := time.Duration(0)
	for _, at := range append(told, until) {
		if at-last > most+time.Second { // a decision comes every second
			t.Errorf("Ray was not told between %v and %v", last, at)
		}
		last = at
	}
}

// TestRest: where nothing is under way, a cluster that says so every second is
// decided a few times in ten seconds, and one that idles every second.
func TestRest(t *testing.T) {
	for _, tt := range []struct {
		idle        time.Duration
		least, most int
	}{{0, 12, 36}, {time.Second, 60, 66}} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture()
			f.run()
			f.beat(10*time.Second, tt.idle, 0) // no window is open any more
			before := f.count()
			f.beat(time.Minute, tt.idle, 0)
			if n := f.count() - before; n < tt.least || n > tt.most {
				t.Errorf("idle for %v: %d decisions in a minute, want %d…%d", tt.idle, n, tt.least, tt.most)
			}
			f.end(t)
		})
	}
}

// TestUnknownIsNotTold: while nothing is known Ray is told nothing, and nobody
// is drained.
func TestUnknownIsNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		f.run()
		time.Sleep(20 * time.Second)
		if n := len(f.agents.tells()) + len(f.agents.asks()); n > 0 {
			t.Errorf("%d messages without a report, want none", n)
		}
		if d := f.last(); d.Unknown == "" || d.Targets[0].Workers != 2 {
			t.Errorf("decision %+v, want an unknown one that holds 2", d)
		}
		f.end(t)
	})
}

// TestOfferNeverBlocks: of what is offered while nobody reads, the newest of
// each node is kept.
func TestOfferNeverBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		var newest []*demand.Report
		for range 1000 {
			newest = f.reports(0, 0)
			f.Offer(newest)
		}
		last := f.reports(0, 12)
		f.Offer(last)
		f.Offer(newest) // older, and from only one of the nodes a change
		f.run()
		time.Sleep(1300 * time.Millisecond)
		if d := f.last(); d.Unknown != "" || len(d.Demand.Tasks) != 1 || d.Demand.Tasks[0].Count != 12 {
			t.Errorf("demand %v (unknown: %q), want that of the newest report", d.Demand.Tasks, d.Unknown)
		}
		f.end(t)
	})
}

// TestRunEndsWhileAsking: Run ends with its context although agents have not
// answered.
func TestRunEndsWhileAsking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		f.agents.answer = func(ctx context.Context, _ string, _ demand.Control) (demand.ControlReply, error) {
			<-ctx.Done()
			return demand.ControlReply{}, ctx.Err()
		}
		f.run()
		f.beat(2*time.Second, time.Minute, 0)
		f.end(t)
	})
}
