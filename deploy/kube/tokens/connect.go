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
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// connectTime is for how long an API server that is away is waited for: a
// container that ends is backed off from for up to five minutes.
const connectTime = 4 * time.Minute

// Connect connects with a kubeconfig, or without one to the API server of the
// pod that this runs in, and waits until it answers.
func Connect(ctx context.Context, kubeconfig, agent string, log *slog.Logger) (*Reviewer, error) {
	config, err := configure(kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("configuring the Kubernetes client: %w", err)
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
	return r, r.reach(ctx, log)
}

func configure(kubeconfig string) (*rest.Config, error) {
	if kubeconfig == "" {
		return rest.InClusterConfig()
	}
	return clientcmd.BuildConfigFromFlags("", kubeconfig)
}

// reach waits until the API server answers.
func (r *Reviewer) reach(ctx context.Context, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	for first := true; ; first = false {
		_, err := r.call(ctx, http.MethodGet, "version", nil)
		if err == nil {
			return nil
		}
		if first {
			log.Warn("waiting for the API server", "error", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("asking for the version of Kubernetes: %w", err)
		case <-time.After(time.Second):
		}
	}
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
