package nats

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"time"

	natsgo "github.com/nats-io/nats.go"
)

// Options say how to reach a NATS server.
type Options struct {
	URL         string // e.g. nats://nats.keda:4222; several, separated by commas
	Name        string // shown by the server
	Credentials string // path of a .creds file; empty: none
	TLS         *tls.Config
	Token       func() string // read for every connection, as it may be renewed; nil: none
	// Pace is how long what comes may wait to be read together with what comes after
	// it, where much comes; 0: not at all.
	Pace time.Duration
	// InProcess is an embedded server, used instead of URL.
	InProcess natsgo.InProcessConnProvider
	Log       *slog.Logger
}

const dialTimeout = 3 * time.Second

// Connect returns a connection that never gives up: it is returned even if the
// server cannot be reached yet, and it reconnects for ever, with jitter.
// Nothing is buffered meanwhile, as an old report is worth less than none. It
// fails only if the options themselves are wrong.
func Connect(o Options) (*natsgo.Conn, error) {
	opts := []natsgo.Option{
		natsgo.Name(o.Name), natsgo.RetryOnFailedConnect(true), natsgo.MaxReconnects(-1),
		natsgo.ReconnectWait(250 * time.Millisecond), natsgo.ReconnectJitter(500*time.Millisecond, time.Second),
		natsgo.ReconnectBufSize(-1), natsgo.PingInterval(10 * time.Second), natsgo.MaxPingsOutstanding(2),
		natsgo.Timeout(dialTimeout),
	}
	opts = append(opts, logging(o.Log)...)
	if o.Credentials != "" {
		opts = append(opts, natsgo.UserCredentials(o.Credentials))
	}
	if o.Token != nil {
		opts = append(opts, natsgo.TokenHandler(o.Token))
	}
	if o.TLS != nil {
		opts = append(opts, natsgo.Secure(o.TLS))
	}
	if o.Pace > 0 {
		opts = append(opts, natsgo.SetCustomDialer(pacedDialer{net.Dialer{Timeout: dialTimeout}, o.Pace}))
	}
	if o.InProcess != nil {
		opts = append(opts, natsgo.InProcessServer(o.InProcess))
	}
	conn, err := natsgo.Connect(o.URL, opts...)
	if err != nil {
		return nil, fmt.Errorf("connecting to NATS at %q: %w", o.URL, err)
	}
	return conn, nil
}

func logging(log *slog.Logger) []natsgo.Option {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return []natsgo.Option{
		natsgo.DisconnectErrHandler(func(_ *natsgo.Conn, err error) {
			if err != nil {
				log.Warn("nats connection lost", "error", err)
			}
		}),
		natsgo.ReconnectHandler(func(c *natsgo.Conn) { log.Info("nats connection back", "server", c.ConnectedUrlRedacted()) }),
		natsgo.ErrorHandler(func(_ *natsgo.Conn, _ *natsgo.Subscription, err error) { log.Warn("nats", "error", err) }),
	}
}
