package scaler_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/scaler"
)

// restore is a loop made from the JSON of another one's checkpoint; it
// remembers the same.
func restore(t *testing.T, l *scaler.Loop) *scaler.Loop {
	t.Helper()
	want, err := json.Marshal(l.Checkpoint())
	if err != nil {
		t.Fatal(err)
	}
	var c scaler.LoopCheckpoint
	if err := json.Unmarshal(want, &c); err != nil {
		t.Fatal(err)
	}
	out, err := c.Restore(demand.Cluster{Namespace: "default", Name: "train"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(out.Checkpoint())
	if diff := cmp.Diff(string(want), string(got)); diff != "" || err != nil {
		t.Fatalf("(-first +restored): %v\n%s", err, diff)
	}
	return out
}

func TestBadCheckpoint(t *testing.T) {
	for text, wants := range map[string][]string{
		`{"state":{},"loop":{"asked":{"gpu":-1}}}`:            {"asked.gpu", "must be within 0…", "got -1"},
		`{"state":{},"loop":{"asked":{"gpu":1000000000000}}}`: {"asked.gpu", "1000000000000"},
		`{"state":{}}`:                           {"loop", "must be there"},
		`{"state":{"nodes":{"x":{}}},"loop":{}}`: {"nodes.x", "56 lower-case hex digits"},
	} {
		var c scaler.Checkpoint
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			t.Fatal(err)
		}
		_, err := c.Restore(demand.Cluster{})
		if !errors.Is(err, demand.ErrCheckpoint) {
			t.Errorf("%s: %v, want %v", text, err, demand.ErrCheckpoint)
			continue
		}
		for _, want := range wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not name %q", text, err, want)
			}
		}
	}
}
