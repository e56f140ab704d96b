// Package reach finds a Kubernetes API server and waits for it. Of the client
// library it needs what configures a connection only.
package reach

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// patience is for how long an API server that is away is waited for: a
// container that ends is backed off from for up to five minutes.
const patience = 4 * time.Minute

// Configure reads a kubeconfig; without one it is of the API server of the pod
// that this runs in.
func Configure(kubeconfig string) (config *rest.Config, err error) {
	if kubeconfig == "" {
		config, err = rest.InClusterConfig()
	} else {
		config, err = clientcmd.BuildConfigFromFlags("", kubeconfig)
	}
	if err != nil {
		return nil, fmt.Errorf("configuring the Kubernetes client: %w", err)
	}
	return config, nil
}

// Await waits until the API server tells its version.
func Await(ctx context.Context, version func(context.Context) error, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for first := true; ; first = false {
		err := version(ctx)
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
