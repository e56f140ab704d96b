package scaler

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

// round is one decision in the making.
type round struct {
	*Loop
	World
	types   []*typeRound
	byType  map[string]*typeRound
	there   map[string]*Worker            // by name
	nodes   map[string]*demand.LiveNode   // by worker
	unseen  map[string][]*demand.LiveNode // by type: nodes whose worker is not there
	lost    []string
	request *nodetypes.Request
	reply   nodetypes.Reply
	used    map[string]nodetypes.Use
	idle    map[string]nodetypes.Reason // plan id → why the plan gives it up
	drain   []Drain
}

// typeRound is one node type in the making.
type typeRound struct {
	TypeState
	running  []*member // alive in the GCS, not draining
	joining  []*member // any other replica
	draining []*member // refuse new work, the target has not fallen by them
	late     []*member // given up, the target has not fallen by them: nothing is planned on them
	leaving  []*member // the target has fallen by them, they are not gone yet
	fell     int       // of these, by how many it falls now
	launch   nodetypes.Launch
	recycled int
	now      int // launches of this decision
	bound    int
	dropped  int  // joining workers the target falls by
	full     bool // the cluster's maximum cuts the launches
	heads    int  // heads of this type
	backOff  *backOff
}

// member is one replica: a worker, or one that is asked for and not there yet.
type member struct {
	Worker
	id    string // in the plan
	there bool
	node  *demand.LiveNode
	since time.Time // joining: since when
	empty bool      // joining: the plan leaves it empty
	extra bool      // joining: came although the target had fallen already
}

// newRound tells running, joining, draining and lost workers apart.
func newRound(l *Loop, w World) *round {
	r := &round{Loop: l, World: w, byType: map[string]*typeRound{}}
	for _, t := range w.Types {
		tr := &typeRound{TypeState: t}
		if b := l.backOffs[t.Name]; b != nil && w.Now.Before(b.until) {
			tr.backOff = b
		}
		r.types = append(r.types, tr)
		r.byType[t.Name] = tr
	}
	r.there = make(map[string]*Worker, len(w.Workers))
	for i := range w.Workers {
		r.there[w.Workers[i].Name] = &w.Workers[i]
	}
	r.match()
	r.verify()
	members := make([]member, len(w.Workers))
	for i := range w.Workers {
		r.place(&w.Workers[i], &members[i])
	}
	r.forget()
	for _, t := range r.types {
		r.ask(t)
		r.giveUp(t)
	}
	return r
}

// match finds every worker's alive node, and the nodes that belong to a former
// life of a worker.
func (r *round) match() {
	r.nodes = make(map[string]*demand.LiveNode, len(r.Snapshot.Nodes))
	r.unseen = map[string][]*demand.LiveNode{}
	for i := range r.Snapshot.Nodes {
		n := &r.Snapshot.Nodes[i]
		if t := r.byType[n.Type]; n.Head && t != nil {
			t.heads++
		}
		w := r.there[n.InstanceID]
		switch {
		case n.Head:
		case w == nil && !n.Draining:
			r.unseen[n.Type] = append(r.unseen[n.Type], n)
		case w == nil || r.byType[w.Type] == nil:
		case former(w, n):
			r.lost = append(r.lost, n.ID)
		default:
			r.nodes[w.Name] = n
		}
	}
	slices.Sort(r.lost)
}

// former tells whether a node belongs to a life of its worker that is over. A
// worker that has never been seen to start joins faster than we are told.
func former(w *Worker, n *demand.LiveNode) bool {
	if w.Drained || w.StartedAt.IsZero() {
		return false
	}
	return !w.Started || n.StartTime != 0 && time.UnixMilli(int64(n.StartTime)).Before(w.StartedAt)
}

// verify looks who went. All drained and marked workers of a type are equal to
// those who remove them, so one may go by which the target has not fallen yet,
// in the place of one by which it has: that one is still to come then.
func (r *round) verify() {
	for name, rem := range r.removals {
		if r.there[name] != nil || !rem.accepted || rem.lowered || rem.recycled {
			continue
		}
		if other := r.remaining(rem.nodeType); other != nil {
			other.lowered = false
		}
	}
}

// remaining is the first removal by which a type's target has fallen and whose
// worker is still there.
func (r *round) remaining(nodeType string) *removal {
	for _, name := range slices.Sorted(maps.Keys(r.removals)) {
		if rem := r.removals[name]; rem.nodeType == nodeType && rem.lowered && r.there[name] != nil {
			return rem
		}
	}
	return nil
}

// place puts a worker where it belongs.
func (r *round) place(w *Worker, m *member) {
	t := r.byType[w.Type]
	if t == nil {
		return
	}
	*m = member{Worker: *w, there: true, node: r.nodes[w.Name]}
	if m.node != nil {
		m.id = m.node.ID
	} else {
		m.id = "worker:" + w.Name
	}
	switch {
	case r.leaving(t, m):
	case m.node != nil && m.node.Draining:
		t.draining = append(t.draining, m)
	case m.node != nil:
		r.joined(w)
		t.running = append(t.running, m)
	default:
		r.wait(t, m)
	}
}

// leaving deals with workers whose removal is under way.
func (r *round) leaving(t *typeRound, m *member) bool {
	if r.givenUp(t, m) {
		return true
	}
	rem := r.removal(m)
	if rem == nil || !rem.accepted {
		return false
	}
	if r.settle(rem, m) {
		t.fell++
	}
	switch {
	case rem.recycled:
		m.node = nil
		r.wait(t, m)
	case rem.lowered:
		t.leaving = append(t.leaving, m)
	default:
		t.draining = append(t.draining, m)
	}
	return true
}

// givenUp deals with workers that were given up before they joined. One that
// has joined at last, or was only not needed and has started all the same,
// counts again. The target falls once Ray is not starting in the worker, for it
// may join at any moment then, and it is marked, for another may go otherwise.
func (r *round) givenUp(t *typeRound, m *member) bool {
	g := r.withdrawn[m.Name]
	switch {
	case g == nil:
		return false
	case m.node != nil || m.Drained && !g.lowered || m.Started && !g.failed:
		delete(r.withdrawn, m.Name)
		return false
	case m.Started:
		g.lowered, g.marked = false, time.Time{}
	case !g.lowered && r.settled(&g.marked, m.Marked):
		g.lowered = true
		t.fell++
		t.dropped++
	}
	if m.since = r.Loop.joining[m.Name]; g.lowered {
		t.leaving = append(t.leaving, m)
	} else {
		t.late = append(t.late, m)
	}
	return true
}

// removal is what is known of a worker's drain. A worker that runs a node other
// than the drained one has started Ray again: its drain is over.
func (r *round) removal(m *member) *removal {
	rem := r.removals[m.Name]
	if rem == nil && m.Drained {
		rem = &removal{nodeType: m.Type, asked: r.Now, accepted: true}
		r.removals[m.Name] = rem
	}
	if rem != nil && !m.Drained && m.node != nil && rem.node != "" && rem.node != m.node.ID {
		delete(r.removals, m.Name)
		return nil
	}
	return rem
}

// settle lets the target fall by a worker that has been drained and marked for
// long enough, and tells whether it falls now.
func (r *round) settle(rem *removal, m *member) bool {
	falls := r.settled(&rem.settled, m.Drained && m.Marked) && !rem.recycled && !rem.lowered
	rem.lowered = rem.lowered || falls
	return falls
}

// settled tells whether something has been so for the settle time.
func (r *round) settled(since *time.Time, is bool) bool {
	switch {
	case !is:
		*since = time.Time{}
	case since.IsZero():
		*since = r.Now
	}
	return is && r.Now.Sub(*since) >= r.Settings.RemovalSettle
}

// joined forgets what was remembered of a worker until it joined.
func (r *round) joined(w *Worker) {
	if _, waited := r.Loop.joining[w.Name]; waited {
		delete(r.Loop.joining, w.Name)
		delete(r.empty, w.Name)
		delete(r.backOffs, w.Type)
		r.byType[w.Type].backOff = nil
	}
}

func (r *round) wait(t *typeRound, m *member) {
	since, ok := r.Loop.joining[m.Name]
	if !ok {
		since = r.Now
		r.Loop.joining[m.Name] = since
	}
	m.since = since
	t.joining = append(t.joining, m)
}

// ask adds the replicas that were asked for and are not there yet. A node of
// the type that is nobody's is taken for one of them: the GCS may list it
// before we see its worker.
func (r *round) ask(t *typeRound) {
	asked, ok := r.asked[t.Name]
	if !ok {
		asked = t.Replicas
	}
	missing := asked - t.fell - len(t.running) - len(t.joining) - len(t.late) - len(t.draining)
	for ; missing > 0 && len(r.unseen[t.Name]) > 0; missing-- {
		n := r.unseen[t.Name][0]
		r.unseen[t.Name] = r.unseen[t.Name][1:]
		r.nodes[n.InstanceID] = n
		t.running = append(t.running, &member{Worker: Worker{Name: n.InstanceID, Type: t.Name}, id: n.ID, node: n})
	}
	for i := range missing {
		name := t.Name + "#" + strconv.Itoa(i)
		r.wait(t, &member{Worker: Worker{Name: name, Type: t.Name}, id: "new:" + name})
	}
	for i := max(missing, 0); ; i++ {
		name := t.Name + "#" + strconv.Itoa(i)
		if _, ok := r.Loop.joining[name]; !ok {
			break
		}
		delete(r.Loop.joining, name)
		delete(r.empty, name)
	}
	slices.SortStableFunc(t.joining, func(a, b *member) int {
		return cmp.Or(-compareBool(a.Started, b.Started), -compareBool(a.there, b.there), a.since.Compare(b.since))
	})
	for i := len(t.joining) - 1; i >= max(0, len(t.joining)+missing); i-- {
		t.joining[i].extra = true
	}
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// giveUp takes joining workers that will not join out of the type and makes it
// back off.
func (r *round) giveUp(t *typeRound) {
	failed := 0
	t.joining = slices.DeleteFunc(t.joining, func(m *member) bool {
		reason := r.hopeless(m)
		if reason == "" {
			return false
		}
		r.fail(t.Name, reason, failed+1, m.since, r.Now)
		failed++
		r.drop(t, m, true)
		return true
	})
	if failed > 0 {
		t.backOff = r.backOffs[t.Name]
		t.backOff.count = failed
	}
}

func (r *round) hopeless(m *member) string {
	waited := r.Now.Sub(m.since)
	switch {
	case waited > r.Settings.ProvisionTimeout:
		return cmp.Or(m.Trouble, "not joined after "+r.Settings.ProvisionTimeout.String())
	case m.Failures >= MaxFailures:
		return cmp.Or(m.Trouble, "failed to start "+strconv.Itoa(m.Failures)+" times")
	case m.Hopeless && waited > 3*r.Settings.WithdrawAfter:
		return cmp.Or(m.Trouble, "cannot be started")
	}
	return ""
}

// drop gives a joining worker up. The target falls by one that is not there or
// came after it had fallen at once.
func (r *round) drop(t *typeRound, m *member, failed bool) {
	if delete(r.empty, m.Name); !m.there {
		delete(r.Loop.joining, m.Name)
		t.dropped++
		return
	}
	r.withdrawn[m.Name] = &givenUp{failed: failed, lowered: m.extra}
	if m.extra {
		t.leaving = append(t.leaving, m)
	} else {
		t.late = append(t.late, m)
	}
}

// forget drops what is remembered of workers that are gone.
func (r *round) forget() {
	forget(r.removals, r.there)
	forget(r.rejected, r.there)
	forget(r.withdrawn, r.there)
	for name := range r.asked {
		if r.byType[name] == nil {
			delete(r.asked, name)
		}
	}
	for name, rem := range r.removals {
		if !rem.accepted && r.Now.Sub(rem.asked) > drainPatience {
			delete(r.removals, name)
		}
	}
	for name := range r.Loop.joining {
		if r.there[name] == nil && r.phantom(name) == "" {
			delete(r.Loop.joining, name)
			delete(r.empty, name)
		}
	}
}

func forget[V any](m map[string]V, there map[string]*Worker) {
	for name := range m {
		if there[name] == nil {
			delete(m, name)
		}
	}
}

// phantom is the type of a replica that is asked for and not there yet; empty
// for the name of a worker.
func (r *round) phantom(name string) string {
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '#' {
			return name[:i]
		}
	}
	return ""
}
