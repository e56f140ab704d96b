package kube

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/record"

	"github.com/rayburst/rayburst/deploy/kube/reach"
)

// Access is how a Kubernetes API server is talked to.
type Access struct {
	Client  kubernetes.Interface
	Dynamic dynamic.Interface
	Events  record.EventRecorder
}

// Connect connects with a kubeconfig, or without one to the API server of the
// pod that this runs in, and waits until it answers.
func Connect(ctx context.Context, kubeconfig, agent string, log *slog.Logger) (*Access, error) {
	config, err := reach.Configure(kubeconfig)
	if err != nil {
		return nil, err
	}
	config.UserAgent, config.QPS, config.Burst = agent, 200, 400
	config.DisableCompression = true // a reader of it costs 40 KiB a watch
	plain := rest.CopyConfig(config) // custom resources speak JSON only
	config.ContentType = runtime.ContentTypeProtobuf
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making the Kubernetes client: %w", err)
	}
	out := &Access{Client: client}
	if out.Dynamic, err = dynamic.NewForConfig(plain); err != nil {
		return nil, fmt.Errorf("making the Kubernetes client: %w", err)
	}
	version := func(context.Context) error {
		_, err := client.Discovery().ServerVersion()
		return err
	}
	if err := reach.Await(ctx, version, log); err != nil {
		return nil, err
	}
	b := record.NewBroadcaster()
	b.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	out.Events = b.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "rayburst"})
	return out, nil
}

// The times of the Lease.
const (
	leaseTime  = 15 * time.Second
	leaseRenew = 10 * time.Second
	leaseRetry = 2 * time.Second
)

// errLease ends a scaler that has lost its Lease: another decides now.
var errLease = errors.New("the Lease is lost")

// Hold waits for the Lease namespace/name and runs f while it is held, with the
// leader's label on this pod. It fails once the Lease is lost; it returns f's
// error when the context ends.
func (a *Access) Hold(ctx context.Context, lease string, f func(context.Context) error) error {
	namespace, name, ok := strings.Cut(lease, "/")
	if !ok {
		return fmt.Errorf("--lease: must be namespace/name (got %q)", lease)
	}
	self, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("naming the holder of the Lease: %w", err)
	}
	pods := a.Client.CoreV1().Pods(namespace)
	if err := uncrown(ctx, pods, self); err != nil {
		return err
	}
	lock := &resourcelock.LeaseLock{
		LeaseMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Client: a.Client.CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: self},
	}
	holding, end := context.WithCancel(ctx)
	defer end()
	ended := make(chan error, 1)
	lead := func(ctx context.Context) {
		err := crown(ctx, pods, self)
		if err == nil {
			err = f(ctx)
		}
		ended <- err
		end()
	}
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: lock, LeaseDuration: leaseTime, RenewDeadline: leaseRenew, RetryPeriod: leaseRetry, ReleaseOnCancel: true, Name: name,
		Callbacks: leaderelection.LeaderCallbacks{OnStartedLeading: lead, OnStoppedLeading: func() {}},
	})
	if err != nil {
		return fmt.Errorf("taking the Lease: %w", err)
	}
	elector.Run(holding)
	select {
	case err = <-ended:
	case <-time.After(leaseRetry): // it was never held
	}
	if err == nil && ctx.Err() == nil {
		return errLease
	}
	return err
}
