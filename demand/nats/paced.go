package nats

import (
	"net"
	"time"
)

// pacedDialer makes connections that are read at a pace.
type pacedDialer struct {
	net.Dialer
	pace time.Duration
}

// Dial is net.Dialer's.
func (d pacedDialer) Dial(network, address string) (net.Conn, error) {
	c, err := d.Dialer.Dial(network, address)
	if err != nil {
		return nil, err
	}
	return &pacedConn{Conn: c, pace: d.pace}, nil
}

// pacedConn waits between two reads, so that of many small messages many are
// read at once: a read costs more than what is read. What comes after a pause is
// read at once, and so is what did not fit into a read.
type pacedConn struct {
	net.Conn
	pace time.Duration
	wait bool
}

// Read is net.Conn's. It is called by one goroutine at a time.
func (c *pacedConn) Read(b []byte) (int, error) {
	if c.wait {
		time.Sleep(c.pace)
	}
	n, err := c.Conn.Read(b)
	c.wait = n < len(b)
	return n, err
}
