package plancase_test

import (
	"encoding/json"
	"io"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/nodetypes/plancase"
)

// TestExamples compares with the answers of Ray 2.60's scheduler.
func TestExamples(t *testing.T) {
	f, err := os.Open("../testdata/examples.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for d := json.NewDecoder(f); ; n++ {
		var e struct {
			Name         string
			Case, Answer json.RawMessage
		}
		if err := d.Decode(&e); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		t.Run(e.Name, func(t *testing.T) {
			if diff := cmp.Diff(generic(t, e.Answer), generic(t, answer(t, e.Case))); diff != "" {
				t.Errorf("want - got +:\n%s", diff)
			}
		})
	}
	if n < 78 {
		t.Errorf("only %d examples were read", n)
	}
}

func answer(t *testing.T, raw []byte) []byte {
	t.Helper()
	c, err := plancase.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.Encode(nodetypes.Schedule(c.Request))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func generic(t *testing.T, raw []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}
