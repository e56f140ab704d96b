package kube

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"regexp"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/rayburst/rayburst/deploy/doctor"
)

// The defaults of KEDA's operator.
const (
	defaultQPS        = 20
	defaultBurst      = 30
	defaultReconciles = 5
)

var versionText = regexp.MustCompile(`[0-9]+[.][0-9]+[.][0-9]+`)

// keda finds the operator by its Deployment's name.
func (c collection) keda(ctx context.Context) {
	list, err := c.Client.AppsV1().Deployments("").List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=keda-operator"})
	if c.unread(doctor.Deployments, err) {
		return
	}
	at := slices.IndexFunc(list.Items, func(d appsv1.Deployment) bool { return d.Name == "keda-operator" })
	if at < 0 {
		return
	}
	d := list.Items[at]
	k := &doctor.KEDA{Namespace: d.Namespace, Name: d.Name, Ready: int(d.Status.ReadyReplicas), QPS: defaultQPS, Burst: defaultBurst, Reconciles: defaultReconciles}
	version := versionText.FindString(d.Labels["app.kubernetes.io/version"])
	for _, container := range d.Spec.Template.Spec.Containers {
		if _, tag, ok := strings.Cut(container.Image[strings.LastIndex(container.Image, "/")+1:], ":"); ok && version == "" {
			version = versionText.FindString(tag)
		}
		limitsOf(k, container)
	}
	k.Version = parseVersion(version)
	c.out.KEDA = k
}

// limitsOf reads flags, of which the last counts, and environment variables.
func limitsOf(k *doctor.KEDA, c corev1.Container) {
	words := append(slices.Clone(c.Command), c.Args...)
	for i, w := range words {
		name, value, joined := strings.Cut(strings.TrimLeft(w, "-"), "=")
		if !joined && i+1 < len(words) {
			value = words[i+1]
		}
		switch name {
		case "kube-api-qps":
			if v, err := strconv.ParseFloat(value, 64); err == nil {
				k.QPS = v
			}
		case "kube-api-burst":
			if v, err := strconv.Atoi(value); err == nil {
				k.Burst = v
			}
		}
	}
	for _, e := range c.Env {
		if v, err := strconv.Atoi(e.Value); err == nil && e.Name == "KEDA_SCALEDOBJECT_CTRL_MAX_RECONCILES" {
			k.Reconciles = v
		}
	}
}

const scalerLabels = "app.kubernetes.io/name=rayburst,app.kubernetes.io/component="

func (c collection) scalers(ctx context.Context) {
	list, err := c.Client.AppsV1().Deployments("").List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=rayburst"})
	if c.unread(doctor.Scalers, err) {
		return
	}
	for _, d := range list.Items {
		if container := scalerOf(&d); container != nil {
			c.out.Scalers = append(c.out.Scalers, c.scaler(ctx, &d, container, list.Items))
		}
	}
}

// scalerOf is the container of a Deployment that is a scaler.
func scalerOf(d *appsv1.Deployment) *corev1.Container {
	for i, k := range d.Spec.Template.Spec.Containers {
		if k.Name == "scaler" && slices.Contains(k.Command, "/rayburst-scaler") {
			return &d.Spec.Template.Spec.Containers[i]
		}
	}
	return nil
}

func replicas(d *appsv1.Deployment) int {
	if d.Spec.Replicas == nil {
		return 1
	}
	return int(*d.Spec.Replicas)
}

func (c collection) scaler(ctx context.Context, d *appsv1.Deployment, container *corev1.Container, all []appsv1.Deployment) doctor.Scaler {
	out := doctor.Scaler{Namespace: d.Namespace, Name: d.Name, Image: container.Image, Wanted: replicas(d), Ready: int(d.Status.ReadyReplicas)}
	for _, other := range all {
		if other.Namespace == d.Namespace && other.Name == d.Name+"-nats" {
			out.NATS = &doctor.Workload{Name: other.Name, Wanted: replicas(&other), Ready: int(other.Status.ReadyReplicas)}
		}
	}
	c.leader(ctx, &out)
	flags := map[string]string{}
	for _, a := range container.Args {
		if name, value, ok := strings.Cut(a, "="); ok {
			flags[name] = value
		}
	}
	out.TLS = flags["--tls-secret"] != "" || flags["--tls-dir"] != ""
	c.authentication(ctx, &out)
	if s, n, ok := strings.Cut(flags["--tls-secret"], "/"); ok {
		out.Certificates = append(out.Certificates, c.secret(ctx, s, n))
	}
	for _, v := range d.Spec.Template.Spec.Volumes {
		if v.Name == "tls" && v.Secret != nil {
			out.Certificates = append(out.Certificates, c.secret(ctx, d.Namespace, v.Secret.SecretName))
		}
	}
	out.Certificates = append(out.Certificates, out.Auth...)
	c.clusters(ctx, &out)
	return out
}

func (c collection) leader(ctx context.Context, s *doctor.Scaler) {
	pods, err := c.Client.CoreV1().Pods(s.Namespace).List(ctx, metav1.ListOptions{LabelSelector: scalerLabels + "scaler,rayburst.io/leader=true,app.kubernetes.io/instance=" + s.Name})
	if !c.unread(doctor.ScalerPods, err) && len(pods.Items) > 0 {
		s.Leader = pods.Items[0].Name
	}
	lease, err := c.Client.CoordinationV1().Leases(s.Namespace).Get(ctx, s.Name, metav1.GetOptions{})
	if !c.unread(doctor.ScalerLease, err) && lease.Spec.HolderIdentity != nil {
		s.Holder = *lease.Spec.HolderIdentity
	}
}

var triggerAuthentications = schema.GroupVersionResource{Group: "keda.sh", Version: "v1alpha1", Resource: "clustertriggerauthentications"}

// authentication reads the Secrets that KEDA shows; they are in its namespace.
func (c collection) authentication(ctx context.Context, s *doctor.Scaler) {
	u, err := c.Dynamic.Resource(triggerAuthentications).Get(ctx, s.Name, metav1.GetOptions{})
	if c.unread(doctor.Authentication, err) {
		return
	}
	namespace := s.Namespace
	if c.out.KEDA != nil {
		namespace = c.out.KEDA.Namespace
	}
	refs, _, _ := unstructured.NestedSlice(u.Object, "spec", "secretTargetRef")
	seen := map[string]bool{}
	s.Auth = []doctor.Secret{}
	for _, raw := range refs {
		ref, _ := raw.(map[string]any)
		name, _ := ref["name"].(string)
		if !seen[name] {
			seen[name] = true
			s.Auth = append(s.Auth, c.secret(ctx, namespace, name))
		}
	}
}

// secret reads when the certificate of a Secret ends.
func (c collection) secret(ctx context.Context, namespace, name string) doctor.Secret {
	out := doctor.Secret{Namespace: namespace, Name: name}
	s, err := c.Client.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		out.Missing = true
	case c.unread("Secret "+namespace+"/"+name, err):
		out.Expires = c.out.Now.AddDate(100, 0, 0) // not to be judged
	default:
		if block, _ := pem.Decode(s.Data["tls.crt"]); block != nil {
			if cert, err := x509.ParseCertificate(block.Bytes); err == nil {
				out.Expires = cert.NotAfter
			}
		}
	}
	return out
}

// clusters are those that the scaler knows, and why not.
func (c collection) clusters(ctx context.Context, s *doctor.Scaler) {
	b, err := c.Ask(ctx, s.Namespace, s.Name, "/v1/clusters")
	var all []struct{ Namespace, Name, Unknown string }
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	if err != nil {
		s.Unreachable = err.Error()
		return
	}
	s.Clusters = map[string]string{}
	for _, k := range all {
		s.Clusters[k.Namespace+"/"+k.Name] = k.Unknown
	}
}
