package nats

import (
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// Server is a NATS server of our own.
type Server struct {
	*natsserver.Server
	refused refused
}

// Refused counts the clients that were not let in, and the messages and
// subscriptions that were outside their client's namespace or too large.
func (s *Server) Refused() (clients, messages uint64) {
	return s.refused.clients.Load(), s.refused.messages.Load()
}

// refused counts what the server refuses; of messages it says so in its log
// only, so this is its logger.
type refused struct {
	clients, messages atomic.Uint64
	log               *slog.Logger
}

// violations are how the server's errors name what it has refused.
var violations = []string{"Publish Violation", "Subscription Violation", "maximum payload exceeded"}

// Errorf is called for every error of a client.
func (r *refused) Errorf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	for _, name := range violations {
		if strings.Contains(text, name) {
			r.messages.Add(1)
			r.log.Warn("message refused", "reason", text)
			return
		}
	}
	r.log.Debug("nats server", "error", text)
}

// Noticef, Warnf, Debugf and Tracef are of no interest.
func (*refused) Noticef(string, ...any) {}

// Warnf logs.
func (r *refused) Warnf(format string, v ...any) {
	r.log.Warn("nats server", "warning", fmt.Sprintf(format, v...))
}

// Fatalf logs; the server ends itself.
func (r *refused) Fatalf(format string, v ...any) {
	r.log.Error("nats server", "error", fmt.Sprintf(format, v...))
}

// Debugf does nothing.
func (*refused) Debugf(string, ...any) {}

// Tracef does nothing.
func (*refused) Tracef(string, ...any) {}
