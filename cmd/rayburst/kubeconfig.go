package main

import (
	"fmt"

	_ "k8s.io/client-go/plugin/pkg/client/auth" // what a kubeconfig may log in with
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// kubeFlags are kubectl's own.
type kubeFlags struct {
	Kubeconfig string `placeholder:"FILE" help:"The kubeconfig file. Default: as kubectl, KUBECONFIG or ~/.kube/config, else the pod's own identity."`
	Context    string `placeholder:"NAME" help:"The kubeconfig's context to use. Default: its current one."`
	Namespace  string `short:"n" placeholder:"NAME" help:"The namespace. Default: that of the context."`
}

// config is how to reach the API server, and the namespace that is meant: as
// kubectl decides both. It fails, naming --kubeconfig or --context, where there
// is no configuration or no such context.
func (f kubeFlags) config() (config *rest.Config, namespace string, err error) {
	files := clientcmd.NewDefaultClientConfigLoadingRules()
	files.ExplicitPath = f.Kubeconfig
	flags := &clientcmd.ConfigOverrides{CurrentContext: f.Context, Context: clientcmdapi.Context{Namespace: f.Namespace}}
	all := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(files, flags)
	if config, err = all.ClientConfig(); err != nil {
		return nil, "", fmt.Errorf("--kubeconfig, --context: must name a Kubernetes cluster (got %q, %q): %w", f.Kubeconfig, f.Context, err)
	}
	if namespace, _, err = all.Namespace(); err != nil {
		return nil, "", fmt.Errorf("--namespace: %w", err)
	}
	config.UserAgent = "rayburst/" + version
	return config, namespace, nil
}
