package rows_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/nodetypes/plancase"
	"github.com/rayburst/rayburst/test/planbench/rows"
)

// TestEncode: what Ray is asked is what we are asked.
func TestEncode(t *testing.T) {
	for _, r := range rows.All() {
		if len(r.Request.Nodes) > 1000 {
			continue
		}
		b, err := rows.Encode(r.Request)
		if err != nil {
			t.Fatal(err)
		}
		c, err := plancase.Decode(b)
		if err != nil {
			t.Fatalf("%s: %v", r.Name, err)
		}
		if d := cmp.Diff(nodetypes.Schedule(r.Request), nodetypes.Schedule(c.Request)); d != "" {
			t.Errorf("%s (-as it is +encoded):\n%s", r.Name, d)
		}
	}
}
