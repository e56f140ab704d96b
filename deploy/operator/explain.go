package operator

import (
	"context"
	"time"

	"github.com/rayburst/rayburst/deploy"
)

// The times of asking the scaler why a type is as it is.
const (
	explainTime = time.Second // of one question
	explainPoll = 15 * time.Second
)

// explain adds the scaler's reasons where Kubernetes and KEDA say none, and
// returns after what time to look again; 0: not at all. A scaler that does not
// answer leaves the reasons out.
func (r *reconciler) explain(ctx context.Context, c *rayCluster, seen deploy.Observed) time.Duration {
	if r.Decision == nil || seen.Settled() {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, explainTime)
	defer cancel()
	if d, err := r.Decision(ctx, c.GetNamespace(), c.GetName()); err == nil && d != nil {
		seen.Explain(d)
	}
	return explainPoll
}

// sooner is the lesser of two times, of which 0 is none.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return a + b
	}
	return min(a, b)
}
