package kube

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

// TestLeaderLabel: one pod has the label, whoever had it before, and a scaler
// outside of Kubernetes needs no pod.
func TestLeaderLabel(t *testing.T) {
	crowned := map[string]string{"app": "x", leaderLabel: "true"}
	client := fake.NewClientset(
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "keda", Name: "a", Labels: crowned}},
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "keda", Name: "b", Labels: map[string]string{"app": "x"}}},
	)
	pods := client.CoreV1().Pods("keda")
	leaders := func() (names []string) {
		list, err := pods.List(t.Context(), metav1.ListOptions{LabelSelector: leaderLabel + "=true,app=x"})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list.Items {
			names = append(names, p.Name)
		}
		return names
	}
	for _, step := range []struct {
		do   func() error
		want []string
	}{
		{func() error { return crown(t.Context(), pods, "b") }, []string{"b"}},
		{func() error { return uncrown(t.Context(), pods, "b") }, nil},
		{func() error { return crown(t.Context(), pods, "a") }, []string{"a"}},
		{func() error { return crown(t.Context(), pods, "laptop") }, nil},
	} {
		if err := step.do(); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(step.want, leaders()); diff != "" {
			t.Errorf("leaders -want +got:\n%s", diff)
		}
	}
}
