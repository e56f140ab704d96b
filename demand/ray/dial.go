// Package ray reads raylets and the GCS of a Ray cluster over gRPC, drains
// nodes, and tells Ray what was decided. Facts are of Ray 2.60.
package ray

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// maxMessage is the largest reply that is read: Ray itself allows 512 MiB, and
// Go's default of 4 MiB is too small for a large cluster.
const maxMessage = 512 << 20

// callTimeout bounds every call: a raylet that holds 5,000 shapes needs
// seconds for an answer.
const callTimeout = 5 * time.Second

// Security says how Ray is spoken to. The zero value is plaintext without a
// token.
type Security struct {
	Token string      // sent as "authorization: Bearer …"; a server without auth ignores it
	TLS   *tls.Config // mutual, if Ray runs with RAY_USE_TLS=1
}

func dial(addr string, s Security) (*grpc.ClientConn, error) {
	creds := insecure.NewCredentials()
	if s.TLS != nil {
		creds = credentials.NewTLS(s.TLS)
	}
	opts := []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithNoProxy(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: 3 * time.Second,
		}),
	}
	if s.Token != "" {
		opts = append(opts, grpc.WithPerRPCCredentials(bearer(s.Token)))
	}
	conn, err := grpc.NewClient(addr, opts...)
	if err != nil {
		return nil, fmt.Errorf("dialling %q: %w", addr, err)
	}
	return conn, nil
}

// bearer is Ray's token, sent with every call to the GCS and to raylets.
type bearer string

// GetRequestMetadata is the token's header, spelled as Ray compares it.
func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

// RequireTransportSecurity is false: Ray sends its token in the clear, too.
func (b bearer) RequireTransportSecurity() bool { return false }
