package nats

import (
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// arriving is a connection on which bytes come one by one.
type arriving struct {
	net.Conn
	bytes chan byte
}

// Read waits for one byte and takes what else has come.
func (a arriving) Read(b []byte) (int, error) {
	b[0] = <-a.bytes
	for n := 1; ; n++ {
		if n == len(b) {
			return n, nil
		}
		select {
		case b[n] = <-a.bytes:
		default:
			return n, nil
		}
	}
}

func TestPacedConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := arriving{bytes: make(chan byte, 100)}
		c, b := &pacedConn{Conn: from, pace: 10 * time.Millisecond}, make([]byte, 4)
		began := time.Now()
		read := func(want string, at time.Duration) {
			t.Helper()
			n, err := c.Read(b)
			if got := string(b[:n]); err != nil || got != want || time.Since(began) != at {
				t.Errorf("read %q after %v (%v), want %q after %v", got, time.Since(began), err, want, at)
			}
		}
		send := func(s string) {
			for i := range len(s) {
				from.bytes <- s[i]
			}
		}
		send("a")
		read("a", 0) // what comes after a pause is read at once
		send("b")
		go func() {
			time.Sleep(5 * time.Millisecond)
			send("c")
		}()
		read("bc", 10*time.Millisecond)
		send("defghij")
		read("defg", 20*time.Millisecond)
		read("hij", 20*time.Millisecond) // what did not fit into a read is not waited for
		time.Sleep(time.Second)
		send("k")
		read("k", 1030*time.Millisecond)
	})
}
