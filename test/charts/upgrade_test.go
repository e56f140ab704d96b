package charts

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/fake"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"sigs.k8s.io/yaml"
)

// filled is what the scaler has put into a Secret.
var filled = map[string][]byte{"tls.crt": []byte("certificate"), "tls.key": []byte("key")}

// secretsOf are the Secrets that the scaler's chart renders by default, as JSON.
func secretsOf(t *testing.T) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, m := range (scenario{"rayburst", "default", newest}).render(t).manifests {
		if s, ok := object(t, m).(*corev1.Secret); ok {
			raw, err := yaml.YAMLToJSON([]byte(m))
			if err != nil {
				t.Fatal(err)
			}
			out[s.Name] = raw
		}
	}
	return out
}

// TestUpgradeMerges: helm upgrade by a three-way merge leaves the scaler's
// certificates alone.
func TestUpgradeMerges(t *testing.T) {
	for name, old := range secretsOf(t) {
		var s corev1.Secret
		if err := json.Unmarshal(old, &s); err != nil {
			t.Fatal(err)
		}
		s.Data = filled
		live, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		changed := []byte(strings.ReplaceAll(string(old), "rayburst-0.1.0", "rayburst-0.2.0"))
		meta, err := strategicpatch.NewPatchMetaFromStruct(corev1.Secret{})
		if err != nil {
			t.Fatal(err)
		}
		patch, err := strategicpatch.CreateThreeWayMergePatch(old, changed, live, meta, true)
		if err != nil {
			t.Fatal(err)
		}
		got, err := strategicpatch.StrategicMergePatch(live, patch, corev1.Secret{})
		if err != nil {
			t.Fatal(err)
		}
		kept(t, name, got)
	}
}

// kept checks that a Secret has been upgraded and holds what the scaler wrote.
func kept(t *testing.T, name string, raw []byte) {
	t.Helper()
	var s corev1.Secret
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(filled, s.Data); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
	if s.Labels["helm.sh/chart"] != "rayburst-0.2.0" {
		t.Errorf("%s: not upgraded: %v", name, s.Labels)
	}
}

// TestUpgradeApplies: so does one by server-side apply, Helm 4's default.
func TestUpgradeApplies(t *testing.T) {
	for name, old := range secretsOf(t) {
		api := fake.NewClientset().CoreV1().Secrets("keda")
		apply(t, api, name, old)
		s, err := api.Get(context.Background(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		s.Data = filled
		if _, err := api.Update(context.Background(), s, metav1.UpdateOptions{FieldManager: "rayburst"}); err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(apply(t, api, name, []byte(strings.ReplaceAll(string(old), "rayburst-0.1.0", "rayburst-0.2.0"))))
		if err != nil {
			t.Fatal(err)
		}
		kept(t, name, got)
	}
}

func apply(t *testing.T, api typedcorev1.SecretInterface, name string, manifest []byte) *corev1.Secret {
	t.Helper()
	force := true
	s, err := api.Patch(context.Background(), name, types.ApplyPatchType, manifest, metav1.PatchOptions{FieldManager: "helm", Force: &force})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
