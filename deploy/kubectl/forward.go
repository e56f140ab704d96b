package kubectl

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

// Forward is ports of this machine that lead to a pod.
type Forward struct {
	Pod string
	// Ports are LOCAL:REMOTE; a local port of 0 is any free one.
	Ports []string
	Log   io.Writer // what each connection says; io.Discard: nothing
}

// Forward forwards ports until ctx ends or the pod goes, which is no failure. It
// calls ready with the local ports once they listen on 127.0.0.1.
func (c Client) Forward(ctx context.Context, f Forward, ready func(local []int)) error {
	failed := func(err error) error { return fmt.Errorf("forwarding ports %v to pod %s: %w", f.Ports, f.Pod, err) }
	dialer, err := c.dialer(f.Pod)
	if err != nil {
		return failed(err)
	}
	listening := make(chan struct{})
	forwarder, err := portforward.NewOnAddressesForStreamingWithContext(ctx, dialer, []string{"127.0.0.1"}, f.Ports, listening, io.Discard, f.Log)
	if err != nil {
		return failed(err)
	}
	end := make(chan error, 1)
	go func() { end <- forwarder.ForwardPorts() }()
	select {
	case err := <-end:
		return failed(err)
	case <-listening:
	}
	ports, err := forwarder.GetPorts()
	if err != nil {
		return failed(err)
	}
	var local []int
	for _, p := range ports {
		local = append(local, int(p.Local))
	}
	ready(local)
	if err := <-end; err != nil && ctx.Err() == nil {
		return failed(err)
	}
	return nil
}

// Reach is a port of a pod as host:port of this machine until stop is called.
func (c Client) Reach(ctx context.Context, pod string, port int) (addr string, stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	ready, failed, done := make(chan int, 1), make(chan error, 1), make(chan struct{})
	go func() {
		defer close(done)
		f := Forward{Pod: pod, Ports: []string{"0:" + strconv.Itoa(port)}, Log: io.Discard}
		failed <- c.Forward(ctx, f, func(local []int) { ready <- local[0] })
	}()
	select {
	case err := <-failed:
		cancel()
		return "", nil, err
	case local := <-ready:
		return fmt.Sprintf("127.0.0.1:%d", local), func() { cancel(); <-done }, nil
	}
}

func (c Client) dialer(pod string) (httpstream.Dialer, error) {
	url := c.API.CoreV1().RESTClient().Post().Resource("pods").Namespace(c.Namespace).Name(pod).SubResource("portforward").URL()
	transport, upgrader, err := spdy.RoundTripperFor(c.Config)
	if err != nil {
		return nil, err
	}
	old := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, url)
	web, err := portforward.NewSPDYOverWebsocketDialerForStreaming(url, c.Config)
	if err != nil {
		return nil, err
	}
	return portforward.NewFallbackDialerForStreaming(web, old, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	}), nil
}
