package nats

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// Grant is what a client may do: speak for one namespace, or for all as the
// scaler does.
type Grant struct {
	Namespace string
	Scaler    bool
}

// ServerOptions say how a NATS server of our own is run.
type ServerOptions struct {
	Host string
	Port int // 0: a free one
	// Identify tells who has a token. An error refuses the client.
	Identify func(token string) (Grant, error)
	Log      *slog.Logger
}

// Start runs a NATS server in which everybody is identified by a token, and in
// which an agent can publish and be asked only within its own namespace.
// Shutdown ends it.
func Start(o ServerOptions) (*Server, error) {
	port := o.Port
	if port == 0 {
		port = natsserver.RANDOM_PORT
	}
	s := &Server{}
	s.refused.log = o.Log
	var err error
	s.Server, err = natsserver.NewServer(&natsserver.Options{
		ServerName: "rayburst", Host: o.Host, Port: port, NoSigs: true, NoLog: true,
		MaxPayload: MaxPayload, MaxPending: 8 * MaxPayload, MaxSubs: maxSubs, CustomClientAuthentication: guard{o, &s.refused},
	})
	if err != nil {
		return nil, fmt.Errorf("making the NATS server: %w", err)
	}
	s.SetLoggerV2(&s.refused, false, false, false)
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		s.Shutdown()
		return nil, errors.New("starting the NATS server: not ready after 10 s")
	}
	return s, nil
}

// maxSubs is how many subscriptions one client may have: an agent needs three.
const maxSubs = 64

// guard is the server's authentication.
type guard struct {
	ServerOptions
	refused *refused
}

// Check tells whether a client may connect, and gives it its permissions.
func (g guard) Check(c natsserver.ClientAuthentication) bool {
	grant, err := g.Identify(c.GetOpts().Token)
	if err != nil {
		g.refused.clients.Add(1)
		g.Log.Warn("client refused", "address", c.RemoteAddress(), "error", err)
		return false
	}
	c.RegisterUser(&natsserver.User{Username: grant.name(), Permissions: grant.permissions()})
	return true
}

func (g Grant) name() string {
	if g.Scaler {
		return "scaler"
	}
	return "namespace " + g.Namespace
}

// replyTime is how long an agent may take to answer.
const replyTime = 10 * time.Second

func (g Grant) permissions() *natsserver.Permissions {
	if g.Scaler {
		return &natsserver.Permissions{
			Publish:   &natsserver.SubjectPermission{Allow: []string{prefix + "*.*.control.*"}},
			Subscribe: &natsserver.SubjectPermission{Allow: []string{allReports, "_INBOX.>"}},
		}
	}
	return &natsserver.Permissions{
		Publish:   &natsserver.SubjectPermission{Allow: []string{prefix + g.Namespace + ".*.report.*"}},
		Subscribe: &natsserver.SubjectPermission{Allow: []string{prefix + g.Namespace + ".*.control.*"}},
		Response:  &natsserver.ResponsePermission{MaxMsgs: 1, Expires: replyTime},
	}
}
