package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPlanExample: the example of docs/plan.md prints what is written there.
func TestPlanExample(t *testing.T) {
	doc, err := os.ReadFile("../../docs/plan.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(doc), "## An example")
	blocks := strings.Split(example, "```")
	if len(blocks) != 7 {
		t.Fatalf("%d parts", len(blocks))
	}
	in := strings.TrimPrefix(blocks[1], "json")
	_, want, _ := strings.Cut(blocks[3], "$ rayburst plan --explain < case.json\n")
	if _, out, _ := invoke(t, in, "plan", "--explain"); out != want {
		t.Errorf("(-documented +printed):\n%s", cmp.Diff(want, out))
	}
	_, out, _ := invoke(t, in, "plan", "--explain", "-o", "json")
	var explained struct{ Explanation []any }
	var item any
	if err := json.Unmarshal([]byte(out), &explained); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(blocks[5], "json")), &item); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(item, explained.Explanation[1]); diff != "" {
		t.Errorf("(-documented +printed):\n%s", diff)
	}
}
