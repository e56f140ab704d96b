package kubectl

import (
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ErrNoScaler is returned where no scaler runs.
var ErrNoScaler = errors.New("no scaler of Rayburst runs in this Kubernetes cluster")

// Scaler is the installed scaler that holds the Lease.
type Scaler struct {
	Namespace, Release, Pod string
	image, pullPolicy       string
	args                    []string
}

// ScalerPort is that of the scaler's HTTP API.
const ScalerPort = 8089

// usual is the namespace in which the documentation installs the scaler.
const usual = "keda"

// FindScaler looks for the scaler in all namespaces, or, for who must not do
// that, in KEDA's usual one. It fails with ErrNoScaler if there is none.
func (c Client) FindScaler(ctx context.Context) (Scaler, error) {
	list, err := c.scalers(ctx, metav1.NamespaceAll)
	if apierrors.IsForbidden(err) {
		list, err = c.scalers(ctx, usual)
	}
	if err != nil {
		return Scaler{}, fmt.Errorf("looking for the scaler: %w", err)
	}
	for _, p := range list.Items {
		if p.DeletionTimestamp == nil && len(p.Spec.Containers) > 0 {
			return scalerOf(p), nil
		}
	}
	return Scaler{}, fmt.Errorf("%w: install the chart rayburst beside KEDA (see docs/kubernetes.md)", ErrNoScaler)
}

func (c Client) scalers(ctx context.Context, namespace string) (*corev1.PodList, error) {
	const labels = "app.kubernetes.io/name=rayburst,app.kubernetes.io/component=scaler,rayburst.io/leader=true"
	return c.API.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: labels})
}

func scalerOf(p corev1.Pod) Scaler {
	c := p.Spec.Containers[0]
	return Scaler{
		Namespace: p.Namespace, Release: p.Labels["app.kubernetes.io/instance"], Pod: p.Name,
		image: c.Image, pullPolicy: string(c.ImagePullPolicy), args: c.Args,
	}
}

// Values are the values `rayburst` of the chart ray-cluster that fit the scaler.
func (s Scaler) Values() map[string]any {
	repository, tag := s.image, "latest"
	if i := strings.LastIndexByte(s.image, ':'); i > strings.LastIndexByte(s.image, '/') {
		repository, tag = s.image[:i], s.image[i+1:]
	}
	out := map[string]any{
		"release": s.Release, "namespace": s.Namespace, "tls": false,
		"image": map[string]any{"repository": repository, "tag": tag, "pullPolicy": s.pullPolicy},
	}
	for _, a := range s.args {
		if strings.HasPrefix(a, "--tls-") {
			out["tls"] = true
		}
		if url, ok := strings.CutPrefix(a, "--nats-url="); ok {
			out["natsURL"] = url
		}
	}
	return out
}
