package kube

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// TestPodMemory: a pod costs less than 1 KiB, however much there is in it.
func TestPodMemory(t *testing.T) {
	const pods = 10_000
	ns := newNamespace("ml", func() {})
	before := heap()
	for i := range pods {
		p := newPod(fmt.Sprintf("train-gpu-7d9c5b8f6d-%05d", i), map[string]string{costAnnotation: victimCost})
		p.UID = types.UID(fmt.Sprintf("8f14e45f-ceea-467f-a1b2-%012d", i))
		p.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubelet", FieldsV1: metav1.NewFieldsV1(strings.Repeat("f", 4000))}}
		p.Spec.Containers = make([]corev1.Container, 2)
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/100 nodes are available: 100 Insufficient nvidia.com/gpu."}}
		add(t, ns.pods.Add(p))
	}
	per := (heap() - before) / pods
	t.Logf("%d B a pod", per)
	if per > 1024 {
		t.Errorf("a pod costs %d B, at most 1024 are allowed", per)
	}
	runtime.KeepAlive(ns)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // it fits
}
