package httpapi

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Nudges is the histogram of how long nudges take, by stage: until the HPA has
// the target, until the Deployment has the replicas.
type Nudges struct{ *prometheus.HistogramVec }

// NewNudges has counted nothing.
func NewNudges() Nudges {
	return Nudges{prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "rayburst_nudge_seconds", Help: "From a nudge to its effect: the target in the HPA, the replicas in the Deployment.",
		Buckets: []float64{.01, .02, .05, .1, .2, .5, 1, 2, 5, 15, 30},
	}, []string{"stage"})}
}

// Observe counts a nudge that has reached a stage.
func (n Nudges) Observe(stage string, after time.Duration) {
	n.WithLabelValues(stage).Observe(after.Seconds())
}
