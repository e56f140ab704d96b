package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/rayburst/rayburst/demand"
)

// TestNoCase: without a plan, and with one that the format cannot say, there is
// none.
func TestNoCase(t *testing.T) {
	odd := decision("")
	odd.Cluster.Name = "odd"
	shape := demand.Shape{Count: 1}
	shape.Selectors = []demand.LabelSelector{{{Key: "zone", Values: []string{"!a,b"}}}}
	odd.Plan.Get().Demand.Tasks = []demand.Shape{shape}
	s := serve(t, noon, decision("no head"), odd)
	for path, want := range map[string]string{
		"/v1/clusters/ml/train/case": "the cluster's state is not known: no head\n",
		"/v1/clusters/ml/odd/case":   "no planning case can say it: demand.tasks[0].labelSelector.zone: must be values that in(a,b) can hold ([\"!a,b\"])\n",
	} {
		if code, text := get(t, s, path); code != http.StatusServiceUnavailable || text != want {
			t.Errorf("%s: %d %q, want %q", path, code, text, want)
		}
	}
}
