// Package kuberay reads KubeRay's RayClusters as clusters of our own: as values
// of the chart ray-cluster, or as a RayCluster of rayburst.io. What has no
// equivalent is named, never dropped silently.
package kuberay

import (
	"fmt"
	"strings"

	"github.com/rayburst/rayburst/deploy"
)

// Cluster is one RayCluster, converted.
type Cluster struct {
	Name, Namespace string // Namespace is empty where the manifest has none
	// Values are those of charts/ray-cluster.
	Values map[string]any
	// Losses are what has no equivalent, in the manifest's order of fields.
	Losses []Loss

	cluster cluster
}

// others are kinds that are made of RayClusters, and what to do with them.
var others = map[string]string{
	"RayJob":     "leave it on KubeRay, or convert its spec.rayClusterSpec as a RayCluster and submit the job with `ray job submit`",
	"RayService": "leave it on KubeRay, or convert its spec.rayClusterConfig as a RayCluster and deploy with `serve deploy`",
	"RayCronJob": "leave it on KubeRay, or submit the job with `ray job submit` from a CronJob",
}

// Convert reads a file of manifests. Whatever is not a RayCluster is a loss of
// its own; it fails with ErrManifest, naming the field, its rule and its value,
// for a RayCluster that is wrong and for a file that has none.
func Convert(b []byte) ([]Cluster, []Loss, error) {
	docs, err := documents(b)
	if err != nil {
		return nil, nil, err
	}
	var out []Cluster
	var left []Loss
	for i, doc := range docs {
		r := &reader{}
		d := r.mapping(fmt.Sprintf("document %d", i+1), doc)
		d.path = ""
		kind, version := d.text("kind"), d.text("apiVersion")
		switch {
		case r.err != nil:
		case kind != "RayCluster" || !strings.HasPrefix(version, "ray.io/"):
			left = append(left, other(d, kind))
			continue
		case version != "ray.io/v1" && version != "ray.io/v1alpha1":
			r.fail("apiVersion", "must be ray.io/v1", version)
		}
		c := d.convert()
		if r.err != nil {
			return nil, left, fmt.Errorf("document %d: %w", i+1, r.err)
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, left, fmt.Errorf("%w: the file must have a RayCluster of ray.io/v1 (got %d other documents)", ErrManifest, len(docs))
	}
	return out, left, nil
}

// other is a document that is not a RayCluster.
func other(d section, kind string) Loss {
	name, _ := d.mapping("metadata", d.fields["metadata"]).fields["name"].(string)
	path := strings.TrimSpace(kind + " " + name)
	if path == "" {
		path = "a document"
	}
	if a := others[kind]; a != "" {
		return Loss{Path: path, Advice: a}
	}
	return Loss{Path: path, Advice: "not a RayCluster; apply it as it is"}
}

// written are fields that Kubernetes and KubeRay write themselves.
var written = []string{"creationTimestamp", "finalizers", "generateName", "generation", "managedFields", "ownerReferences", "resourceVersion", "selfLink", "uid"}

func (s section) convert() Cluster {
	meta := s.section("metadata")
	out := Cluster{Name: meta.text("name"), Namespace: meta.text("namespace")}
	if out.Name == "" || len(out.Name) > 53 || deploy.KubeName(out.Name) != out.Name {
		s.fail("metadata.name", "must be 1…53 small letters, digits and '-', to name a release", out.Name)
	}
	for _, k := range written {
		meta.take(k)
	}
	if notes := meta.section("annotations"); len(notes.fields) > 0 {
		notes.take("kubectl.kubernetes.io/last-applied-configuration")
		notes.rest()
	}
	meta.rest()
	s.take("status")
	spec := s.section("spec")
	s.rest()
	out.cluster = spec.cluster(out.Name)
	out.Losses = s.losses
	if s.err == nil {
		var err error
		if out.Values, err = out.cluster.values(); err != nil {
			s.fail("spec", err.Error(), nil)
		}
	}
	return out
}
