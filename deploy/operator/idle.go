package operator

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rayburst/rayburst/deploy"
)

// idleAnnotation says since when a cluster had been idle that idle termination
// has suspended.
const idleAnnotation = "rayburst.io/suspended-idle-since"

// The times of watching for idleness.
const (
	activityTime = 5 * time.Second  // of one question
	activityPoll = 30 * time.Second // between two
)

// watchIdle suspends a cluster that has been idle for long enough. It returns
// since when it is idle, and after what time to look again; 0: not at all.
func (r *reconciler) watchIdle(ctx context.Context, c *rayCluster) (since time.Time, again time.Duration, err error) {
	limit := time.Duration(c.options.IdleTermination * float64(time.Minute))
	if limit == 0 || c.options.Suspend {
		c.memory.idleSince = time.Time{}
		return time.Time{}, 0, r.forgetIdle(ctx, c)
	}
	now := r.Now()
	since, verdict := deploy.Idle(c.memory.idleSince, now, r.activity(ctx, c), limit)
	c.memory.idleSince = since
	if verdict == deploy.VerdictTerminate {
		return since, 0, r.suspend(ctx, c, since)
	}
	again = activityPoll
	if verdict == deploy.VerdictIdle {
		again = min(again, since.Add(limit).Sub(now))
	}
	return since, max(again, time.Second), r.forgetIdle(ctx, c)
}

// activity asks what the cluster has to do; who does not answer makes it unknown.
func (r *reconciler) activity(ctx context.Context, c *rayCluster) deploy.Activity {
	if r.Decision == nil {
		return deploy.Activity{Unknown: "there is no scaler to ask"}
	}
	ctx, cancel := context.WithTimeout(ctx, activityTime)
	defer cancel()
	d, err := r.Decision(ctx, c.GetNamespace(), c.GetName())
	if err != nil {
		r.Log.Warn("activity unknown", "cluster", c.name(), "error", err)
		return deploy.Activity{Unknown: err.Error()}
	}
	return deploy.ActivityOf(d, r.Now())
}

// suspend sets spec.suspend, as a user would.
func (r *reconciler) suspend(ctx context.Context, c *rayCluster, since time.Time) error {
	r.Log.Info("cluster idle, suspending", "cluster", c.name(), "since", since)
	return r.patch(ctx, c, map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{idleAnnotation: since.UTC().Format(time.RFC3339)}, "resourceVersion": c.GetResourceVersion()},
		"spec":     map[string]any{"suspend": true},
	})
}

// forgetIdle removes the annotation from a cluster that goes on.
func (r *reconciler) forgetIdle(ctx context.Context, c *rayCluster) error {
	if c.options.Suspend || c.GetAnnotations()[idleAnnotation] == "" {
		return nil
	}
	return r.patch(ctx, c, map[string]any{"metadata": map[string]any{"annotations": map[string]any{idleAnnotation: nil}}})
}

func (r *reconciler) patch(ctx context.Context, c *rayCluster, change map[string]any) error {
	body, err := json.Marshal(change)
	if err != nil {
		return err
	}
	o := c.DeepCopy()
	if err := r.Client.Patch(ctx, o, client.RawPatch(types.MergePatchType, body), client.FieldOwner(manager)); err != nil {
		return fmt.Errorf("changing the RayCluster: %w", err)
	}
	return nil
}
