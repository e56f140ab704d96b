package operator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/client-go/discovery"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/rayburst/rayburst/deploy/operator/v1alpha1"
	"github.com/rayburst/rayburst/scaler"
)

// Config is what an operator needs.
type Config struct {
	Kubeconfig string   // a file; empty: the API server of the pod that this runs in
	Agent      string   // how the API server knows us
	Namespaces []string // with RayClusters; none: all
	Lease      string   // namespace/name; empty: no other operator runs
	Health     string   // host:port of /healthz and /readyz
	Metrics    string   // host:port of /metrics; 0: none
	Concurrent int      // RayClusters at once
	// Values are values of the chart for all clusters; what a spec says is over them.
	Values map[string]any
	// Render renders the chart ray-cluster.
	Render func(Release) (string, error)
	// Decision is the scaler's last one about a cluster, or nil if it knows none,
	// for idle termination and for the reasons of types. Without this function
	// there is no scaler: no cluster is ever idle.
	Decision func(ctx context.Context, namespace, name string) (*scaler.Decision, error)
	Now      func() time.Time
	Log      *slog.Logger
}

// The times between two attempts at one RayCluster that fails. They are its own:
// no other waits with it.
const (
	firstRetry = 200 * time.Millisecond
	lastRetry  = 2 * time.Minute
)

// Run works until the context ends. It fails if the API server is away when it
// begins, or once its Lease is lost.
func Run(ctx context.Context, c Config) error {
	ctrl.SetLogger(logr.FromSlogHandler(c.Log.Handler()))
	config, err := c.rest()
	if err != nil {
		return fmt.Errorf("configuring the Kubernetes client: %w", err)
	}
	options, err := c.options()
	if err != nil {
		return err
	}
	m, err := ctrl.NewManager(config, options)
	if err != nil {
		return fmt.Errorf("connecting to Kubernetes: %w", err)
	}
	d, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return fmt.Errorf("connecting to Kubernetes: %w", err)
	}
	version, err := d.ServerVersion()
	if err != nil {
		return fmt.Errorf("asking for the version of Kubernetes: %w", err)
	}
	r := newReconciler(parts{
		Client: m.GetClient(), Live: m.GetAPIReader(), Events: m.GetEventRecorder(manager), Kubernetes: version.GitVersion,
		Values: c.Values, Render: c.Render, Decision: c.Decision, Now: c.Now, Log: c.Log,
	})
	if err := c.control(m, r); err != nil {
		return fmt.Errorf("watching: %w", err)
	}
	c.Log.Info("operator begins", "kubernetes", version.GitVersion, "namespaces", strings.Join(c.Namespaces, ","))
	return m.Start(ctx)
}

func (c Config) rest() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if c.Kubeconfig == "" {
		config, err = rest.InClusterConfig()
	}
	if err != nil {
		return nil, err
	}
	config.UserAgent, config.QPS, config.Burst = c.Agent, 200, 400
	return config, nil
}

// options are those of the manager: what is cached, and who leads.
func (c Config) options() (ctrl.Options, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return ctrl.Options{}, err
	}
	o := ctrl.Options{
		Scheme: scheme, Logger: logr.FromSlogHandler(c.Log.Handler()),
		Metrics: metricsserver.Options{BindAddress: c.Metrics}, HealthProbeBindAddress: c.Health,
		Client: client.Options{Cache: &client.CacheOptions{Unstructured: true}}, Cache: c.cache(),
		LeaderElectionReleaseOnCancel: true,
	}
	if c.Lease == "" {
		return o, nil
	}
	namespace, name, ok := strings.Cut(c.Lease, "/")
	if !ok {
		return o, fmt.Errorf("--lease: must be namespace/name (got %q)", c.Lease)
	}
	o.LeaderElection, o.LeaderElectionNamespace, o.LeaderElectionID = true, namespace, name
	return o, nil
}

// cache keeps RayClusters, and of other objects those of Ray clusters. What
// Deployments are made of is in the manifests already.
func (c Config) cache() cache.Options {
	exists, err := labels.NewRequirement(clusterLabel, selection.Exists, nil)
	if err != nil {
		panic(err) // the label above is wrong
	}
	o := cache.Options{ByObject: map[client.Object]cache.ByObject{}}
	for _, kind := range ownedKinds {
		by := cache.ByObject{Label: labels.NewSelector().Add(*exists)}
		if kind == deploymentKind {
			by.Transform = withoutTemplate
		}
		o.ByObject[emptyOf(kind)] = by
	}
	for _, namespace := range c.Namespaces {
		if o.DefaultNamespaces == nil {
			o.DefaultNamespaces = map[string]cache.Config{}
		}
		o.DefaultNamespaces[namespace] = cache.Config{}
	}
	return o
}

func withoutTemplate(o any) (any, error) {
	if d, ok := o.(*unstructured.Unstructured); ok {
		unstructured.RemoveNestedField(d.Object, "spec", "template")
	}
	return o, nil
}

// control has the reconciler called for every RayCluster that changes, or whose
// objects do.
func (c Config) control(m ctrl.Manager, r reconcile.Reconciler) error {
	b := builder.ControllerManagedBy(m).Named("raycluster").
		For(emptyOf(rayClusterKind), builder.WithPredicates(specChanged())).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: c.Concurrent,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry),
		})
	for _, kind := range ownedKinds {
		b.Owns(emptyOf(kind), builder.WithPredicates(objectChanged()))
	}
	return errors.Join(b.Complete(r), m.AddHealthzCheck("ping", healthz.Ping), m.AddReadyzCheck("ping", healthz.Ping))
}
