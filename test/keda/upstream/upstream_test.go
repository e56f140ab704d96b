// Package upstream_test shows defects of KEDA 2.21 against KEDA's own packages:
// see docs/upstream. Each test asserts what is wrong today; one that fails says
// that KEDA has been mended, and that its report and what we do about it can go.
package upstream_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"github.com/kedacore/keda/v2/pkg/scalers/authentication"
	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"github.com/kedacore/keda/v2/pkg/scaling"
	"google.golang.org/grpc"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	scalefake "k8s.io/client-go/scale/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// replicas is what the Deployment asks for.
const replicas = 3

// lab is what KEDA works with here: a fake API server and a real external scaler.
type lab struct {
	scheme *runtime.Scheme
	client client.Client
	scales *scalefake.FakeScaleClient

	mu      sync.Mutex
	patches []string // of a ScaledObject's status
	gets    int      // of the Deployment's scale
	written []int32  // replicas
}

func newLab(t *testing.T, objects ...client.Object) *lab {
	t.Helper()
	l := &lab{scheme: runtime.NewScheme(), scales: &scalefake.FakeScaleClient{}}
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, kedav1alpha1.AddToScheme} {
		if err := add(l.scheme); err != nil {
			t.Fatal(err)
		}
	}
	l.client = fake.NewClientBuilder().WithScheme(l.scheme).WithObjects(objects...).WithStatusSubresource(&kedav1alpha1.ScaledObject{}).
		WithInterceptorFuncs(interceptor.Funcs{SubResourcePatch: l.patch}).Build()
	l.scales.AddReactor("get", "deployments", l.get)
	l.scales.AddReactor("update", "deployments", l.update)
	return l
}

func (l *lab) patch(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
	data, err := p.Data(o)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.patches = append(l.patches, string(data))
	l.mu.Unlock()
	return c.SubResource(sub).Patch(ctx, o, p, opts...)
}

func (l *lab) get(clienttesting.Action) (bool, runtime.Object, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gets++
	return true, &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: "gpu", Namespace: "ml"}, Spec: autoscalingv1.ScaleSpec{Replicas: replicas}}, nil
}

func (l *lab) update(a clienttesting.Action) (bool, runtime.Object, error) {
	s := a.(clienttesting.UpdateAction).GetObject().(*autoscalingv1.Scale)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written = append(l.written, s.Spec.Replicas)
	return true, s, nil
}

func (l *lab) handler() scaling.ScaleHandler {
	return scaling.NewScaleHandler(l.client, l.scales, l.scheme, time.Second, time.Second, events.NewFakeRecorder(1000), &authentication.AuthClientSet{})
}

func deployment() *appsv1.Deployment {
	n, labels := int32(replicas), map[string]string{"app": "gpu"}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "gpu", Namespace: "ml"},
		Spec: appsv1.DeploymentSpec{
			Replicas: &n, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "ray", Image: "ray"}}},
			},
		},
	}
}

func scaledObject(address string) *kedav1alpha1.ScaledObject {
	zero, most := int32(0), int32(10)
	return &kedav1alpha1.ScaledObject{
		ObjectMeta: metav1.ObjectMeta{Name: "gpu", Namespace: "ml", UID: "1", Generation: 1, CreationTimestamp: metav1.NewTime(time.Now().Add(-time.Hour))},
		Spec: kedav1alpha1.ScaledObjectSpec{
			ScaleTargetRef: &kedav1alpha1.ScaleTarget{Name: "gpu"}, MinReplicaCount: &zero, MaxReplicaCount: &most, CooldownPeriod: &zero,
			Triggers: []kedav1alpha1.ScaleTriggers{{Type: "external", Metadata: map[string]string{"scalerAddress": address}}},
		},
		Status: kedav1alpha1.ScaledObjectStatus{
			ScaleTargetKind:     "apps/v1.Deployment",
			ScaleTargetGVKR:     &kedav1alpha1.GroupVersionKindResource{Group: "apps", Version: "v1", Kind: "Deployment", Resource: "deployments"},
			ExternalMetricNames: []string{"s0-work"},
		},
	}
}

// always is an external scaler that is active whenever it is asked.
type always struct {
	pb.UnimplementedExternalScalerServer
	asked func() // for the metric's spec; nil: nothing happens then
}

func (always) IsActive(context.Context, *pb.ScaledObjectRef) (*pb.IsActiveResponse, error) {
	return &pb.IsActiveResponse{Result: true}, nil
}

func (a always) GetMetricSpec(context.Context, *pb.ScaledObjectRef) (*pb.GetMetricSpecResponse, error) {
	if a.asked != nil {
		a.asked()
	}
	return &pb.GetMetricSpecResponse{MetricSpecs: []*pb.MetricSpec{{MetricName: "work", TargetSize: 1}}}, nil
}

func (always) GetMetrics(context.Context, *pb.GetMetricsRequest) (*pb.GetMetricsResponse, error) {
	return &pb.GetMetricsResponse{MetricValues: []*pb.MetricValue{{MetricName: "work", MetricValue: replicas}}}, nil
}

// serve runs an external scaler and returns its address.
func serve(t *testing.T, a always) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	pb.RegisterExternalScalerServer(s, a)
	go func() { _ = s.Serve(listener) }()
	t.Cleanup(s.Stop)
	return listener.Addr().String()
}
