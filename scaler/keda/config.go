package keda

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/rayburst/rayburst/scaler"
)

// Config is what a Server needs. Only Now is required.
type Config struct {
	// Now is the clock by which decisions age. Tests inject theirs.
	Now func() time.Time
	// Log gets the stops and starts of the service, nudges at debug level, and
	// panics in handlers; never a line per poll. Nil is silent.
	Log *slog.Logger
	// Fresh is how old a decision may be before the answers become
	// Unavailable. 0 is 10 s: ten of the head's reports.
	Fresh time.Duration
	// StopTimeout is how long a stop waits for calls under way; after it they
	// are cut. 0 is 5 s.
	StopTimeout time.Duration
	// Credentials are those of the TLS listener; nil serves plaintext. KEDA
	// needs its caCert, tlsClientCert and tlsClientKey to match
	// (keda pkg/scalers/external_scaler.go, buildGRPCConnection).
	Credentials credentials.TransportCredentials
	// NoNudge leaves every change to HPA's own period.
	NoNudge bool
	// Led says that rises are written to their Deployments by somebody else: they
	// are nudged only where that has not come to be.
	Led bool
	// HPAHasTarget tells whether the HPA of a node type already has the
	// averageValue last streamed; only then can a second nudge help, before it
	// the first one is still in KEDA's queue. It is called by Publish and must
	// not block. Nil is always true.
	HPAHasTarget func(c scaler.Cluster, nodeType string, target int64) bool
	// Nudged is told how long a nudge took to reach a stage. It is called by
	// Publish and must not block. Nil is told nothing.
	Nudged func(s Stage, after time.Duration)
}

// withDefaults is the configuration with nothing left open, or what is wrong
// with it.
func (c Config) withDefaults() (Config, error) {
	if c.Now == nil {
		return c, errors.New("keda server: Now is required")
	}
	if c.Fresh < 0 || c.StopTimeout < 0 {
		return c, fmt.Errorf("keda server: Fresh and StopTimeout must be ≥ 0 (got %v and %v)", c.Fresh, c.StopTimeout)
	}
	if c.Fresh == 0 {
		c.Fresh = 10 * time.Second
	}
	if c.StopTimeout == 0 {
		c.StopTimeout = 5 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.HPAHasTarget == nil {
		c.HPAHasTarget = func(scaler.Cluster, string, int64) bool { return true }
	}
	if c.Nudged == nil {
		c.Nudged = func(Stage, time.Duration) {}
	}
	return c, nil
}
