package nats

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/rayburst/rayburst/demand"
)

// guarded is a server that knows two namespaces and the scaler by their tokens.
func guarded(t *testing.T) *Server {
	t.Helper()
	s, err := Start(ServerOptions{Host: "127.0.0.1", Log: slog.New(slog.DiscardHandler), Identify: func(token string) (Grant, error) {
		if token == "scaler" {
			return Grant{Scaler: true}, nil
		}
		if ns, ok := strings.CutPrefix(token, "agent of "); ok {
			return Grant{Namespace: ns}, nil
		}
		return Grant{}, errors.New("nobody's token")
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(s.Server) })
	return s
}

func as(t *testing.T, url, token string) *natsgo.Conn {
	t.Helper()
	return connect(t, Options{URL: url, Token: func() string { return token }})
}

// TestGuard: an agent speaks and is asked in its own namespace only, and without
// a good token nobody is let in.
func TestGuard(t *testing.T) {
	s := guarded(t)
	url := s.ClientURL()
	scaler, agent, forger := as(t, url, "scaler"), as(t, url, "agent of ml"), as(t, url, "agent of dev")
	inbox := subscribe(t, scaler)
	publish(t, &Publisher{agent, train}, report(1, 1))
	publish(t, &Publisher{forger, train}, report(1, 9)) // the server refuses it, the sender is told later
	if err := errors.Join(agent.Flush(), forger.Flush()); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, inbox)
	if got := taken(inbox, train); got != "1:1" {
		t.Errorf("taken: %s", got)
	}
	eventually(t, "the forger is told", func() bool { return forger.LastError() != nil })
	if got := inbox.Stats(); got.Reports != 1 {
		t.Errorf("the forged report came: %+v", got)
	}
	stranger := as(t, url, "somebody")
	eventually(t, "the stranger is refused", func() bool { return stranger.LastError() != nil })
	if stranger.IsConnected() {
		t.Error("the stranger is connected")
	}
	if clients, messages := s.Refused(); clients == 0 || messages != 1 {
		t.Errorf("refused %d clients and %d messages, want some and 1", clients, messages)
	}
}

// TestGuardedControl: the scaler asks an agent and is answered; an agent of
// another namespace hears and asks nothing.
func TestGuardedControl(t *testing.T) {
	url := guarded(t).ClientURL()
	scaler, agent, forger := as(t, url, "scaler"), as(t, url, "agent of ml"), as(t, url, "agent of dev")
	node := report(1, 1).NodeID
	heard := make(chan string, 9)
	for name, conn := range map[string]*natsgo.Conn{"agent": agent, "forger": forger} {
		m := conn
		_, err := m.Subscribe(controlSubject(train, node), func(msg *natsgo.Msg) {
			heard <- name
			_ = msg.Respond(nil) // the agent's answer decodes as a refusal
		})
		if err != nil {
			t.Fatal(err)
		}
		_ = m.Flush() // the forger's subscription is refused
	}
	drain := demand.Control{Kind: demand.ControlDrain, NodeID: node, Reason: "idle"}
	if _, err := (Control{scaler}).Send(t.Context(), train, node, drain); err != nil {
		t.Fatal(err)
	}
	if got := <-heard; got != "agent" || len(heard) > 0 {
		t.Errorf("%s heard it, and %d more", got, len(heard))
	}
	if err := forger.PublishRequest(controlSubject(train, node), "_INBOX.x", nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the forger is told", func() bool { return forger.LastError() != nil })
	select {
	case got := <-heard:
		t.Errorf("%s heard the forger", got)
	case <-time.After(100 * time.Millisecond):
	}
}
