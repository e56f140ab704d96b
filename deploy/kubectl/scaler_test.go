package kubectl_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/rayburst/rayburst/deploy/kubectl"
)

func scalerPod(image string, args ...string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "keda", Name: "burst-1", Labels: map[string]string{
			"app.kubernetes.io/name": "rayburst", "app.kubernetes.io/component": "scaler", "rayburst.io/leader": "true", "app.kubernetes.io/instance": "burst",
		}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "scaler", Image: image, ImagePullPolicy: "Always", Args: args}}},
	}
}

// TestFindScaler: a cluster's values fit the scaler that is there.
func TestFindScaler(t *testing.T) {
	for _, c := range []struct {
		image, repository, tag string
	}{
		{"ghcr.io/rayburst/rayburst:1.2", "ghcr.io/rayburst/rayburst", "1.2"},
		{"registry:5000/rayburst", "registry:5000/rayburst", "latest"},
		{"registry:5000/a/rayburst:x", "registry:5000/a/rayburst", "x"},
	} {
		client := kubectl.Client{API: fake.NewClientset(scalerPod(c.image, "--nats-url=nats://n:4222", "--tls-days=3"))}
		s, err := client.FindScaler(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]any{
			"release": "burst", "namespace": "keda", "tls": true, "natsURL": "nats://n:4222",
			"image": map[string]any{"repository": c.repository, "tag": c.tag, "pullPolicy": "Always"},
		}
		if d := cmp.Diff(want, s.Values()); d != "" {
			t.Error(d)
		}
	}
	if _, err := (kubectl.Client{API: fake.NewClientset()}).FindScaler(t.Context()); !errors.Is(err, kubectl.ErrNoScaler) {
		t.Errorf("got %v", err)
	}
}
