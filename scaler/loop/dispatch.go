package loop

import (
	"context"

	"github.com/rayburst/rayburst/demand"
)

// Inbox is where reports come from: the newest of every node until it is read.
type Inbox interface {
	Ready() <-chan struct{}
	Take() map[demand.Cluster][]*demand.Report
}

// Dispatch hands the reports of each cluster to its runner until the context
// ends. Reports of clusters for which find has no runner are dropped.
func Dispatch(ctx context.Context, in Inbox, find func(demand.Cluster) *Runner) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-in.Ready():
			for cluster, reports := range in.Take() {
				if r := find(cluster); r != nil {
					r.Offer(reports)
				}
			}
		}
	}
}
