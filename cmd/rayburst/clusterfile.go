package main

import (
	"context"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/rayburst/rayburst/deploy"
	"github.com/rayburst/rayburst/deploy/kubectl"
)

// clusterFile names a Ray cluster: its YAML, and where it is in Kubernetes. The
// flags are those of Ray's own commands and, but for -n, kubectl's.
type clusterFile struct {
	Cluster       string `arg:"" type:"existingfile" placeholder:"CLUSTER.yaml" help:"A Ray cluster YAML."`
	ClusterName   string `short:"n" placeholder:"NAME" help:"The cluster's name instead of the file's cluster_name."`
	Kubeconfig    string `placeholder:"FILE" help:"The kubeconfig file. Default: as kubectl."`
	Context       string `placeholder:"NAME" help:"The kubeconfig's context. Default: its current one."`
	Namespace     string `placeholder:"NAME" help:"The namespace. Default: the file's provider.namespace, else that of the context."`
	NoConfigCache bool   `hidden:"" help:"Nothing is cached."`
}

// parse reads the file.
func (f clusterFile) parse() (*deploy.Cluster, error) {
	b, err := os.ReadFile(f.Cluster)
	if err != nil {
		return nil, fmt.Errorf("reading the cluster YAML: %w", err)
	}
	c, err := deploy.ParseCluster(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Cluster, err)
	}
	if f.ClusterName != "" {
		c.Name = f.ClusterName
	}
	return c, nil
}

// space is the namespace that is asked for, or none.
func (f clusterFile) space(c *deploy.Cluster) string {
	if f.Namespace != "" {
		return f.Namespace
	}
	return c.Namespace
}

// target is a Ray cluster and the way to it.
type target struct {
	kubectl.Client
	cluster *deploy.Cluster
	getter  genericclioptions.RESTClientGetter
}

// release names it in Kubernetes.
func (t target) release() string { return t.cluster.Release() }

// open reads the file and the kubeconfig. Nothing is asked of Kubernetes yet.
func (f clusterFile) open() (target, error) {
	c, err := f.parse()
	if err != nil {
		return target{}, err
	}
	namespace := f.space(c)
	config, namespace, err := kubeFlags{Kubeconfig: f.Kubeconfig, Context: f.Context, Namespace: namespace}.config()
	if err != nil {
		return target{}, err
	}
	client, err := kubectl.New(config, namespace)
	if err != nil {
		return target{}, err
	}
	getter := genericclioptions.NewConfigFlags(true)
	getter.Namespace = &namespace
	if f.Kubeconfig != "" {
		getter.KubeConfig = &f.Kubeconfig
	}
	if f.Context != "" {
		getter.Context = &f.Context
	}
	return target{cluster: c, Client: client, getter: getter}, nil
}

// openHead is open, with the pod of the head.
func (f clusterFile) openHead(ctx context.Context) (target, *corev1.Pod, error) {
	t, err := f.open()
	if err != nil {
		return target{}, nil, err
	}
	head, err := t.Head(ctx, t.release())
	return t, head, err
}

// openWorkers is open, with the pods of the workers.
func (f clusterFile) openWorkers(ctx context.Context) (target, []corev1.Pod, error) {
	t, err := f.open()
	if err != nil {
		return target{}, nil, err
	}
	workers, err := t.Workers(ctx, t.release())
	return t, workers, err
}
