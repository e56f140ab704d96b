package loop_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/scaler/loop"
)

func sorted(in []string) []string {
	slices.Sort(in)
	return in
}

// inbox has reports to take, once.
type inbox struct {
	ready   chan struct{}
	reports map[demand.Cluster][]*demand.Report
}

func (i *inbox) Ready() <-chan struct{} { return i.ready }

func (i *inbox) Take() map[demand.Cluster][]*demand.Report { return i.reports }

func TestDispatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		f.run()
		in := &inbox{ready: make(chan struct{}), reports: map[demand.Cluster][]*demand.Report{
			cluster: f.reports(0, 0), {Namespace: "default", Name: "nobody's"}: f.reports(0, 0),
		}}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		ended := make(chan error, 1)
		runners := map[demand.Cluster]*loop.Runner{cluster: f.Runner}
		go func() { ended <- loop.Dispatch(ctx, in, func(c demand.Cluster) *loop.Runner { return runners[c] }) }()
		in.ready <- struct{}{}
		synctest.Wait()
		if d := f.last(); d.Unknown != "" {
			t.Errorf("the runner has not got its reports: %s", d.Unknown)
		}
		if err := <-ended; err != nil { // after a minute
			t.Errorf("Dispatch = %v, want nil", err)
		}
		f.end(t)
	})
}
