// Package kubectl does in the pods of Ray clusters what kubectl does: it runs
// commands, copies files, forwards ports and follows logs.
package kubectl

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// Container is Ray's container in the pods of the chart ray-cluster.
const Container = "ray"

// ErrNoHead is returned where a Ray cluster has no pod for its head.
var ErrNoHead = errors.New("the Ray cluster has no head")

// Client reaches the pods of one namespace.
type Client struct {
	Config    *rest.Config
	API       kubernetes.Interface
	Namespace string
}

// New is a client of a namespace. Nothing is asked of the API server yet.
func New(config *rest.Config, namespace string) (Client, error) {
	api, err := kubernetes.NewForConfig(config)
	if err != nil {
		return Client{}, fmt.Errorf("making a client of Kubernetes: %w", err)
	}
	return Client{Config: config, API: api, Namespace: namespace}, nil
}

// Head is the youngest pod of a Ray cluster's head that is not ending. It fails
// with ErrNoHead if there is none.
func (c Client) Head(ctx context.Context, cluster string) (*corev1.Pod, error) {
	pods, err := c.pods(ctx, cluster, "head")
	if err != nil {
		return nil, err
	}
	if len(pods) == 0 {
		return nil, fmt.Errorf("%w: %s/%s (rayburst up starts it)", ErrNoHead, c.Namespace, cluster)
	}
	return &pods[0], nil
}

// Workers are the pods of a Ray cluster's workers that are not ending, the
// youngest first.
func (c Client) Workers(ctx context.Context, cluster string) ([]corev1.Pod, error) {
	return c.pods(ctx, cluster, "worker")
}

func (c Client) pods(ctx context.Context, cluster, kind string) ([]corev1.Pod, error) {
	all, err := c.all(ctx, cluster)
	if err != nil {
		return nil, err
	}
	pods := slices.DeleteFunc(all, func(p corev1.Pod) bool {
		return p.DeletionTimestamp != nil || nodeKind(p) != kind || p.Status.Phase == corev1.PodFailed || p.Status.Phase == corev1.PodSucceeded
	})
	slices.SortFunc(pods, func(a, b corev1.Pod) int { return b.CreationTimestamp.Compare(a.CreationTimestamp.Time) })
	return pods, nil
}

// nodeKind is head or worker; empty for what is no Ray node.
func nodeKind(p corev1.Pod) string { return p.Labels["ray.io/node-type"] }

// all are all pods of a Ray cluster, those that end as well.
func (c Client) all(ctx context.Context, cluster string) ([]corev1.Pod, error) {
	list, err := c.API.CoreV1().Pods(c.Namespace).List(ctx, metav1.ListOptions{LabelSelector: "ray.io/cluster=" + cluster})
	if err != nil {
		return nil, fmt.Errorf("listing the pods of %s/%s: %w", c.Namespace, cluster, err)
	}
	return list.Items, nil
}

// RuntimeClasses are the names of those that Kubernetes offers, sorted.
func (c Client) RuntimeClasses(ctx context.Context) ([]string, error) {
	list, err := c.API.NodeV1().RuntimeClasses().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing the RuntimeClasses: %w", err)
	}
	var names []string
	for _, r := range list.Items {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	return names, nil
}
