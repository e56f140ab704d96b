package kube

import (
	"testing"
	"testing/synctest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestWrongVictims: a pod that goes unmarked while its Deployment shrinks is
// counted, whichever watch shows it first; one that somebody deletes is not.
func TestWrongVictims(t *testing.T) {
	shrink := func(s *stage, n int32) {
		_ = s.Cluster.ns.deployments.Update(&appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Name: "train-gpu", Namespace: "ml"}, Spec: appsv1.DeploymentSpec{Replicas: &n},
		})
	}
	leave := func(s *stage, name string, annotations map[string]string) {
		p := newPod(name, annotations)
		p.DeletionTimestamp = new(metav1.Now())
		_ = s.Cluster.ns.pods.Update(p)
	}
	victim := map[string]string{costAnnotation: victimCost}
	for name, tt := range map[string]struct {
		play func(s *stage)
		want uint64
	}{
		"the marked one goes":        {func(s *stage) { shrink(s, 1); leave(s, "marked", victim) }, 0},
		"another goes":               {func(s *stage) { shrink(s, 1); leave(s, "busy", nil) }, 1},
		"another goes, then we hear": {func(s *stage) { leave(s, "busy", nil); time.Sleep(lag / 2); shrink(s, 1) }, 1},
		"a busy one goes with all": {func(s *stage) {
			shrink(s, 0)
			_ = s.Cluster.ns.pods.Update(running(newPod("busy", nil)))
			leave(s, "busy", nil)
		}, 1},
		"one goes before Ray began":    {func(s *stage) { shrink(s, 0); leave(s, "busy", nil) }, 0},
		"it goes, then we hear":        {func(s *stage) { leave(s, "busy", nil); time.Sleep(lag / 2); shrink(s, 0) }, 0},
		"somebody deletes one by name": {func(s *stage) { leave(s, "busy", nil) }, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, false, 2, newPod("busy", nil), newPod("marked", victim))
			tt.play(s)
			time.Sleep(2 * lag)
			if got := s.Cluster.ns.wrong.Load(); got != tt.want {
				t.Errorf("%s: %d, want %d", name, got, tt.want)
			}
		})
	}
}
