package demand_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/demand"
)

// restored is a state made from the JSON of another one's checkpoint.
func restored(t *testing.T, s *demand.State) *demand.State {
	t.Helper()
	var c demand.Checkpoint
	if err := json.Unmarshal([]byte(remembered(t, s)), &c); err != nil {
		t.Fatal(err)
	}
	out, err := c.Restore()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// remembered is all that a state remembers, as text.
func remembered(t *testing.T, s *demand.State) string {
	t.Helper()
	b, err := json.Marshal(s.Checkpoint())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestCheckpoint: a state and one that was restored from its checkpoint say the
// same and remember the same, whatever comes later.
func TestCheckpoint(t *testing.T) {
	for seed := range uint64(40) {
		f := &fleet{Rand: rand.New(rand.NewPCG(seed, 5)), state: demand.NewState(demand.DefaultWindows()), now: time.Unix(1_767_225_600, 0).UTC()}
		for range f.IntN(60) {
			f.pass()
			f.step()
		}
		twin := *f
		twin.state = restored(t, f.state)
		for i := range 60 {
			random := f.Uint64() // both get the same
			for _, g := range []*fleet{f, &twin} {
				g.Rand = rand.New(rand.NewPCG(random, 6))
				g.pass()
				g.step()
			}
			want, err := f.state.Snapshot(f.now)
			got, err2 := twin.state.Snapshot(twin.now)
			if diff := cmp.Diff(inWords(t, want, err), inWords(t, got, err2)); diff != "" {
				t.Fatalf("seed %d, %d steps later (-first +restored):\n%s", seed, i, diff)
			}
			if i%20 > 0 {
				continue
			}
			if diff := cmp.Diff(remembered(t, f.state), remembered(t, twin.state)); diff != "" {
				t.Fatalf("seed %d, %d steps later, remembered (-first +restored):\n%s", seed, i, diff)
			}
		}
	}
}

func (f *fleet) pass() { f.now = f.now.Add(time.Duration(f.Int64N(int64(400 * time.Millisecond)))) }

// TestSnapshotKeepsOnlyWhatHolds: what a state has kept since earlier snapshots
// changes none: a state that has kept nothing says the same at every moment.
func TestSnapshotKeepsOnlyWhatHolds(t *testing.T) {
	for seed := range uint64(300) {
		f := &fleet{Rand: rand.New(rand.NewPCG(seed, 7)), state: demand.NewState(demand.DefaultWindows()), now: time.Unix(1_767_225_600, 0).UTC()}
		for i := range 60 {
			f.pass()
			f.step()
			anew, err := f.state.Checkpoint().Restore()
			if err != nil {
				t.Fatal(err)
			}
			want, wantErr := anew.Snapshot(f.now)
			got, err := f.state.Snapshot(f.now)
			if diff := cmp.Diff(inWords(t, want, wantErr), inWords(t, got, err)); diff != "" {
				t.Fatalf("seed %d, step %d (-anew +kept):\n%s", seed, i, diff)
			}
		}
	}
}

// TestRowsThatStay: a state that looks only at the rows that have changed says the
// same as one that has never seen the others.
func TestRowsThatStay(t *testing.T) {
	for seed := range uint64(300) {
		f := &fleet{Rand: rand.New(rand.NewPCG(seed, 9)), state: demand.NewState(demand.DefaultWindows()), now: time.Unix(1_767_225_600, 0).UTC()}
		for i := range 60 {
			f.pass()
			r := f.report()
			anew, err := f.state.Checkpoint().Restore()
			if err != nil {
				t.Fatal(err)
			}
			if r != nil {
				f.state.Apply(r, f.now)
				anew.Apply(r, f.now)
			}
			want, wantErr := anew.Snapshot(f.now)
			got, err := f.state.Snapshot(f.now)
			if diff := cmp.Diff(inWords(t, want, wantErr), inWords(t, got, err)); diff != "" {
				t.Fatalf("seed %d, step %d (-anew +kept):\n%s", seed, i, diff)
			}
		}
	}
}

// inWords is a snapshot, or why there is none, as text.
func inWords(t *testing.T, s *demand.Snapshot, err error) string {
	t.Helper()
	b, bad := json.Marshal(s)
	if bad != nil {
		t.Fatal(bad)
	}
	return fmt.Sprintf("%s %v", b, err)
}

// TestCheckpointIsOfItsMoment: what comes later does not change it.
func TestCheckpointIsOfItsMoment(t *testing.T) {
	for seed := range uint64(20) {
		f := &fleet{Rand: rand.New(rand.NewPCG(seed, 5)), state: demand.NewState(demand.DefaultWindows()), now: time.Unix(1_767_225_600, 0).UTC()}
		for range 40 {
			f.pass()
			f.step()
		}
		c, want := f.state.Checkpoint(), remembered(t, f.state)
		for range 100 {
			f.now = f.now.Add(time.Millisecond) // so that windows merge what they hold
			f.step()
		}
		got, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Fatalf("seed %d (-then +now):\n%s", seed, diff)
		}
	}
}

// TestBadCheckpoint: what no state remembers is refused, and the error names it.
func TestBadCheckpoint(t *testing.T) {
	const id = `"00000000000000000000000000000000000000000000000000000001"`
	for name, tt := range map[string]struct{ json, key, rule, value string }{
		"a node's name":     {`{"nodes":{"x":{}}}`, "nodes.x", "56 lower-case hex digits", `"x"`},
		"whose report":      {`{"nodes":{` + id + `:{"report":{"nodeId":"y"}}}}`, "report.nodeId", "must be the node's", `"y"`},
		"a report":          {`{"nodes":{` + id + `:{"report":{"nodeId":` + id + `}}}}`, "sequence", "at least 1", "0"},
		"a silent head":     {`{"head":` + id + `,"nodes":{` + id + `:{}}}`, "report", "the head must have reported", "none"},
		"the head's name":   {`{"head":"z","cluster":{}}`, "head", "56 lower-case hex digits", `"z"`},
		"nobody's row":      {`{"nodes":{` + id + `:{"listed":"2026-01-01T00:00:00Z"}}}`, "listed", "must be in cluster.nodes", "2026"},
		"demand":            {`{"nodes":{` + id + `:{"demand":[{"resources":{"CPU":-1}}]}}}`, "demand.resources.CPU", "within 0…1e14", "-0.0001"},
		"a window":          {`{"nodes":{` + id + `:{"free":{"past":[{"value":{"":1}}]}}}}`, "free.past", "must not be empty", `""`},
		"a waiting request": {`{"queued":[{"request":{"resources":{"CPU":-1}}}]}`, "resources.CPU", "within 0…1e14", "-0.0001"},
	} {
		var c demand.Checkpoint
		if err := json.Unmarshal([]byte(tt.json), &c); err != nil {
			t.Fatal(name, err)
		}
		_, err := c.Restore()
		if !errors.Is(err, demand.ErrCheckpoint) {
			t.Errorf("%s: %v, want %v", name, err, demand.ErrCheckpoint)
			continue
		}
		for _, want := range []string{tt.key, tt.rule, tt.value} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not name %q", name, err, want)
			}
		}
	}
}
