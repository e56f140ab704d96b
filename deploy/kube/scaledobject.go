package kube

import (
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

// scaledObjects is KEDA's resource, the only source of node types.
var scaledObjects = schema.GroupVersionResource{Group: "keda.sh", Version: "v1alpha1", Resource: "scaledobjects"}

// KEDA's defaults and annotations (keda apis/keda/v1alpha1/scaledobject_types.go).
const (
	defaultMaxReplicas = 100
	pausedAnnotation   = "autoscaling.keda.sh/paused"
	pausedReplicas     = "autoscaling.keda.sh/paused-replicas"
	pausedScaleIn      = "autoscaling.keda.sh/paused-scale-in"
	pausedScaleOut     = "autoscaling.keda.sh/paused-scale-out"
)

// scaledObject is what we read of a ScaledObject that names our scaler.
type scaledObject struct {
	namespace string
	name      string
	uid       types.UID
	version   string // resourceVersion
	target    string // the Deployment's name
	pausedIn  bool   // it is not lowered
	pausedOut bool   // it is not raised
	cluster   demand.Cluster
	nodeType  nodetypes.NodeType
	trigger   nodetypes.Trigger
	problem   error // why it drives nothing; nil: it is a node type
}

// readScaledObject reads one of KEDA's objects; nil: it does not name our scaler.
// What is wrong with one that does is its problem.
func readScaledObject(u *unstructured.Unstructured, service string) *scaledObject {
	metadata, ours := ourTrigger(u, service)
	if !ours {
		return nil
	}
	annotations := u.GetAnnotations()
	_, paused := annotations[pausedReplicas]
	paused = paused || isTrue(annotations[pausedAnnotation])
	o := &scaledObject{
		namespace: u.GetNamespace(), name: u.GetName(), uid: u.GetUID(), version: u.GetResourceVersion(),
		pausedIn: paused || isTrue(annotations[pausedScaleIn]), pausedOut: paused || isTrue(annotations[pausedScaleOut]),
	}
	o.problem = o.read(u, metadata)
	return o
}

// isTrue is KEDA's reading of an annotation that is there: true unless it says false.
func isTrue(value string) bool { return value != "" && !strings.EqualFold(value, "false") }

func (o *scaledObject) read(u *unstructured.Unstructured, metadata map[string]string) error {
	t, err := nodetypes.ParseTrigger(metadata)
	if err != nil {
		return err
	}
	if t.Resources == nil {
		return &nodetypes.MetadataError{Key: "resources", Rule: "is required, for nothing can be planned on a type of unknown size", Missing: true}
	}
	o.trigger, o.cluster = t, demand.Cluster{Namespace: u.GetNamespace(), Name: t.Cluster}
	if o.target, err = deployment(u); err != nil {
		return err
	}
	least, most, err := replicas(u)
	if err != nil {
		return err
	}
	o.nodeType = nodetypes.NodeType{
		Name: t.NodeType, Resources: t.Resources, Labels: t.Labels, MinWorkers: least, MaxWorkers: most,
		IdleTimeout: t.IdleTimeout, Priority: t.Priority,
	}
	return nil
}

// ourTrigger is the metadata of the trigger that names our scaler: by its
// address, or by a rayCluster.
func ourTrigger(u *unstructured.Unstructured, service string) (map[string]string, bool) {
	triggers, _, _ := unstructured.NestedSlice(u.Object, "spec", "triggers")
	for _, raw := range triggers {
		trigger, ok := raw.(map[string]any)
		if !ok {
			continue
		}
		kind, _, _ := unstructured.NestedString(trigger, "type")
		metadata, _, _ := unstructured.NestedStringMap(trigger, "metadata")
		_, names := metadata["rayCluster"]
		if (kind == "external-push" || kind == "external") && (names || host(metadata["scalerAddress"]) == service) {
			return metadata, true
		}
	}
	return nil, false
}

// host is the first label of an address: the Service's name.
func host(address string) string {
	name, _, _ := strings.Cut(address, ":")
	name, _, _ = strings.Cut(name, ".")
	return name
}

// deployment is the name of the Deployment that the object scales.
func deployment(u *unstructured.Unstructured) (string, error) {
	ref, _, _ := unstructured.NestedStringMap(u.Object, "spec", "scaleTargetRef")
	if kind := ref["kind"]; kind != "" && kind != "Deployment" {
		return "", fmt.Errorf("spec.scaleTargetRef.kind: must be Deployment (got %q)", kind)
	}
	if ref["name"] == "" {
		return "", errors.New("spec.scaleTargetRef.name: must not be empty")
	}
	return ref["name"], nil
}

func replicas(u *unstructured.Unstructured) (least, most int, err error) {
	low, _, err := unstructured.NestedInt64(u.Object, "spec", "minReplicaCount")
	if err != nil {
		return 0, 0, fmt.Errorf("spec.minReplicaCount: must be an integer: %w", err)
	}
	high, given, err := unstructured.NestedInt64(u.Object, "spec", "maxReplicaCount")
	if err != nil {
		return 0, 0, fmt.Errorf("spec.maxReplicaCount: must be an integer: %w", err)
	}
	if !given {
		high = defaultMaxReplicas
	}
	if low < 0 || high < low {
		return 0, 0, fmt.Errorf("spec.minReplicaCount: must be within 0…maxReplicaCount (got %d of %d)", low, high)
	}
	return int(low), int(high), nil
}
