package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// The names of what every cluster has.
const (
	clusterName = "sim"
	typeName    = "cpu"
	account     = "ray"
	cpus        = 8
)

func namespaceName(i int) string { return fmt.Sprintf("fleet-%03d", i) }
func podName(i int) string       { return fmt.Sprintf("sim-cpu-6f8d7c9b5-%05d", i) }

// populate makes the objects of all clusters, and the scaler's account.
func (b *bench) populate() error {
	if err := b.kedaCRD(); err != nil {
		return err
	}
	if err := b.scalerAccount(); err != nil {
		return err
	}
	if err := b.parallel(b.clusters, b.cluster); err != nil {
		return err
	}
	var all strings.Builder
	for i := range b.clusters {
		fmt.Fprintf(&all, scaledObject, namespaceName(i), b.nodes)
	}
	if err := b.kubectl(all.String(), "apply", "--server-side", "-f", "-"); err != nil {
		return err
	}
	b.say("%d clusters with %d pods made", b.clusters, b.clusters*b.nodes)
	return nil
}

// parallel calls f with 0…n−1, some at once.
func (b *bench) parallel(n int, f func(int) error) error {
	var wg sync.WaitGroup
	errs, limit := make([]error, n), make(chan struct{}, 16)
	for i := range n {
		limit <- struct{}{}
		wg.Go(func() {
			defer func() { <-limit }()
			errs[i] = f(i)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// kedaCRD applies the definition of ScaledObjects of KEDA's own manifests.
func (b *bench) kedaCRD() error {
	path, err := b.tool("keda-2.21.0.yaml")
	if err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	const name = "scaledobjects.keda.sh"
	for doc := range strings.SplitSeq(string(text), "\n---\n") {
		if strings.Contains(doc, "kind: CustomResourceDefinition\n") && strings.Contains(doc, "\n  name: "+name+"\n") {
			return errors.Join(b.kubectl(doc, "apply", "--server-side", "-f", "-"),
				b.kubectl("", "wait", "--for=condition=Established", "--timeout=60s", "crd/"+name))
		}
	}
	return fmt.Errorf("reading KEDA's manifests: %s does not define %s", path, name)
}

func (b *bench) kubectl(stdin string, args ...string) error {
	path, err := b.tool("kubectl")
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(b.ctx, path, append([]string{"--kubeconfig", b.file("kubeconfig")}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// scalerAccount is who the scaler is for NATS.
func (b *bench) scalerAccount() error {
	if err := b.namespace("keda", "rayburst"); err != nil {
		return err
	}
	token, err := b.token("keda", "rayburst")
	if err != nil {
		return err
	}
	return os.WriteFile(b.file("scaler.token"), []byte(token), 0o600)
}

func (b *bench) namespace(name, account string) error {
	core := b.client.CoreV1()
	_, err := core.Namespaces().Create(b.ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("making namespace %s: %w", name, err)
	}
	a := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: account}}
	if _, err := core.ServiceAccounts(name).Create(b.ctx, a, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("making account %s/%s: %w", name, account, err)
	}
	return nil
}

// token is one of an account, as a pod's projected volume would have it.
func (b *bench) token(namespace, account string) (string, error) {
	request := &authv1.TokenRequest{Spec: authv1.TokenRequestSpec{Audiences: []string{"rayburst"}}}
	reply, err := b.client.CoreV1().ServiceAccounts(namespace).CreateToken(b.ctx, account, request, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("asking for a token of %s/%s: %w", namespace, account, err)
	}
	return reply.Status.Token, nil
}

const scaledObject = `---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: sim-cpu, namespace: %s}
spec:
  scaleTargetRef: {name: sim-cpu}
  pollingInterval: 5
  cooldownPeriod: 10
  initialCooldownPeriod: 300
  minReplicaCount: 0
  maxReplicaCount: %d
  triggers:
    - type: external-push
      metricType: AverageValue
      metadata: {scalerAddress: "rayburst.keda.svc:9090", rayCluster: sim, nodeType: cpu, resources: '{"CPU": 8, "memory": 34359738368}'}
`

// cluster makes the Deployment of one cluster and all that its controllers
// would make of it.
func (b *bench) cluster(i int) error {
	ns := namespaceName(i)
	if err := b.namespace(ns, account); err != nil {
		return err
	}
	apps, one := b.client.AppsV1(), metav1.CreateOptions{}
	labels, n := map[string]string{"app": "sim-cpu"}, int32(b.nodes) //nolint:gosec // a flag of our own
	selector := &metav1.LabelSelector{MatchLabels: labels}
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: podSpec()}
	d, err := apps.Deployments(ns).Create(b.ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "sim-cpu"}, Spec: appsv1.DeploymentSpec{Replicas: &n, Selector: selector, Template: template},
	}, one)
	if err != nil {
		return fmt.Errorf("making a Deployment: %w", err)
	}
	r, err := apps.ReplicaSets(ns).Create(b.ctx, &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Name: "sim-cpu-6f8d7c9b5", OwnerReferences: owner("Deployment", d.Name, d.UID)},
		Spec:       appsv1.ReplicaSetSpec{Replicas: &n, Selector: selector, Template: template},
	}, one)
	if err != nil {
		return fmt.Errorf("making a ReplicaSet: %w", err)
	}
	for i := range b.nodes {
		if err := b.pod(ns, i, labels, owner("ReplicaSet", r.Name, r.UID)); err != nil {
			return err
		}
	}
	return nil
}

func owner(kind, name string, uid types.UID) []metav1.OwnerReference {
	return []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: kind, Name: name, UID: uid, Controller: new(true)}}
}

func podSpec() corev1.PodSpec {
	return corev1.PodSpec{Containers: []corev1.Container{{Name: "ray", Image: "none"}}}
}

// pod is one that runs and is ready, as far as anybody can tell from its status.
func (b *bench) pod(ns string, i int, labels map[string]string, by []metav1.OwnerReference) error {
	api, spec := b.client.CoreV1().Pods(ns), podSpec()
	spec.NodeName = fmt.Sprintf("node-%03d", i)
	p, err := api.Create(b.ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: podName(i), Labels: labels, OwnerReferences: by}, Spec: spec,
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("making a pod: %w", err)
	}
	p.Status = running()
	if _, err := api.UpdateStatus(b.ctx, p, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("making a pod run: %w", err)
	}
	return nil
}

func running() corev1.PodStatus {
	since := metav1.NewTime(time.Now().Add(-time.Minute))
	ready := func(kind corev1.PodConditionType) corev1.PodCondition {
		return corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: since}
	}
	return corev1.PodStatus{
		Phase: corev1.PodRunning, PodIP: "10.0.0.1", StartTime: &since,
		Conditions: []corev1.PodCondition{ready(corev1.PodScheduled), ready(corev1.PodInitialized), ready(corev1.ContainersReady), ready(corev1.PodReady)},
		ContainerStatuses: []corev1.ContainerStatus{{
			Name: "ray", Image: "none", Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: since}},
		}},
	}
}
