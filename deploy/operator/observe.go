package operator

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rayburst/rayburst/deploy"
)

// observe is what the API server says of a RayCluster's objects, and of what
// became of the last attempt to apply them.
func (r *reconciler) observe(ctx context.Context, c *rayCluster, failed error) (deploy.Observed, error) {
	out := deploy.Observed{Suspend: c.options.Suspend, Idle: c.GetAnnotations()[idleAnnotation] != ""}
	if failed != nil {
		out.Problem, out.Detail = deploy.ReasonApplyFailed, failed.Error()
		if t := new(trouble); errors.As(failed, &t) {
			out.Problem = t.reason
		}
	}
	deployments, err := r.ofCluster(ctx, c, deploymentKind)
	if err != nil {
		return out, err
	}
	scaled, err := r.ofCluster(ctx, c, scaledObjectKind)
	if err != nil {
		return out, err
	}
	for _, d := range deployments {
		if d.GetName() == c.GetName()+"-head" || d.GetName() == c.GetName()+"-head-agent" {
			out.Head = new(replicas(d))
		} else if name := d.GetLabels()[groupLabel]; name != "" {
			out.Types = append(out.Types, observedType(name, d, scaled))
		}
	}
	slices.SortFunc(out.Types, func(a, b deploy.ObservedType) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// ofCluster are the objects of a kind that a RayCluster owns.
func (r *reconciler) ofCluster(ctx context.Context, c *rayCluster, kind schema.GroupVersionKind) ([]unstructured.Unstructured, error) {
	list := listOf(kind).(*unstructured.UnstructuredList)
	err := r.Client.List(ctx, list, client.InNamespace(c.GetNamespace()), client.MatchingLabels{clusterLabel: c.GetName()})
	if err != nil {
		return nil, troubled(deploy.ReasonApplyFailed, "listing %ss: %w", kind.Kind, err)
	}
	return slices.DeleteFunc(list.Items, func(o unstructured.Unstructured) bool {
		ok, _ := mine(&o, c.GetUID())
		return !ok || o.GetDeletionTimestamp() != nil
	}), nil
}

func replicas(d unstructured.Unstructured) deploy.Replicas {
	return deploy.Replicas{Desired: count(d, "spec", "replicas"), Pods: count(d, "status", "replicas"), Ready: count(d, "status", "readyReplicas")}
}

// count is a number of an object; 0 if it is not there.
func count(o unstructured.Unstructured, path ...string) int {
	n, _, _ := unstructured.NestedInt64(o.Object, path...) // what is not a number is none
	return int(n)
}

// observedType is a type by its Deployment and ScaledObject.
func observedType(name string, d unstructured.Unstructured, scaled []unstructured.Unstructured) deploy.ObservedType {
	out := deploy.ObservedType{Name: name, Replicas: replicas(d)}
	if refused, message := condition(d, "ReplicaFailure"); refused == "True" {
		out.Reason, out.Message = deploy.ReasonPodsRefused, message
	}
	for _, s := range scaled {
		if s.GetName() != d.GetName() {
			continue
		}
		out.Max = count(s, "spec", "maxReplicaCount")
		if good, message := condition(s, "Ready"); good == "False" && out.Reason == "" {
			out.Reason, out.Message = deploy.ReasonScaledObjectInvalid, message
		}
	}
	return out
}

// condition is the status and the message of an object's condition.
func condition(o unstructured.Unstructured, name string) (status, message string) {
	list, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions") // there may be none yet
	for _, item := range list {
		if c, ok := item.(map[string]any); ok && c["type"] == name {
			status, _ = c["status"].(string)
			message, _ = c["message"].(string)
		}
	}
	return status, message
}
