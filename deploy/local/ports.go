package local

import (
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"strconv"
)

// The ports for those parts of a head that must keep theirs. They are below
// what Linux and macOS give to outgoing connections, so that none of these
// takes one between its choice and its use.
const (
	firstPort = 20000
	lastPort  = 32000
)

// freePort is a port that nothing listens on. Ray binds it on all interfaces,
// so it is tried there.
func freePort() (int, error) {
	for range 100 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if l, err := net.Listen("tcp", ":"+strconv.Itoa(port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("finding a free port: a hundred between %d and %d are all taken", firstPort, lastPort)
}

// nodeIP is the address of the i-th node of this machine, 0 is the head. On
// Linux every node has its own, as everything under 127.0.0.0/8 is loopback;
// elsewhere they share one and differ in their ports.
func nodeIP(i int) string {
	if runtime.GOOS != "linux" {
		return "127.0.0.1"
	}
	return fmt.Sprintf("127.66.%d.%d", i/250, i%250+1)
}
