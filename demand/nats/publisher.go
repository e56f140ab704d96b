package nats

import (
	"fmt"

	natsgo "github.com/nats-io/nats.go"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/demandpb"
)

// Publisher publishes the reports of one cluster's agents.
type Publisher struct {
	Conn    *natsgo.Conn
	Cluster demand.Cluster
}

// Publish sends a report. It fails if the connection is down or the server
// takes no message of that size; nothing is sent later then.
func (p *Publisher) Publish(r *demand.Report) error {
	b, err := demandpb.PackReport(r)
	if err != nil {
		return err
	}
	if limit := p.Conn.MaxPayload(); limit > 0 && int64(len(b)) > limit {
		return fmt.Errorf("publishing a report of %d bytes: the NATS server takes at most %d (raise its max_payload)", len(b), limit)
	}
	if err := p.Conn.Publish(reportSubject(p.Cluster, r.NodeID), b); err != nil {
		return fmt.Errorf("publishing a report: %w", err)
	}
	return nil
}
