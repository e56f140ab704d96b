package demand_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/rayburst/rayburst/demand"
)

// TestScenarios plays the scenarios in testdata. To accept what changed:
//
//	go test ./demand -run Scenarios -rewrite
//
// Verbs: raylet and head, which report and say whether that was news; again,
// which sends a former report once more; pass, which lets time pass, with
// beats of the named nodes; lose; forget, which loses everything that is known
// as a restart of the scaler does; truth, which says how many CPUs the tasks
// need that there are: from then on no moment may show more waiting and in use;
// and snapshot.
func TestScenarios(t *testing.T) { scenarios(t, nil) }

// TestScenariosRestored plays them with a state that is made anew from its
// checkpoint before every line: nothing comes out otherwise.
func TestScenariosRestored(t *testing.T) { scenarios(t, restored) }

func scenarios(t *testing.T, before func(*testing.T, *demand.State) *demand.State) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		p := &play{state: demand.NewState(demand.DefaultWindows()), now: time.Unix(1_767_225_600, 0), sent: map[string][]*demand.Report{}}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			p.t, p.pos = t, d.Pos
			if before != nil {
				p.state = before(t, p.state)
			}
			return p.run(d)
		})
	})
}

// play is one scenario: what was sent, and what is known of it.
type play struct {
	t     *testing.T
	pos   string
	state *demand.State
	now   time.Time
	sent  map[string][]*demand.Report // by node
	truth demand.Amount               // CPUs; 0: not checked
}

func (p *play) run(d *datadriven.TestData) string {
	w := words{play: p}
	for _, a := range d.CmdArgs {
		w.list = append(w.list, a.String())
	}
	switch d.Cmd {
	case "raylet":
		return p.send(w, p.raylet(w, d.Input), nil)
	case "head":
		return p.head(w, d.Input)
	case "again":
		sent := p.sent[w.at(0)]
		return p.apply(sent[w.number("seq", int64(len(sent)))-1])
	case "pass":
		return p.pass(w)
	case "lose":
		p.state.Lose(nodeID(w.at(0)), p.now)
		return ""
	case "forget":
		p.state = demand.NewState(demand.DefaultWindows())
		return ""
	case "truth":
		p.truth = demand.Amount(w.parseInt(w.at(0))) * demand.Unit
		return ""
	case "snapshot":
		return p.snapshot(w.has("next"))
	}
	p.t.Fatalf("%s: unknown verb %q", p.pos, d.Cmd)
	return ""
}

// raylet reads: raylet NODE [total=R] [free=R] [idle=D] [draining] [truncated],
// and lines of: R [queued=N] [backlog=N].
func (p *play) raylet(w words, input string) *demand.RayletLoad {
	l := &demand.RayletLoad{
		Total: w.resources("total"), Available: w.resources("free"), Idle: w.duration("idle"),
		Draining: w.has("draining"), Truncated: w.has("truncated"),
	}
	for line := range strings.Lines(input) {
		q := words{p, strings.Fields(line)}
		if q.at(0) == "raylet" {
			q.list = q.list[1:]
		}
		l.Demand = append(l.Demand, demand.QueuedDemand{
			ResourceRequest: demand.ResourceRequest{Resources: q.parse(q.at(0))}, Queued: q.number("queued", 0), Backlog: q.number("backlog", 0),
		})
	}
	l.Demand = demand.MergeQueued(l.Demand)
	return l
}

// head reads: head NODE [session=S] [gcs], and lines of
//
//	raylet R [queued=N] [backlog=N]
//	node NODE TYPE [head] [status=S] [instance=I] [total=R] [free=R] [idle=D] [start=N]
//	pending R N
//	constraint R N
//	gang NAME STRATEGY R N
//
// The head itself is listed always, unless absent is given.
func (p *play) head(w words, input string) string {
	c := &demand.ClusterState{Session: w.get("session", "s1")}
	if !w.has("absent") {
		c.Nodes = append(c.Nodes, &demand.Node{ID: nodeID(w.at(0)), InstanceID: w.at(0), Type: "head", Head: true, Status: demand.NodeRunning})
	}
	var queue strings.Builder
	for line := range strings.Lines(input) {
		l := words{p, strings.Fields(line)}
		switch l.at(0) {
		case "raylet":
			queue.WriteString(line)
		case "node":
			c.Nodes = append(c.Nodes, l.node())
		case "pending":
			c.Pending = append(c.Pending, l.shape(1))
		case "constraint":
			c.Constraints = append(c.Constraints, l.shape(1))
		case "gang":
			c.Gangs = append(c.Gangs, demand.Gang{Name: l.at(1), Strategy: demand.Strategy(l.at(2)), Bundles: []demand.Shape{l.shape(3)}})
		default:
			p.t.Fatalf("%s: unknown line %q", p.pos, line)
		}
	}
	c.Pending = demand.MergeShapes(c.Pending)
	if w.has("gcs") {
		return p.send(w, nil, c)
	}
	return p.send(w, p.raylet(words{play: p}, queue.String()), c)
}

// send makes a node's next report: [inc=N] [seq=N] [lost].
func (p *play) send(w words, l *demand.RayletLoad, c *demand.ClusterState) string {
	name := w.at(0)
	r := &demand.Report{
		NodeID: nodeID(name), InstanceID: w.get("instance", name), Incarnation: uint64(w.number("inc", 1)),
		Sequence: uint64(w.number("seq", int64(len(p.sent[name])+1))), Raylet: l, Cluster: c,
	}
	p.sent[name] = append(p.sent[name], r)
	if w.has("lost") {
		return ""
	}
	return p.apply(r)
}

func (p *play) apply(r *demand.Report) string {
	if err := r.Check(); err != nil {
		p.t.Fatalf("%s: %v", p.pos, err)
	}
	defer p.check()
	if p.state.Apply(r, p.now) {
		return "news"
	}
	return "not news"
}

// check fails if more CPUs are waiting or in use than there are tasks for.
func (p *play) check() {
	s, err := p.state.Snapshot(p.now)
	if p.truth == 0 || err != nil {
		return
	}
	var n demand.Amount
	for _, x := range s.Demand.Tasks {
		a, _ := x.Resources.Get("CPU")
		n += a * demand.Amount(x.Count)
	}
	for _, x := range s.Nodes {
		total, _ := x.Total.Get("CPU")
		free, _ := x.Free.Get("CPU")
		n += total - free
	}
	if n > p.truth {
		p.t.Fatalf("%s, at %s: %v CPUs are waiting or in use, the tasks need %v:\n%s", p.pos, p.now.Format("05.000"), n, p.truth, p.snapshot(false))
	}
}

// pass reads: pass D [beat=NODE,NODE]: every half second these nodes say again
// what they said last.
func (p *play) pass(w words) string {
	left, err := time.ParseDuration(w.at(0))
	if err != nil {
		p.t.Fatalf("%s: %v", p.pos, err)
	}
	var beat []string
	if names := w.get("beat", ""); names != "" {
		beat = strings.Split(names, ",")
	}
	for left > 0 {
		step := min(left, 500*time.Millisecond)
		left -= step
		for range step / (10 * time.Millisecond) {
			p.now = p.now.Add(10 * time.Millisecond)
			p.check()
		}
		p.now = p.now.Add(step % (10 * time.Millisecond))
		for _, name := range beat {
			r := *p.sent[name][len(p.sent[name])-1]
			r.Sequence++
			p.sent[name] = append(p.sent[name], &r)
			p.apply(&r)
		}
	}
	return ""
}

func (p *play) snapshot(next bool) string {
	s, err := p.state.Snapshot(p.now)
	if err != nil {
		return "error: " + err.Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, session %s%s\n", s.Source, s.Session, flag(s.Truncated, ", truncated"))
	for _, x := range s.Demand.Tasks {
		fmt.Fprintf(&b, "%d × %v\n", x.Count, x.ResourceRequest)
	}
	for _, x := range s.Demand.Constraints {
		fmt.Fprintf(&b, "constraint %d × %v\n", x.Count, x.ResourceRequest)
	}
	for _, g := range s.Demand.Gangs {
		fmt.Fprintf(&b, "gang %s %s %d × %v\n", g.Name, g.Strategy, g.Bundles[0].Count, g.Bundles[0].ResourceRequest)
	}
	for _, n := range s.Nodes {
		fmt.Fprintf(&b, "%s: free %v of %v%s%s%s%s\n", nodeName(n.ID), n.Free, n.Total, flag(n.Head, ", head"),
			flag(n.Idle > 0, fmt.Sprintf(", idle for %v", n.Idle)), flag(n.Draining, ", draining"), flag(!n.Reported, ", silent"))
	}
	if next {
		fmt.Fprintf(&b, "next change in %v\n", s.Next.Sub(p.now))
	}
	return b.String()
}

func flag(on bool, text string) string {
	if on {
		return text
	}
	return ""
}

// nodeID is a node id that spells a name.
func nodeID(name string) string {
	return (hex.EncodeToString([]byte(name)) + strings.Repeat("0", demand.NodeIDDigits))[:demand.NodeIDDigits]
}

func nodeName(id string) string {
	b, _ := hex.DecodeString(id)
	return strings.TrimRight(string(b), "\x00")
}

// words are the parts of a line: bare ones, and key=value.
type words struct {
	*play
	list []string
}

func (w words) at(i int) string {
	if i >= len(w.list) {
		return ""
	}
	return w.list[i]
}

func (w words) has(word string) bool { return slices.Contains(w.list, word) }

func (w words) get(key, fallback string) string {
	for _, x := range w.list {
		if v, ok := strings.CutPrefix(x, key+"="); ok {
			return v
		}
	}
	return fallback
}

func (w words) number(key string, fallback int64) int64 {
	return w.parseInt(w.get(key, strconv.FormatInt(fallback, 10)))
}

func (w words) parseInt(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		w.t.Fatalf("%s: %v", w.pos, err)
	}
	return n
}

func (w words) duration(key string) time.Duration {
	d, err := time.ParseDuration(w.get(key, "0s"))
	if err != nil {
		w.t.Fatalf("%s: %s: %v", w.pos, key, err)
	}
	return d
}

func (w words) resources(key string) demand.Resources { return w.parse(w.get(key, "")) }

// parse reads CPU:4,GPU:1.
func (w words) parse(s string) demand.Resources {
	units := map[string]float64{}
	for e := range strings.SplitSeq(s, ",") {
		if name, amount, ok := strings.Cut(e, ":"); ok {
			v, err := strconv.ParseFloat(amount, 64)
			if err != nil {
				w.t.Fatalf("%s: %q: %v", w.pos, s, err)
			}
			units[name] = v
		}
	}
	return demand.MustResources(units)
}

func (w words) shape(i int) demand.Shape {
	return demand.Shape{ResourceRequest: demand.ResourceRequest{Resources: w.parse(w.at(i))}, Count: w.parseInt(w.at(i + 1))}
}

func (w words) node() *demand.Node {
	n := &demand.Node{
		ID: nodeID(w.at(1)), Type: w.at(2), InstanceID: w.get("instance", w.at(1)), Head: w.has("head"), Status: demand.NodeRunning,
		Total: w.resources("total"), Available: w.resources("free"), Idle: w.duration("idle"), StartTime: uint64(w.number("start", 0)),
	}
	for s := demand.NodeRunning; s <= demand.NodeDead; s++ {
		if w.get("status", "") == s.String() {
			n.Status = s
		}
	}
	return n
}
