package upstream_test

import (
	"context"
	"testing"

	"github.com/kedacore/keda/v2/apis/eventing/v1alpha1"
	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	controllers "github.com/kedacore/keda/v2/controllers/keda"
	"github.com/kedacore/keda/v2/pkg/eventemitter"
	"github.com/kedacore/keda/v2/pkg/scaling"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// idle is KEDA's scale handler without its loops, which patch the status too.
type idle struct{ scaling.ScaleHandler }

func (idle) HandleScalableObject(context.Context, kedav1alpha1.ScalableObject) error { return nil }

// mute emits no events.
type mute struct{ eventemitter.EventHandler }

func (mute) Emit(runtime.Object, string, string, v1alpha1.CloudEventType, string, string) {}

// TestUnchangedObject: a reconcile of a ScaledObject of which nothing has changed
// reads its target's scale and patches its status, with nothing in the patches.
func TestUnchangedObject(t *testing.T) {
	l := newLab(t, deployment(), scaledObject(serve(t, always{})))
	r := &controllers.ScaledObjectReconciler{Client: l.client, Scheme: l.scheme, ScaleClient: l.scales, ScaleHandler: idle{l.handler()}, EventEmitter: mute{}}
	m, err := ctrl.NewManager(&rest.Config{Host: "http://127.0.0.1:1"}, ctrl.Options{Scheme: l.scheme, Metrics: server.Options{BindAddress: "0"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.SetupWithManager(m, controller.Options{}); err != nil {
		t.Fatal(err)
	}
	request := ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "ml", Name: "gpu"}}
	for i := range 3 { // the first makes the HPA, and the status
		l.patches, l.gets = nil, 0
		if _, err := r.Reconcile(t.Context(), request); err != nil {
			t.Fatal(err)
		}
		t.Logf("reconcile %d: %d GETs of the scale, status patches %q", i+1, l.gets, l.patches)
	}
	if l.gets != 1 { // 0 once the target is compared with its group
		t.Errorf("%d GETs of the scale, 1 was expected of KEDA 2.21", l.gets)
	}
	if len(l.patches) != 4 { // 0 once empty patches are not sent
		t.Errorf("%d status patches, 4 were expected of KEDA 2.21", len(l.patches))
	}
	for _, p := range l.patches {
		if p != "{}" {
			t.Errorf("a patch says %s", p)
		}
	}
}
