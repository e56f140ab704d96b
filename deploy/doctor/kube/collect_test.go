package kube_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
	fakediscovery "k8s.io/client-go/discovery/fake"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	k8stesting "k8s.io/client-go/testing"
	"sigs.k8s.io/yaml"

	"github.com/rayburst/rayburst/deploy/doctor"
	"github.com/rayburst/rayburst/deploy/doctor/kube"
	"github.com/rayburst/rayburst/deploy/helm"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// installed are the objects beside those of a Ray cluster's chart.
const installed = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: keda-operator, namespace: keda, labels: {app.kubernetes.io/version: 2.21.0}}
spec: {template: {spec: {containers: [{name: keda, image: "keda:2.21.0", args: [--leader-elect, --kube-api-qps=10, --kube-api-qps, "20"], env: [{name: KEDA_SCALEDOBJECT_CTRL_MAX_RECONCILES, value: "7"}]}]}}}
status: {readyReplicas: 1}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: rayburst, namespace: keda, labels: {app.kubernetes.io/name: rayburst}}
spec: {replicas: 2, template: {spec: {containers: [{name: scaler, image: "ghcr.io/rayburst/rayburst:dev", command: [/rayburst-scaler], args: [--tls-secret=keda/rayburst-tls]}]}}}
status: {readyReplicas: 2}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: rayburst-nats, namespace: keda, labels: {app.kubernetes.io/name: rayburst}}
spec: {template: {spec: {containers: [{name: nats, image: "ghcr.io/rayburst/rayburst:dev", command: [/rayburst-nats]}]}}}
status: {readyReplicas: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: rayburst-a, namespace: keda, labels: {app.kubernetes.io/name: rayburst, app.kubernetes.io/component: scaler, app.kubernetes.io/instance: rayburst, rayburst.io/leader: "true"}}
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: rayburst, namespace: keda}
spec: {holderIdentity: rayburst-a}
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: n1, namespace: kube-node-lease}
spec: {renewTime: "2026-11-01T11:59:58.000000Z"}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: keda-hpa-train-gpu, namespace: ml, ownerReferences: [{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, name: train-gpu, uid: a}]}
spec: {minReplicas: 1, maxReplicas: 8, scaleTargetRef: {kind: Deployment, name: train-gpu}}
---
apiVersion: v1
kind: Pod
metadata: {name: train-head-1, namespace: ml, labels: {ray.io/cluster: train, ray.io/node-type: head}}
spec: {initContainers: [{name: rayburst-agent, image: "ghcr.io/rayburst/rayburst:dev"}], containers: [{name: ray, args: [ray, start, --head, --no-monitor]}]}
`

// custom are custom resources beside the ScaledObjects of a Ray cluster's chart.
const custom = `
apiVersion: keda.sh/v1alpha1
kind: ClusterTriggerAuthentication
metadata: {name: rayburst}
spec: {secretTargetRef: [{parameter: caCert, name: rayburst-client, key: ca.crt}, {parameter: tlsClientCert, name: rayburst-client, key: tls.crt}]}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web, namespace: ml}
spec: {scaleTargetRef: {name: web}, triggers: [{type: cpu, metadata: {value: "50"}}]}
---
apiVersion: ray.io/v1
kind: RayCluster
metadata: {name: old, namespace: ml}
spec: {enableInTreeAutoscaling: true}
`

// TestChart: nothing is wrong with what the charts make, seen through the API.
func TestChart(t *testing.T) {
	r, _ := reader(t)
	s, err := r.Collect(t.Context(), noon)
	if err != nil {
		t.Fatal(err)
	}
	if found := doctor.Examine(s); len(found) > 0 {
		t.Errorf("%v", found)
	}
	if d := cmp.Diff(&doctor.KEDA{Namespace: "keda", Name: "keda-operator", Version: doctor.Version{Major: 2, Minor: 21}, Ready: 1, QPS: 20, Burst: 30, Reconciles: 7}, s.KEDA); d != "" {
		t.Error(d)
	}
	if len(s.Objects) != 1 || len(s.Others) != 1 || len(s.Scalers) != 1 || s.Scalers[0].NATS == nil || len(s.Scalers[0].Certificates) != 2 ||
		len(s.Nodes) != 1 || len(s.RayClusters) != 1 || len(s.Heads) != 1 || len(s.Agents) != 1 {
		t.Errorf("%+v", s)
	}
}

// TestUnread: what may not be read is a finding, and all else is examined.
func TestUnread(t *testing.T) {
	r, client := reader(t)
	for _, what := range []string{"horizontalpodautoscalers", "deployments", "pods"} {
		client.PrependReactor("list", what, func(k8stesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: what}, "", errors.New("no"))
		})
	}
	s, err := r.Collect(t.Context(), noon)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range doctor.Examine(s) {
		got = append(got, f.Rule)
	}
	if d := cmp.Diff([]string{"unread", "unread", "unread", "unread"}, got); d != "" {
		t.Errorf("%s%+v", d, s.Unread)
	}
}

// TestUnreachable: a scaler that does not answer is not one without clusters.
func TestUnreachable(t *testing.T) {
	r, _ := reader(t)
	r.Ask = func(context.Context, string, string, string) ([]byte, error) { return nil, errors.New("no route") }
	s, err := r.Collect(t.Context(), noon)
	if err != nil {
		t.Fatal(err)
	}
	if found := doctor.Examine(s); len(found) != 1 || found[0].Rule != "cluster" || found[0].Got != "no route" {
		t.Errorf("%v", found)
	}
}

// TestAway: without an answer there is no snapshot.
func TestAway(t *testing.T) {
	r, client := reader(t)
	client.PrependReactor("get", "version", func(k8stesting.Action) (bool, runtime.Object, error) { return true, nil, errors.New("away") })
	if s, err := r.Collect(t.Context(), noon); err == nil || !strings.Contains(err.Error(), "asking for the version of Kubernetes: away") {
		t.Errorf("%v, %v", s, err)
	}
}

func reader(t *testing.T) (*kube.Reader, *fake.Clientset) {
	t.Helper()
	rendered, err := helm.Render(helm.Release{Name: "train", Namespace: "ml", Kubernetes: "1.37.0"}, map[string]any{"workers": map[string]any{
		"cpu": nil, "gpu": map[string]any{"maxWorkers": 8, "resources": map[string]any{"limits": map[string]any{"nvidia.com/gpu": 1}}}}})
	if err != nil {
		t.Fatal(err)
	}
	var resources []runtime.Object
	for _, u := range objects(t, rendered+"---"+custom) {
		if u.GetAPIVersion() == "keda.sh/v1alpha1" || u.GetAPIVersion() == "ray.io/v1" {
			u.SetNamespace(map[bool]string{true: "", false: "ml"}[u.GetKind() == "ClusterTriggerAuthentication"])
			u.Object["status"] = map[string]any{"conditions": []any{map[string]any{"type": "Ready", "status": "True"}}}
			resources = append(resources, u)
		}
	}
	kinds := map[schema.GroupVersionResource]string{}
	for _, k := range []string{"ScaledObject", "ClusterTriggerAuthentication", "RayCluster"} {
		group, v := "keda.sh", "v1alpha1"
		if k == "RayCluster" {
			group, v = "ray.io", "v1"
		}
		kinds[schema.GroupVersionResource{Group: group, Version: v, Resource: strings.ToLower(k) + "s"}] = k + "List"
	}
	client := fake.NewClientset(typed(t)...)
	client.Discovery().(*fakediscovery.FakeDiscovery).FakedServerVersion = &version.Info{GitVersion: "v1.37.2"}
	return &kube.Reader{
		Client: client, Dynamic: dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), kinds, resources...),
		Date: func(context.Context) time.Time { return noon.Add(time.Second) },
		Ask: func(_ context.Context, namespace, service, path string) ([]byte, error) {
			if namespace+service+path != "kedarayburst/v1/clusters" {
				return nil, fmt.Errorf("%s %s %s", namespace, service, path)
			}
			return []byte(`[{"namespace":"ml","name":"train","Unknown":""}]`), nil
		},
	}, client
}

func objects(t *testing.T, text string) (out []*unstructured.Unstructured) {
	t.Helper()
	for doc := range strings.SplitSeq(text, "\n---") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(strings.TrimPrefix(doc, "---")), &u.Object); err != nil {
			t.Fatalf("%v\n%s", err, doc)
		}
		if u.Object != nil {
			out = append(out, u)
		}
	}
	return out
}

func typed(t *testing.T) (out []runtime.Object) {
	t.Helper()
	text := installed
	for _, name := range []string{"rayburst-tls", "rayburst-client"} {
		b, err := yaml.Marshal(map[string]any{
			"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": name, "namespace": "keda"}, "data": map[string][]byte{"tls.crt": certificate(t)},
		})
		if err != nil {
			t.Fatal(err)
		}
		text += "---\n" + string(b)
	}
	for _, u := range objects(t, text) {
		b, err := u.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		o, _, err := scheme.Codecs.UniversalDeserializer().Decode(b, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, o)
	}
	return out
}

func certificate(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: noon, NotAfter: noon.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
