package scaler_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/nodetypes/plancase"
	"github.com/rayburst/rayburst/scaler"
)

// planAgain: what the planner was asked can be written as a planning case, and
// its plan is the same then.
func planAgain(t *testing.T, d *scaler.Decision) {
	t.Helper()
	if (d.Plan.Get() == nil) != (d.Unknown != "") {
		t.Fatalf("unknown is %q, the plan %v", d.Unknown, d.Plan.Get())
	}
	if d.Plan.Get() == nil {
		return
	}
	raw, err := plancase.Marshal(*d.Plan.Get())
	if err != nil {
		t.Fatal(err)
	}
	c, err := plancase.Decode(raw)
	if err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	equal := []cmp.Option{cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(demand.ResourceRequest{})}
	if diff := cmp.Diff(nodetypes.Schedule(*d.Plan.Get()), nodetypes.Schedule(c.Request), equal...); diff != "" {
		t.Fatalf("asked -, written and read +:\n%s\n%s", diff, raw)
	}
}
