package httpapi

import (
	"net/http"

	"github.com/rayburst/rayburst/nodetypes/plancase"
)

// planCase writes what the planner was asked last. It is encoded only here:
// a decision must not wait for it.
func (c Config) planCase(w http.ResponseWriter, r *http.Request) {
	d := c.find(w, r)
	if d == nil {
		return
	}
	plan := d.Plan.Get()
	if plan == nil {
		http.Error(w, "the cluster's state is not known: "+d.Unknown, http.StatusServiceUnavailable)
		return
	}
	raw, err := plancase.Marshal(*plan)
	if err != nil {
		http.Error(w, "no planning case can say it: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(raw, '\n')) // the client is gone
}
