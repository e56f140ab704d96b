package operator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/rayburst/rayburst/deploy"
)

// Release is what the chart is rendered for.
type Release struct {
	Name, Namespace string
	Kubernetes      string // the version
	Values          map[string]any
	// Lookup finds an object; an empty one is not found.
	Lookup func(apiVersion, kind, namespace, name string) (map[string]any, error)
}

// trouble is why objects are not as the spec says, with its reason.
type trouble struct {
	reason deploy.Reason
	err    error
}

// Error says what is wrong.
func (t *trouble) Error() string { return t.err.Error() }

// Unwrap is what it was made of.
func (t *trouble) Unwrap() error { return t.err }

func troubled(reason deploy.Reason, format string, args ...any) error {
	return &trouble{reason, fmt.Errorf(format, args...)}
}

// desired are the objects of a RayCluster, in the order of installation, and
// what in its spec has no effect.
func (r *reconciler) desired(ctx context.Context, c *rayCluster, runtimeClasses []string) ([]*unstructured.Unstructured, []string, error) {
	cluster, err := deploy.ParseSpec(c.GetName(), c.ray)
	if err != nil {
		return nil, nil, invalid(err)
	}
	values, err := r.values(c, cluster, runtimeClasses)
	if err != nil {
		return nil, nil, err
	}
	text, err := r.Render(Release{
		Name: c.GetName(), Namespace: c.GetNamespace(), Kubernetes: r.Kubernetes, Values: values, Lookup: r.lookup(ctx, c.GetNamespace()),
	})
	if err != nil {
		if t := new(trouble); errors.As(err, &t) {
			return nil, nil, t
		}
		return nil, nil, troubled(deploy.ReasonInvalidSpec, "%w", err)
	}
	objects, err := split(text)
	for _, o := range objects {
		o.SetNamespace(c.GetNamespace())
		o.SetOwnerReferences([]metav1.OwnerReference{*metav1.NewControllerRef(c, rayClusterKind)})
	}
	return objects, cluster.Warnings, err
}

// invalid is what is wrong with a spec, in its own words.
func invalid(err error) error {
	if e := new(deploy.FieldError); errors.As(err, &e) && err == error(e) { //nolint:errorlint // a wrapped one has more to say
		return troubled(deploy.ReasonInvalidSpec, "spec.%s", e.Bare())
	}
	return troubled(deploy.ReasonInvalidSpec, "%w", err)
}

// runtimeClasses are those that Kubernetes offers, sorted.
func (r *reconciler) runtimeClasses(ctx context.Context) ([]string, error) {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(schema.GroupVersionKind{Group: runtimeClassKind.Group, Version: runtimeClassKind.Version, Kind: runtimeClassKind.Kind + "List"})
	if err := r.Client.List(ctx, list); err != nil {
		return nil, troubled(deploy.ReasonApplyFailed, "listing RuntimeClasses: %w", err)
	}
	var out []string
	for _, o := range list.Items {
		out = append(out, o.Name)
	}
	slices.Sort(out)
	return out, nil
}

// values are those of the chart: those of all clusters, over them what is made
// of the spec, over that its own.
func (r *reconciler) values(c *rayCluster, cluster *deploy.Cluster, runtimeClasses []string) (map[string]any, error) {
	values, err := cluster.Values(deploy.Surroundings{RuntimeClasses: runtimeClasses})
	if err != nil {
		return nil, invalid(deploy.InSpec(c.ray, err))
	}
	values = deploy.Overlay(deploy.Overlay(r.Values, values), cluster.Own(c.options.Values))
	values["suspend"] = c.options.Suspend
	return values, nil
}

// lookup reads objects of a namespace from the API server itself: what is made
// at random must not be made again because a cache is late.
func (r *reconciler) lookup(ctx context.Context, namespace string) func(apiVersion, kind, ns, name string) (map[string]any, error) {
	return func(apiVersion, kind, ns, name string) (map[string]any, error) {
		o := &unstructured.Unstructured{}
		o.SetGroupVersionKind(schema.FromAPIVersionAndKind(apiVersion, kind))
		if ns != namespace || name == "" {
			return nil, troubled(deploy.ReasonApplyFailed, "looking up %s %s/%s: must be one object of namespace %s", kind, ns, name, namespace)
		}
		err := r.Live.Get(ctx, types.NamespacedName{Namespace: ns, Name: name}, o)
		switch {
		case apierrors.IsNotFound(err):
			return map[string]any{}, nil
		case err != nil:
			return nil, troubled(deploy.ReasonApplyFailed, "looking up %s %s: %w", kind, name, err)
		}
		return o.Object, nil
	}
}

// split reads manifests.
func split(text string) ([]*unstructured.Unstructured, error) {
	var out []*unstructured.Unstructured
	for d := yaml.NewYAMLOrJSONDecoder(bytes.NewReader([]byte(text)), 4096); ; {
		o := &unstructured.Unstructured{}
		switch err := d.Decode(o); {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, troubled(deploy.ReasonInvalidSpec, "reading what the chart renders: %w", err)
		case len(o.Object) > 0:
			out = append(out, o)
		}
	}
}
