package nats

import (
	"context"
	"errors"
	"fmt"

	natsgo "github.com/nats-io/nats.go"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/demandpb"
)

// ErrNoAgent is wrapped when nobody listens for a node's control messages.
var ErrNoAgent = errors.New("no agent listens")

// Control sends requests to agents.
type Control struct{ Conn *natsgo.Conn }

// Send asks the agent of a node, or with Head the head's, and waits for its
// answer until the context ends. It fails with ErrNoAgent at once if nobody
// listens.
func (c Control) Send(ctx context.Context, cluster demand.Cluster, node string, m demand.Control) (demand.ControlReply, error) {
	b, err := demandpb.MarshalControl(m)
	if err != nil {
		return demand.ControlReply{}, err
	}
	reply, err := c.Conn.RequestWithContext(ctx, controlSubject(cluster, node), b)
	if errors.Is(err, natsgo.ErrNoResponders) {
		return demand.ControlReply{}, fmt.Errorf("%w for node %s", ErrNoAgent, node)
	}
	if err != nil {
		return demand.ControlReply{}, fmt.Errorf("asking the agent of node %s: %w", node, err)
	}
	return demandpb.UnmarshalControlReply(reply.Data)
}

// Handler answers a control message.
type Handler = func(context.Context, demand.Control) demand.ControlReply

// Serve answers the control messages of a node, or with Head the head's, until
// stop is called. Messages that do not decode are answered with the reason.
func (p *Publisher) Serve(ctx context.Context, node string, h Handler) (stop func(), err error) {
	sub, err := p.Conn.Subscribe(controlSubject(p.Cluster, node), func(m *natsgo.Msg) {
		if b, err := demandpb.MarshalControlReply(answer(ctx, h, m.Data)); err == nil {
			_ = m.Respond(b) // the asker asks again
		}
	})
	if err != nil {
		return nil, fmt.Errorf("listening for control messages of node %s: %w", node, err)
	}
	return func() { _ = sub.Unsubscribe() }, nil // fails only if the connection is closed, which ends it too
}

func answer(ctx context.Context, h Handler, b []byte) demand.ControlReply {
	c, err := demandpb.UnmarshalControl(b)
	if err != nil {
		return demand.ControlReply{Message: err.Error()}
	}
	return h(ctx, c)
}
