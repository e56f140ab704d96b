package scaler_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/scaler"
)

// TestScenarios plays the scenarios in testdata. To accept what changed:
//
//	go test ./scaler -run Scenarios -rewrite
//
// Verbs: settings, types, worker, node, gone, demand, unknown, deploy, join,
// drain, restart, and tick, which lets time pass and prints the decision.
func TestScenarios(t *testing.T) { scenarios(t, false) }

// TestScenariosRestored plays them with a loop that is made anew from its
// checkpoint before every decision: nothing comes out otherwise.
func TestScenariosRestored(t *testing.T) { scenarios(t, true) }

func scenarios(t *testing.T, restored bool) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		p := newPlay()
		p.restored = restored
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string { return p.run(t, d) })
		for _, m := range p.made {
			if diff := cmp.Diff(m.said, all(t, m.decision)); diff != "" {
				t.Errorf("the decision of %v has changed since (-then +now):\n%s", m.decision.At, diff)
			}
		}
	})
}

// made is a decision and all that it said when it was made.
type made struct {
	decision *scaler.Decision
	said     string
}

// all is all that a decision says.
func all(t *testing.T, d *scaler.Decision) string {
	t.Helper()
	b, err := json.Marshal([]any{d, d.Plan, d.Autoscaler})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// play is one scenario: what there is, and the loop that decides.
type play struct {
	loop     *scaler.Loop
	last     *scaler.Decision
	now      time.Time
	settings scaler.Settings
	types    []scaler.TypeState
	workers  []scaler.Worker
	nodes    []demand.LiveNode
	demand   demand.Demand
	unknown  error
	born     map[string]int // by type
	restored bool           // the loop is made anew before every decision
	made     []made
}

func newPlay() *play {
	idle := time.Minute
	return &play{
		loop: scaler.NewLoop(demand.Cluster{Namespace: "default", Name: "train"}), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		settings: scaler.Settings{UpscalingSpeed: 1, MaxWorkers: nodetypes.NoLimit, IdleTimeout: &idle, RemovalSettle: 5 * time.Second},
		nodes:    []demand.LiveNode{{Node: &demand.Node{ID: "node-head", InstanceID: "head", Type: "head", Head: true}}},
		born:     map[string]int{},
	}
}

// alive are the nodes as they are now.
func (p *play) alive() []*demand.LiveNode {
	var out []*demand.LiveNode
	for _, n := range p.nodes {
		out = append(out, &n)
	}
	return out
}

func (p *play) run(t *testing.T, d *datadriven.TestData) string {
	verbs := map[string]func(w words){
		"settings": p.set, "types": p.setType, "worker": p.setWorker, "node": p.setNode, "gone": p.remove,
		"demand": p.want, "join": p.join, "drain": p.answer,
	}
	switch d.Cmd {
	case "tick":
		return p.tick(t, d)
	case "deploy":
		return p.deploy()
	case "unknown":
		p.unknown = fmt.Errorf("%s", strings.TrimSpace(d.Input))
		return ""
	case "known":
		p.unknown = nil
		return ""
	case "restart":
		p.loop = scaler.NewLoop(demand.Cluster{Namespace: "default", Name: "train"})
		return ""
	case "demand":
		p.demand = demand.Demand{}
	case "types":
		p.types = nil
	}
	verb, ok := verbs[d.Cmd]
	if !ok {
		t.Fatalf("%s: unknown verb %q", d.Pos, d.Cmd)
	}
	for line := range strings.Lines(d.Input) {
		verb(words{t, d.Pos, strings.Fields(line)})
	}
	return ""
}

// tick lets time pass in steps of at most a second, with a decision at each,
// and prints the last one: tick 10s [step=300ms] [nodes] [ray].
func (p *play) tick(t *testing.T, d *datadriven.TestData) string {
	left, step := words{t, d.Pos, nil}.duration(d.CmdArgs[0].Key), time.Second
	if d.HasArg("step") {
		var s string
		d.ScanArgs(t, "step", &s)
		step = words{t, d.Pos, nil}.duration(s)
	}
	for first := true; first || left > 0; first = false {
		by := min(left, step)
		left -= by
		p.pass(by)
		if p.restored {
			p.loop = restore(t, p.loop)
		}
		p.decide()
		planAgain(t, p.last)
		p.made = append(p.made, made{p.last, all(t, p.last)})
	}
	return text(p.last, d.HasArg("nodes"), d.HasArg("ray"))
}

func (p *play) pass(by time.Duration) {
	p.now = p.now.Add(by)
	for i := range p.nodes {
		if p.nodes[i].Idle > 0 {
			p.nodes[i].Idle += by
		}
	}
}

func (p *play) decide() {
	w := scaler.World{Now: p.now, Types: p.types, Settings: p.settings, Workers: slices.Clone(p.workers), Unknown: p.unknown}
	if p.unknown == nil {
		w.Snapshot = &demand.Snapshot{Session: "s", Nodes: p.alive(), Demand: p.demand, Source: demand.FromRaylets}
	}
	p.last = p.loop.Step(w)
	p.nodes = slices.DeleteFunc(p.nodes, func(n demand.LiveNode) bool { return slices.Contains(p.last.Lost, n.ID) })
}

// deploy lets the Deployments follow the targets: marks are set, recycled
// workers are exchanged, the marked go first, and new workers are named
// type-1, type-2 ….
func (p *play) deploy() string {
	var out strings.Builder
	for _, name := range p.last.Recycle {
		p.delete(name, &out)
	}
	for i := range p.types {
		target, _ := p.last.Target(p.types[i].Name)
		p.types[i].Replicas = target.Workers
		p.follow(p.types[i].Name, target.Workers, &out)
	}
	for i := range p.workers {
		p.workers[i].Marked = slices.Contains(p.last.Victims, p.workers[i].Name)
	}
	return out.String()
}

func (p *play) follow(kind string, want int, out *strings.Builder) {
	have := p.of(kind)
	slices.SortStableFunc(have, func(a, b string) int { return strings.Compare(p.mark(a), p.mark(b)) })
	for _, name := range have[min(want, len(have)):] {
		p.delete(name, out)
	}
	for range want - len(have) {
		p.born[kind]++
		name := kind + "-" + strconv.Itoa(p.born[kind])
		fmt.Fprintf(out, "%s is created\n", name)
		p.workers = append(p.workers, scaler.Worker{Name: name, Type: kind})
	}
}

// mark sorts the workers that go first behind the others.
func (p *play) mark(name string) string {
	if w := p.worker(name); w.Marked {
		return "b"
	}
	return "a"
}

func (p *play) of(kind string) []string {
	var out []string
	for _, w := range p.workers {
		if w.Type == kind {
			out = append(out, w.Name)
		}
	}
	return out
}

func (p *play) delete(name string, out *strings.Builder) {
	fmt.Fprintf(out, "%s is deleted\n", name)
	p.workers = slices.DeleteFunc(p.workers, func(w scaler.Worker) bool { return w.Name == name })
	p.nodes = slices.DeleteFunc(p.nodes, func(n demand.LiveNode) bool { return n.InstanceID == name })
}

func (p *play) worker(name string) *scaler.Worker {
	i := slices.IndexFunc(p.workers, func(w scaler.Worker) bool { return w.Name == name })
	if i < 0 {
		kind := strings.TrimRight(name, "-0123456789")
		number, _ := strconv.Atoi(strings.TrimPrefix(name, kind+"-"))
		p.born[kind] = max(p.born[kind], number)
		p.workers = append(p.workers, scaler.Worker{Name: name, Type: kind})
		i = len(p.workers) - 1
	}
	return &p.workers[i]
}

func (p *play) kind(name string) scaler.TypeState {
	for _, t := range p.types {
		if t.Name == name {
			return t
		}
	}
	return scaler.TypeState{NodeType: nodetypes.NodeType{Name: name}}
}

// text is a decision for people.
func text(d *scaler.Decision, nodes, ray bool) string {
	var b strings.Builder
	if d.Unknown != "" {
		fmt.Fprintf(&b, "unknown: %s\n", d.Unknown)
	}
	for _, t := range d.Targets {
		fmt.Fprintf(&b, "%s %d %s: %s\n", t.Type, t.Workers, t.Reason, t.Detail)
	}
	for _, x := range d.Drain {
		fmt.Fprintf(&b, "drain %s (idle for %v)\n", x.Worker, x.Idle)
	}
	for _, l := range []struct {
		what  string
		names []string
	}{{"withdraw", d.Withdraw}, {"victims", d.Victims}, {"recycle", d.Recycle}, {"lost", d.Lost}} {
		if len(l.names) > 0 {
			fmt.Fprintf(&b, "%s %s\n", l.what, strings.Join(l.names, " "))
		}
	}
	for _, w := range d.Waiting {
		fmt.Fprintf(&b, "%d × %s waits, %s: %s\n", w.Count, w.What, w.Why, w.Detail)
	}
	for _, n := range d.Nodes.Get() {
		if nodes {
			fmt.Fprintf(&b, "keep %s (%s, %s), %s: %s\n", n.Name, n.Type, n.State, n.Keep, n.Detail)
		}
	}
	if ray {
		rayText(&b, d.Autoscaler.Get())
	}
	return b.String()
}

func rayText(b *strings.Builder, s demand.AutoscalingState) {
	for _, x := range s.Pending {
		fmt.Fprintf(b, "ray pending %s %q %q\n", x.NodeType, x.InstanceID, x.Details)
	}
	for _, x := range s.Failed {
		fmt.Fprintf(b, "ray failed %s %d: %s\n", x.NodeType, x.Count, x.Reason)
	}
	for _, x := range s.Infeasible {
		fmt.Fprintf(b, "ray infeasible %v\n", x)
	}
	for _, x := range s.InfeasibleGangs {
		fmt.Fprintf(b, "ray infeasible gang %s\n", x.Name)
	}
	for _, x := range s.InfeasibleConstraints {
		fmt.Fprintf(b, "ray infeasible constraint %v\n", x.ResourceRequest)
	}
}
