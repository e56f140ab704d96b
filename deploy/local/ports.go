package local

import (
	"fmt"
	"net"
	"runtime"
)

// freePorts are ports that nothing listens on, all different. Ray binds them
// on all interfaces, so they are tried there.
func freePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	for range n {
		l, err := net.Listen("tcp", ":0")
		if err != nil {
			return nil, fmt.Errorf("finding a free port: %w", err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
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
