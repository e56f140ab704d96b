package nats

import (
	"errors"
	"fmt"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// MaxPayload is the largest message that an embedded server takes: a head's
// report is about 100 B a node, packed.
const MaxPayload = 8 << 20

// Embed starts a NATS server inside this process: on a loopback port of the
// system's choice, without authentication. Shutdown ends it.
func Embed() (*natsserver.Server, error) {
	s, err := natsserver.NewServer(&natsserver.Options{
		ServerName: "rayburst", Host: "127.0.0.1", Port: natsserver.RANDOM_PORT,
		NoSigs: true, NoLog: true, MaxPayload: MaxPayload, MaxPending: 8 * MaxPayload,
	})
	if err != nil {
		return nil, fmt.Errorf("making the embedded NATS server: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		s.Shutdown()
		return nil, errors.New("starting the embedded NATS server: not ready after 10 s")
	}
	return s, nil
}
