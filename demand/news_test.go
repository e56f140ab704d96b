package demand_test

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/rayburst/rayburst/demand"
)

// TestNews: of what a worker says again only another load is news, and that it
// is there again.
func TestNews(t *testing.T) {
	cpus := func(n float64) demand.Resources { return demand.MustResources(map[string]float64{"CPU": n}) }
	queue := func(cpu float64, queued, backlog int64) []demand.QueuedDemand {
		return []demand.QueuedDemand{{ResourceRequest: demand.ResourceRequest{Resources: cpus(cpu)}, Queued: queued, Backlog: backlog}}
	}
	for _, tt := range []struct {
		name  string
		after time.Duration
		say   func(r *demand.Report, l *demand.RayletLoad)
		news  bool
	}{
		{"the same", 0, func(*demand.Report, *demand.RayletLoad) {}, false},
		{"idle for longer", 0, func(_ *demand.Report, l *demand.RayletLoad) { l.Idle = time.Hour }, false},
		{"another start of the agent", 0, func(r *demand.Report, _ *demand.RayletLoad) { r.Incarnation++ }, false},
		{"the same after the longest silence", 5 * time.Second, func(*demand.Report, *demand.RayletLoad) {}, false},
		{"the same after too long a silence", 5*time.Second + 1, func(*demand.Report, *demand.RayletLoad) {}, true},
		{"idle for less", 0, func(_ *demand.Report, l *demand.RayletLoad) { l.Idle = 1 }, true},
		{"in use", 0, func(_ *demand.Report, l *demand.RayletLoad) { l.Idle = 0 }, true},
		{"other capacity", 0, func(_ *demand.Report, l *demand.RayletLoad) { l.Total = cpus(5) }, true},
		{"other free capacity", 0, func(_ *demand.Report, l *demand.RayletLoad) { l.Available = cpus(1) }, true},
		{"more leases", 0, func(_ *demand.Report, l *demand.RayletLoad) { l.Demand = queue(1, 3, 4) }, true},
		{"more backlog", 0, func(_ *demand.Report, l *demand.RayletLoad) { l.Demand = queue(1, 2, 5) }, true},
		{"another request", 0, func(_ *demand.Report, l *demand.RayletLoad) { l.Demand = queue(2, 2, 4) }, true},
		{"no request", 0, func(_ *demand.Report, l *demand.RayletLoad) { l.Demand = nil }, true},
		{"draining", 0, func(_ *demand.Report, l *demand.RayletLoad) { l.Draining = true }, true},
		{"cut", 0, func(_ *demand.Report, l *demand.RayletLoad) { l.Truncated = true }, true},
		{"nothing of the raylet", 0, func(r *demand.Report, _ *demand.RayletLoad) { r.Raylet = nil }, true},
		{"the GCS's view", 0, func(r *demand.Report, _ *demand.RayletLoad) { r.Cluster = &demand.ClusterState{} }, true},
	} {
		s, now := demand.NewState(demand.DefaultWindows()), time.Unix(1_767_225_600, 0)
		report := func(sequence uint64) (*demand.Report, *demand.RayletLoad) {
			l := &demand.RayletLoad{Total: cpus(4), Available: cpus(2), Demand: queue(1, 2, 4), Idle: time.Second}
			return &demand.Report{NodeID: nodeID("n1"), Incarnation: 1, Sequence: sequence, Raylet: l}, l
		}
		first, _ := report(1)
		if !s.Apply(first, now) {
			t.Fatal("the first report is no news")
		}
		r, l := report(2)
		if tt.say(r, l); s.Apply(r, now.Add(tt.after)) != tt.news {
			t.Errorf("%s: news is %v, want %v", tt.name, !tt.news, tt.news)
		}
	}
}

// TestNoNews: a report that is no news changes no snapshot, but for idle times;
// whoever sleeps until the next change that was named before misses nothing.
func TestNoNews(t *testing.T) {
	quiet := 0
	for seed := range uint64(600) {
		f := &fleet{Rand: rand.New(rand.NewPCG(seed, 8)), state: demand.NewState(demand.DefaultWindows()), now: time.Unix(1_767_225_600, 0)}
		said := map[string]*demand.Report{}
		for i := range 80 {
			f.pass()
			r := f.report()
			if r == nil {
				continue
			}
			if old := said[r.NodeID]; old != nil && f.IntN(3) > 0 {
				r = f.again(old, r.Sequence)
			}
			said[r.NodeID] = r
			before, err := f.state.Snapshot(f.now)
			if f.state.Apply(r, f.now) {
				continue
			}
			quiet++
			after, err2 := f.state.Snapshot(f.now)
			if a, b := calm(before, err), calm(after, err2); a != b {
				t.Fatalf("seed %d, step %d: no news, but from\n%s\nto\n%s", seed, i, a, b)
			}
			if err == nil && after.Next.Before(before.Next) {
				t.Fatalf("seed %d, step %d: the next change is %v earlier after no news", seed, i, before.Next.Sub(after.Next))
			}
		}
	}
	if quiet < 10_000 {
		t.Errorf("only %d reports of 48,000 were no news", quiet)
	}
}

// again is what a node said, with idle time that has passed since.
func (f *fleet) again(old *demand.Report, sequence uint64) *demand.Report {
	r := *old
	r.Sequence = sequence
	if r.Raylet != nil && r.Raylet.Idle > 0 {
		r.Raylet = new(*r.Raylet)
		r.Raylet.Idle += time.Duration(f.IntN(2)) * time.Second
	}
	return &r
}

// calm is what a snapshot says, without idle times and when it changes, or why
// there is none.
func calm(s *demand.Snapshot, err error) string {
	if err != nil {
		return err.Error()
	}
	s = new(*s)
	s.Next = time.Time{}
	return known(s)
}

// TestClusterNews: of the GCS's view each part is news, and nothing else.
func TestClusterNews(t *testing.T) {
	state := func() *demand.ClusterState {
		return &demand.ClusterState{Session: "s", Nodes: []*demand.Node{{ID: nodeID("n1"), Head: true}}, Gangs: []demand.Gang{{Name: "g"}}, Pending: []demand.Shape{{Count: 1}}}
	}
	if !state().Equal(state()) || state().Equal(nil) || (*demand.ClusterState)(nil).Equal(state()) {
		t.Error("a state is what it is, and never none")
	}
	idle := func(d time.Duration) *demand.ClusterState {
		c := state()
		c.Nodes[0].Idle = d
		return c
	}
	if !idle(1).Same(idle(2)) || idle(1).Same(idle(0)) || idle(1).Same(nil) || idle(1).Equal(idle(2)) {
		t.Error("Same is Equal but for how long nodes that idle have idled")
	}
	for part, of := range map[string]func(c *demand.ClusterState) any{
		"state": func(c *demand.ClusterState) any { return c },
		"node":  func(c *demand.ClusterState) any { return c.Nodes[0] },
		"gang":  func(c *demand.ClusterState) any { return &c.Gangs[0] },
		"shape": func(c *demand.ClusterState) any { return &c.Pending[0] },
	} {
		for i := range reflect.TypeOf(of(state())).Elem().NumField() {
			c := state()
			v := reflect.ValueOf(of(c)).Elem()
			field := v.Type().Field(i)
			v.Field(i).Set(other(field.Type))
			if c.Equal(state()) {
				t.Errorf("another %s of the %s is no news", field.Name, part)
			}
		}
	}
}

// other is a value of a type that is in no state of the test.
func other(t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	switch t.Kind() {
	case reflect.String:
		v.SetString("other")
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint64:
		v.SetUint(7)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(t, 2, 2))
		if e := t.Elem(); e.Kind() == reflect.Pointer {
			v.Index(0).Set(reflect.New(e.Elem()))
			v.Index(1).Set(reflect.New(e.Elem()))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		v.SetMapIndex(reflect.ValueOf("k"), reflect.ValueOf("v"))
	case reflect.Struct:
		v.FieldByName("Resources").Set(reflect.ValueOf(demand.MustResources(map[string]float64{"CPU": 7})))
	}
	return v
}
