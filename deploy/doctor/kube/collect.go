// Package kube reads the snapshot that the rules of doctor are about from a
// Kubernetes API server. It changes nothing.
package kube

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/rayburst/rayburst/deploy/doctor"
)

// Reader reads from one API server.
type Reader struct {
	Client  kubernetes.Interface
	Dynamic dynamic.Interface
	// Namespace bounds ScaledObjects, HPAs and pods; empty: all namespaces.
	Namespace string
	// Date is the API server's time; zero if it is not told.
	Date func(ctx context.Context) time.Time
	// Ask is an answer of a scaler's HTTP API.
	Ask func(ctx context.Context, namespace, service, path string) ([]byte, error)
}

// New is a reader with a configuration of client-go.
func New(config *rest.Config, namespace string) (*Reader, error) {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making the Kubernetes client: %w", err)
	}
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making the Kubernetes client: %w", err)
	}
	web, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("making the Kubernetes client: %w", err)
	}
	server := client.Discovery().RESTClient().Get().AbsPath("/version").URL().String()
	return &Reader{
		Client: client, Dynamic: objects, Namespace: namespace,
		Date: func(ctx context.Context) time.Time { return date(ctx, web, server) },
		Ask: func(ctx context.Context, namespace, service, path string) ([]byte, error) {
			return client.CoreV1().Services(namespace).ProxyGet("http", service, "8089", path, nil).DoRaw(ctx)
		},
	}, nil
}

// date is the Date of an answer, which is whole seconds.
func date(ctx context.Context, web *http.Client, url string) time.Time {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return time.Time{}
	}
	reply, err := web.Do(req)
	if err != nil {
		return time.Time{}
	}
	defer reply.Body.Close()
	t, err := http.ParseTime(reply.Header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return t
}

// collection is a snapshot in the making.
type collection struct {
	*Reader
	out *doctor.Snapshot
}

// Collect reads a snapshot; now is when it is taken. What cannot be read is part
// of the snapshot. It fails if the API server does not answer at all.
func (r *Reader) Collect(ctx context.Context, now time.Time) (*doctor.Snapshot, error) {
	version, err := r.Client.Discovery().ServerVersion()
	if err != nil {
		return nil, fmt.Errorf("asking for the version of Kubernetes: %w", err)
	}
	c := collection{r, &doctor.Snapshot{Now: now, Kubernetes: parseVersion(version.GitVersion), ServerTime: r.Date(ctx)}}
	c.nodes(ctx)
	c.keda(ctx)
	c.objects(ctx)
	c.hpas(ctx)
	c.rayClusters(ctx)
	c.pods(ctx)
	c.scalers(ctx)
	return c.out, nil
}

// unread notes what could not be read, and tells whether that is so. What the
// API server does not know is just not there.
func (c collection) unread(what string, err error) bool {
	if err != nil && !apierrors.IsNotFound(err) {
		c.out.Unread = append(c.out.Unread, doctor.Unread{What: what, Why: err.Error()})
	}
	return err != nil
}

// parseVersion reads v1.37.2 or 2.21.0; a zero Version is none.
func parseVersion(text string) doctor.Version {
	var v doctor.Version
	if _, err := fmt.Sscanf(strings.TrimPrefix(text, "v"), "%d.%d", &v.Major, &v.Minor); err != nil {
		return doctor.Version{}
	}
	return v
}

// nodes are known by the Leases that their kubelets renew.
func (c collection) nodes(ctx context.Context) {
	list, err := c.Client.CoordinationV1().Leases(corev1.NamespaceNodeLease).List(ctx, metav1.ListOptions{})
	if c.unread("Leases of Nodes", err) {
		return
	}
	for _, l := range list.Items {
		n := doctor.Node{Name: l.Name}
		if l.Spec.RenewTime != nil {
			n.Heartbeat = l.Spec.RenewTime.Time
		}
		c.out.Nodes = append(c.out.Nodes, n)
	}
}

func (c collection) hpas(ctx context.Context) {
	list, err := c.Client.AutoscalingV2().HorizontalPodAutoscalers(c.Namespace).List(ctx, metav1.ListOptions{})
	if c.unread(doctor.Autoscalers, err) {
		return
	}
	for _, h := range list.Items {
		out := doctor.HPA{Namespace: h.Namespace, Name: h.Name, Min: 1, Max: int(h.Spec.MaxReplicas)}
		if h.Spec.MinReplicas != nil {
			out.Min = int(*h.Spec.MinReplicas)
		}
		if h.Spec.ScaleTargetRef.Kind == "Deployment" {
			out.Target = h.Spec.ScaleTargetRef.Name
		}
		for _, o := range h.OwnerReferences {
			if o.Kind == "ScaledObject" {
				out.Owner = o.Name
			}
		}
		c.out.HPAs = append(c.out.HPAs, out)
	}
}

var rayClusters = schema.GroupVersionResource{Group: "ray.io", Version: "v1", Resource: "rayclusters"}

func (c collection) rayClusters(ctx context.Context) {
	list, err := c.Dynamic.Resource(rayClusters).Namespace(c.Namespace).List(ctx, metav1.ListOptions{})
	if c.unread(doctor.ClustersOfKubeRay, err) {
		return
	}
	for _, u := range list.Items {
		on, _, _ := unstructured.NestedBool(u.Object, "spec", "enableInTreeAutoscaling")
		c.out.RayClusters = append(c.out.RayClusters, doctor.RayCluster{Namespace: u.GetNamespace(), Name: u.GetName(), Autoscaling: on})
	}
}

// pods are those of Ray clusters: their heads, and the agents' images.
func (c collection) pods(ctx context.Context) {
	list, err := c.Client.CoreV1().Pods(c.Namespace).List(ctx, metav1.ListOptions{LabelSelector: "ray.io/cluster"})
	if c.unread("Pods of Ray clusters", err) {
		return
	}
	seen := map[string]bool{}
	for _, p := range list.Items {
		if p.Labels["ray.io/node-type"] == "head" {
			c.out.Heads = append(c.out.Heads, doctor.Head{Namespace: p.Namespace, Name: p.Name, Cluster: p.Labels["ray.io/cluster"], Command: command(p.Spec.Containers)})
		}
		for _, k := range append(p.Spec.InitContainers, p.Spec.Containers...) {
			if k.Name == "rayburst-agent" && !seen[k.Image] {
				seen[k.Image] = true
				c.out.Agents = append(c.out.Agents, k.Image)
			}
		}
	}
}

// command is that of the container that starts Ray.
func command(containers []corev1.Container) string {
	for _, k := range containers {
		words := strings.Join(append(append([]string{}, k.Command...), k.Args...), " ")
		if strings.Contains(words, "--head") {
			return words
		}
	}
	return ""
}
