package loop_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/scaler/loop"
)

// TestRunners: clusters come and go; what belongs to one ends with it.
func TestRunners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all loop.Runners
		ctx, cancel := context.WithCancel(context.Background())
		f := newFixture()
		with := make(chan struct{})
		all.Start(ctx, f.Runner, func(ctx context.Context) error {
			<-ctx.Done()
			close(with)
			return errors.New("it says why it ended")
		})
		synctest.Wait()
		if all.Find(cluster) != f.Runner || f.count() == 0 {
			t.Errorf("%d decisions", f.count())
		}
		if all.Find(demand.Cluster{Namespace: "ml", Name: "other"}) != nil {
			t.Error("a runner of a cluster that has none")
		}
		all.Stop(cluster)
		all.Stop(cluster) // nothing is left to stop
		<-with
		if all.Find(cluster) != nil {
			t.Error("it is still there")
		}
		again := newFixture()
		all.Start(ctx, again.Runner)
		synctest.Wait()
		if again.count() == 0 {
			t.Error("the cluster that is back is not decided")
		}
		cancel()
		all.Wait()
	})
}
