package nodetypes_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/nodetypes/plancase"
)

// TestSameBytes: what `rayburst plan` prints for a case it prints every time,
// in all its forms, also if the members of the case's objects stand in another
// order. That holds for what is repeated from the case too, for objects are
// written in the order of their keys.
func TestSameBytes(t *testing.T) {
	const times = 100
	for name, raw := range someCases(t) {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(len(raw)), 13))
			want, value, orders := printed(t, raw), generic(t, raw), map[string]bool{}
			for range times {
				mixed := appendShuffled(nil, value, rng)
				orders[string(mixed)] = true
				for _, again := range [][]byte{raw, mixed} {
					if got := printed(t, again); got != want {
						t.Fatalf("%s\n%s\nfirst -, second +:\n%s", raw, again, cmp.Diff(want, got))
					}
				}
			}
			if len(orders) < 10 {
				t.Errorf("only %d orders of %s", len(orders), raw)
			}
		})
	}
}

// printed is the plan and its explanation, as JSON and as text.
func printed(t *testing.T, raw []byte) string {
	t.Helper()
	c, err := plancase.Decode(raw)
	if err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	r, e := nodetypes.Schedule(c.Request), nodetypes.Explain(c.Request)
	plan, err := c.Encode(r)
	explanation, err2 := c.EncodeExplanation(e)
	if err := errors.Join(err, err2); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return strings.Join([]string{string(plan), string(explanation), r.Text(), e.Text()}, "\n")
}

// someCases are examples from all parts of their file, and random cases.
func someCases(t *testing.T) map[string][]byte {
	t.Helper()
	cases := map[string][]byte{}
	for i, e := range examples(t) {
		if i%8 < 3 {
			cases[e.Name] = e.Case
		}
	}
	for seed := range uint64(16) {
		q := randomRequest(rand.New(rand.NewPCG(seed, 14)))
		q.UpscalingSpeed = []*float64{nil, new(0.29)}[seed%2]
		if raw, err := plancase.Marshal(q); err == nil { // else the format cannot say it
			cases[fmt.Sprint("random ", seed)] = raw
		}
	}
	if len(cases) < 40 {
		t.Errorf("only %d cases", len(cases))
	}
	return cases
}

type example struct {
	Name string
	Case json.RawMessage
}

func examples(t *testing.T) (out []example) {
	t.Helper()
	b, err := os.ReadFile("testdata/examples.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(bytes.NewReader(b)); ; {
		var e example
		if err := d.Decode(&e); err == io.EOF {
			return out
		} else if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
}

// generic is a JSON value whose numbers are as written.
func generic(t *testing.T, raw []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// appendShuffled appends a JSON value, the members of its objects in random
// order.
func appendShuffled(b []byte, v any, rng *rand.Rand) []byte {
	switch v := v.(type) {
	case map[string]any:
		keys := slices.Sorted(maps.Keys(v))
		rng.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		return appendList(b, "{}", len(keys), func(b []byte, i int) []byte {
			return appendShuffled(append(appendShuffled(b, keys[i], rng), ':'), v[keys[i]], rng)
		})
	case []any:
		return appendList(b, "[]", len(v), func(b []byte, i int) []byte { return appendShuffled(b, v[i], rng) })
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // it was read from JSON
	}
	return append(b, text...)
}

func appendList(b []byte, brackets string, n int, appendItem func(b []byte, i int) []byte) []byte {
	b = append(b, brackets[0])
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendItem(b, i)
	}
	return append(b, brackets[1])
}
