package ray

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"google.golang.org/grpc"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/ray/nodepb"
)

// Raylet is a client of one raylet (node_manager.proto). It asks only what
// answers from memory and changes nothing.
type Raylet struct {
	conn *grpc.ClientConn
	node nodepb.NodeManagerServiceClient
}

// DialRaylet returns a client of the raylet at host:port.
func DialRaylet(addr string, s Security) (*Raylet, error) {
	conn, err := dial(addr, s)
	if err != nil {
		return nil, err
	}
	return &Raylet{conn, nodepb.NewNodeManagerServiceClient(conn)}, nil
}

// Close ends the connection.
func (r *Raylet) Close() error { return r.conn.Close() }

// Load is the raylet's own view of its node. Call it one at a time: a raylet
// that holds thousands of shapes answers after seconds.
func (r *Raylet) Load(ctx context.Context) (*demand.RayletLoad, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	reply, err := r.node.GetResourceLoad(ctx, &nodepb.GetResourceLoadRequest{})
	if err != nil {
		return nil, fmt.Errorf("getting a raylet's load: %w", err)
	}
	return rayletLoad(reply.GetResources()), nil
}

// busy tells whether something runs on the raylet at addr. One that does not
// answer may be busy, as long as it does not refuse connections: then it has
// ended.
func (r *Raylet) busy(ctx context.Context, addr string) bool {
	load, err := r.Load(ctx)
	if err == nil {
		return load.Idle == 0
	}
	conn, err := (&net.Dialer{Timeout: callTimeout}).DialContext(ctx, "tcp", addr)
	if err == nil {
		_ = conn.Close()
	}
	return !errors.Is(err, syscall.ECONNREFUSED)
}
