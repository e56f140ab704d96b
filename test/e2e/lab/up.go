package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

// options are the flags of up.
type options struct {
	hpaSync time.Duration
	keda    bool
	client  limits
}

func parseOptions(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("up", flag.ContinueOnError)
	flags.DurationVar(&o.hpaSync, "hpa-sync", 15*time.Second, "how often the HPA looks")
	flags.BoolVar(&o.keda, "keda", true, "start KEDA")
	flags.IntVar(&o.client.qps, "keda-qps", 0, "requests a second of KEDA's operator; 0: its own default")
	flags.IntVar(&o.client.burst, "keda-burst", 0, "requests at once of KEDA's operator; 0: its own default")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("up: what is %q?", flags.Args())
	}
	return o, nil
}

// up checks what is needed and makes the namespace; start does the rest, in it.
func (l lab) up(args []string) error {
	if _, err := parseOptions(args); err != nil {
		return err
	}
	if err := needRoot(); err != nil {
		return err
	}
	if _, err := os.Stat(l.netns()); err == nil {
		return errors.New("it is up, or was not taken down: run make e2e-down")
	}
	if err := l.needBinaries(); err != nil {
		return err
	}
	if err := errors.Join(l.needPackages(), l.folders(), saveSettings()); err != nil {
		return err
	}
	if err := l.create(); err != nil {
		return err
	}
	return l.again(append([]string{"start"}, args...)...)
}

func (l lab) folders() error {
	for _, name := range []string{
		"pki", "kubeconfig", "logs", "pids", "etcd", "kubelet/root", "kubelet/pki", "kubelet/podlogs", "containerd/cni", "cni",
	} {
		if err := os.MkdirAll(l.state(name), 0o755); err != nil {
			return fmt.Errorf("making the state's folders: %w", err)
		}
	}
	return nil
}

// start starts the cluster and returns when it is ready.
func (l lab) start(args []string) error {
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	for _, step := range []func() error{
		connect, l.certificates, l.configs, l.makeCgroups, l.startServer, l.startContainerd,
		func() error { return l.startNode(o) }, l.awaitNode,
	} {
		if err := step(); err != nil {
			return fmt.Errorf("%w\nlogs are in %s", err, l.state("logs"))
		}
	}
	if !o.keda {
		return nil
	}
	return l.awaitKEDA()
}

const etcdURL = "http://127.0.0.1:2379"

// startServer starts etcd and the API server.
func (l lab) startServer() error {
	const peer = "http://127.0.0.1:2380"
	if err := l.spawn("etcd", l.bin("etcd"), "--data-dir", l.state("etcd"), "--listen-client-urls", etcdURL,
		"--advertise-client-urls", etcdURL, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
		"--initial-cluster", "default="+peer, "--unsafe-no-fsync"); err != nil {
		return err
	}
	return l.spawn("kube-apiserver", l.bin("kube-apiserver"), "--etcd-servers="+etcdURL, "--secure-port=6443", "--advertise-address="+nodeIP,
		"--tls-cert-file="+l.pki("apiserver.crt"), "--tls-private-key-file="+l.pki("apiserver.key"), "--client-ca-file="+l.pki("ca.crt"),
		"--service-account-key-file="+l.pki("sa.pub"), "--service-account-signing-key-file="+l.pki("sa.key"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local", "--service-cluster-ip-range="+serviceCIDR,
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
		"--requestheader-client-ca-file="+l.pki("front-proxy-ca.crt"), "--requestheader-allowed-names=front-proxy-client",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-", "--requestheader-group-headers=X-Remote-Group",
		"--requestheader-username-headers=X-Remote-User",
		"--proxy-client-cert-file="+l.pki("front-proxy-client.crt"), "--proxy-client-key-file="+l.pki("front-proxy-client.key"),
		"--kubelet-client-certificate="+l.pki("kubelet-client.crt"), "--kubelet-client-key="+l.pki("kubelet-client.key"),
		"--kubelet-preferred-address-types=InternalIP", "--allow-privileged=true")
}

// startNode starts all else, while containerd loads the images.
func (l lab) startNode(o options) error {
	images := make(chan error, 1)
	go func() { images <- l.loadOwnImages(o.keda) }()
	manifests, err := l.manifests(o)
	if err != nil {
		return err
	}
	if err := l.awaitServer(); err != nil {
		return err
	}
	if err := errors.Join(l.startControllers(o), l.startAgents()); err != nil {
		return err
	}
	if _, err := l.kubectl(manifests, "apply", "--server-side", "-f", "-"); err != nil {
		return err
	}
	l.say("manifests applied")
	err = <-images
	l.say("images loaded")
	return err
}

// manifests are those of CoreDNS and KEDA.
func (l lab) manifests(o options) (string, error) {
	dns, err := fill("coredns.yaml", nil)
	if err != nil || !o.keda {
		return dns, err
	}
	keda, err := l.kedaManifests(o.client)
	return dns + "---\n" + keda, err
}

func (l lab) awaitServer() error {
	c, err := l.client()
	if err != nil {
		return err
	}
	return l.await("API server ready", 2*time.Minute, func() bool { return get(c, "/readyz") == "ok" })
}

func (l lab) startControllers(o options) error {
	flags := func(program string) []string {
		k := l.kubeconfig(program)
		return []string{"--kubeconfig=" + k, "--authentication-kubeconfig=" + k, "--authorization-kubeconfig=" + k, "--leader-elect=false"}
	}
	manager := append([]string{l.bin("kube-controller-manager")}, flags("manager")...)
	manager = append(manager, "--use-service-account-credentials=true", "--service-account-private-key-file="+l.pki("sa.key"),
		"--root-ca-file="+l.pki("ca.crt"), "--cluster-signing-cert-file="+l.pki("ca.crt"), "--cluster-signing-key-file="+l.pki("ca.key"),
		"--horizontal-pod-autoscaler-sync-period="+o.hpaSync.String(), "--kube-api-qps=500", "--kube-api-burst=1000")
	return errors.Join(l.spawn("kube-controller-manager", manager...),
		l.spawn("kube-scheduler", append([]string{l.bin("kube-scheduler")}, flags("scheduler")...)...))
}

// startAgents starts what serves the node: its Services, policies and pods.
func (l lab) startAgents() error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	return errors.Join(l.spawn("kube-proxy", l.bin("kube-proxy"), "--config="+l.state("kubelet/proxy.yaml")),
		l.spawn("policies", self, "-dir", l.dir, "policies"),
		l.spawn("kubelet", l.bin("kubelet"), "--config="+l.state("kubelet/config.yaml"), "--kubeconfig="+l.kubeconfig("node"),
			"--hostname-override="+nodeName, "--node-ip="+nodeIP, "--root-dir="+l.state("kubelet/root"), "--cert-dir="+l.state("kubelet/pki")))
}

// awaitNode waits until pods can be made and find each other.
func (l lab) awaitNode() error {
	c, err := l.client()
	if err != nil {
		return err
	}
	if err := l.await("node ready", time.Minute, func() bool {
		return strings.Contains(get(c, "/api/v1/nodes/"+nodeName), `"type":"Ready","status":"True"`) &&
			strings.Contains(get(c, "/api/v1/namespaces/default/serviceaccounts/default"), `"uid"`)
	}); err != nil {
		return err
	}
	return l.await("DNS answers", time.Minute, resolves)
}

// resolves asks the cluster's DNS for the API server.
func resolves() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	r := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, dnsIP+":53")
	}}
	found, err := r.LookupHost(ctx, "kubernetes.default.svc.cluster.local.")
	return err == nil && len(found) == 1
}

func (l lab) awaitKEDA() error {
	for _, w := range []struct{ what, args string }{
		{"KEDA: external metrics API available", "apiservice/v1beta1.external.metrics.k8s.io"},
		{"KEDA: all Deployments available", "-n keda deploy --all"},
	} {
		args := append([]string{"wait", "--for=condition=Available", "--timeout=180s"}, strings.Fields(w.args)...)
		if _, err := l.kubectl("", args...); err != nil {
			return fmt.Errorf("%w\nlogs are in %s", err, l.state("logs"))
		}
		l.say(w.what)
	}
	return nil
}

// get asks the API server; nothing stands for any error.
func get(c *http.Client, path string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server+path, nil)
	if err != nil {
		return ""
	}
	answer, err := c.Do(request)
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return ""
	}
	return string(text)
}

// kubectl runs the cluster's own.
func (l lab) kubectl(stdin string, args ...string) (string, error) {
	cmd := exec.Command(l.bin("kubectl"), append([]string{"--kubeconfig", l.kubeconfig("admin")}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}
