package scaler

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/rayburst/rayburst/nodetypes"
)

// round is one decision in the making. What it holds is not changed once the
// decision is made.
type round struct {
	*Loop
	World
	types   []*typeRound
	byType  map[string]*typeRound
	owners  []owner          // by node of the snapshot
	members []*member        // by node of the snapshot: whose it is; nil: nobody's
	unseen  map[string][]int // by type: nodes whose worker is not there
	lost    []string
	skipped []bool    // by node of the snapshot: the plan is not told of it
	coming  []*member // the joining members that the plan was told of
	request *nodetypes.Request
	reply   nodetypes.Reply
	idle    map[string]nodetypes.Reason // plan id → why the plan gives it up
	drain   []Drain
	awaits  []await
	asks    map[string]bool // workers that Ray has been asked to drain; see freeze
	refused map[string]bool // workers whose drain Ray rejected a short time ago
}

const none = -1

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

// newRound tells running, joining, draining and lost workers apart.
func newRound(l *Loop, w World) *round {
	r := &round{Loop: l, World: w, byType: map[string]*typeRound{}}
	for _, t := range w.Types {
		tr := &typeRound{TypeState: t, running: make([]*member, 0, min(t.Replicas, len(w.Workers)))}
		if b := l.backOffs[t.Name]; b != nil && w.Now.Before(b.until) {
			tr.backOff = b
		}
		r.types = append(r.types, tr)
		r.byType[t.Name] = tr
	}
	l.roster.update(w.Workers)
	r.match()
	r.verify()
	r.takeBack()
	members := make([]member, len(w.Workers))
	var t *typeRound
	for i := range w.Workers {
		if of := w.Workers[i].Type; t == nil || t.Name != of {
			t = r.byType[of]
		}
		r.place(t, &w.Workers[i], &members[i], r.matches.nodeOf[i])
	}
	r.forget()
	for _, t := range r.types {
		r.ask(t)
		r.giveUp(t)
	}
	return r
}

// verify looks who went. All drained and marked workers of a type are equal to
// those who remove them, so one may go by which the target has not fallen yet,
// in the place of one by which it has: that one is still to come then.
func (r *round) verify() {
	for name, rem := range r.removals {
		if r.roster.has(name) || !rem.accepted || rem.lowered || rem.recycled {
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
		if rem := r.removals[name]; rem.nodeType == nodeType && rem.lowered && r.roster.has(name) {
			return rem
		}
	}
	return nil
}

// place puts a worker of a type, nil if there is no such type, where it belongs.
func (r *round) place(t *typeRound, w *Worker, m *member, at int) {
	if t == nil {
		return
	}
	*m = member{Worker: w, there: true}
	if at != none {
		r.claim(m, at)
	}
	switch {
	case r.leaving(t, m):
	case m.node != nil && r.matches.of[m.at].draining:
		t.draining = append(t.draining, m)
	case m.node != nil:
		r.joined(w)
		t.running = append(t.running, m)
	default:
		r.wait(t, m, "worker:"+m.Name)
	}
}

// claim makes an alive node a member's.
func (r *round) claim(m *member, at int) {
	m.node, m.at = r.Snapshot.Nodes[at], at
	r.owners[at], r.members[at] = ours, m
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
		r.wait(t, m, "worker:"+m.Name)
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
	m.await = r.await("worker:"+m.Name, r.Loop.joining[m.Name])
	if g.lowered {
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
	falls := r.settled(&rem.settled, m.Drained && m.Marked) && !rem.recycled && !rem.lowered && !r.starting(m.Type)
	rem.lowered = rem.lowered || falls
	return falls
}

// settled tells whether something has been so for the settle time.
func (r *round) settled(since *time.Time, is bool) bool {
	return r.since(since, is) >= r.Settings.RemovalSettle
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

// wait makes a member a joining one, with an id for the plan.
func (r *round) wait(t *typeRound, m *member, plan string) {
	since, ok := r.Loop.joining[m.Name]
	if !ok {
		since = r.Now
		r.Loop.joining[m.Name] = since
	}
	m.await = r.await(plan, since)
	t.joining = append(t.joining, m)
}

// await is made with others at once, as many workers may be joining.
func (r *round) await(plan string, since time.Time) *await {
	if len(r.awaits) == cap(r.awaits) {
		r.awaits = make([]await, 0, 64)
	}
	r.awaits = append(r.awaits, await{plan: plan, since: since})
	return &r.awaits[len(r.awaits)-1]
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
		at := r.unseen[t.Name][0]
		r.unseen[t.Name] = r.unseen[t.Name][1:]
		m := &member{Worker: &Worker{Name: r.Snapshot.Nodes[at].InstanceID, Type: t.Name}}
		r.claim(m, at)
		t.running = append(t.running, m)
	}
	members := make([]member, max(missing, 0))
	for i := range members {
		p := r.phantoms.get(t.Name, i)
		if members[i].Worker = &p.Worker; t.Refused != "" {
			members[i].Worker = &Worker{Name: p.Name, Type: p.Type, Trouble: t.Refused, Hopeless: true}
		}
		r.wait(t, &members[i], p.plan)
	}
	for i := len(members); ; i++ {
		name := r.phantoms.get(t.Name, i).Name
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
	forget(r.removals, &r.roster)
	forget(r.rejected, &r.roster)
	forget(r.withdrawn, &r.roster)
	for name := range r.asked {
		if r.byType[name] == nil {
			delete(r.asked, name)
			delete(r.phantoms, name)
		}
	}
	for name, rem := range r.removals {
		if !rem.accepted && r.Now.Sub(rem.asked) > drainPatience {
			delete(r.removals, name)
		}
	}
	for name := range r.Loop.joining {
		if !r.roster.has(name) && phantomType(name) == "" {
			delete(r.Loop.joining, name)
			delete(r.empty, name)
		}
	}
}

func forget[V any](m map[string]V, there *roster) {
	for name := range m {
		if !there.has(name) {
			delete(m, name)
		}
	}
}
