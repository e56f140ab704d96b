// Package tokens asks a Kubernetes API server whose a ServiceAccount token is.
// Of the client library it needs what configures a connection only, so that a
// program that asks nothing else of Kubernetes stays small.
package tokens

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"k8s.io/client-go/rest"

	"github.com/rayburst/rayburst/deploy/kube/reach"
)

// Connect connects with a kubeconfig, or without one to the API server of the
// pod that this runs in, and waits until it answers.
func Connect(ctx context.Context, kubeconfig, agent string, log *slog.Logger) (*Reviewer, error) {
	config, err := reach.Configure(kubeconfig)
	if err != nil {
		return nil, err
	}
	config.UserAgent = agent
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("making the Kubernetes client: %w", err)
	}
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, fmt.Errorf("making the Kubernetes client: %w", err)
	}
	r := &Reviewer{Client: client, URL: base.String()}
	version := func(ctx context.Context) error {
		_, err := r.call(ctx, http.MethodGet, "version", nil)
		return err
	}
	return r, reach.Await(ctx, version, log)
}

// maxReply is how long an answer may be.
const maxReply = 1 << 20

// call is a request to the API server, with JSON both ways.
func (r *Reviewer) call(ctx context.Context, method, path string, body io.Reader) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, r.URL+"/"+path, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	reply, err := r.Client.Do(request)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	b, err := io.ReadAll(io.LimitReader(reply.Body, maxReply))
	if err == nil && reply.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %.300s", reply.Status, b)
	}
	return b, err
}
