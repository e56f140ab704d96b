package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// bench is one run.
type bench struct {
	options
	ctx       context.Context
	dir       string
	began     time.Time
	processes sync.WaitGroup
	client    kubernetes.Interface

	natsURL, grpcAddress, httpAddress string
	scaler, nats                      int // pids
}

func (b *bench) file(name string) string { return filepath.Join(b.dir, name) }

// spawn starts a program that lives as long as the run; its output goes to a log.
func (b *bench) spawn(name, path string, args ...string) (pid int, err error) {
	log, err := os.Create(b.file(name + ".log"))
	if err != nil {
		return 0, err
	}
	defer log.Close()
	cmd := exec.CommandContext(b.ctx, path, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("starting %s: %w", name, err)
	}
	b.processes.Go(func() { _ = cmd.Wait() }) // it is killed in the end
	return cmd.Process.Pid, nil
}

// freeAddress is a loopback address that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func port(address string) string { _, p, _ := net.SplitHostPort(address); return p }

// freeAddresses are n of them.
func freeAddresses(n int) (out []string, err error) {
	for range n {
		a, failed := freeAddress()
		out, err = append(out, a), errors.Join(err, failed)
	}
	return out, err
}

const admin = "fleet-admin" // the token of this program

// control starts etcd and the API server.
func (b *bench) control() error {
	free, err := freeAddresses(3)
	if err != nil {
		return err
	}
	if err := errors.Join(b.etcd("http://"+free[0], "http://"+free[1]), b.apiserver(free[2], "http://"+free[0])); err != nil {
		return err
	}
	if err := b.await("API server ready", 2*time.Minute, func() bool { return b.connect("https://"+free[2]) == nil }); err != nil {
		return err
	}
	return nil
}

func (b *bench) etcd(url, peer string) error {
	path, err := b.tool("etcd")
	if err != nil {
		return err
	}
	_, err = b.spawn("etcd", path, "--data-dir", b.file("etcd"), "--listen-client-urls", url, "--advertise-client-urls", url,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer, "--unsafe-no-fsync")
	return err
}

func (b *bench) apiserver(address, etcd string) error {
	path, err := b.tool("kube-apiserver")
	if err != nil {
		return err
	}
	tokens := admin + ",admin,admin,system:masters\n"
	if err := errors.Join(os.WriteFile(b.file("tokens"), []byte(tokens), 0o600), b.accountKey()); err != nil {
		return err
	}
	_, err = b.spawn("kube-apiserver", path, "--etcd-servers="+etcd, "--bind-address=127.0.0.1", "--secure-port="+port(address),
		"--cert-dir="+b.file("pki"), "--token-auth-file="+b.file("tokens"), "--service-account-key-file="+b.file("sa.key"),
		"--service-account-signing-key-file="+b.file("sa.key"), "--service-account-issuer=https://kubernetes.default.svc",
		"--service-cluster-ip-range=10.96.0.0/16", "--authorization-mode=RBAC", "--endpoint-reconciler-type=none",
		"--disable-admission-plugins=ServiceAccount")
	return err
}

// accountKey is what ServiceAccount tokens are signed with.
func (b *bench) accountKey() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(b.file("sa.key"), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}

const kubeconfig = `apiVersion: v1
kind: Config
clusters: [{name: fleet, cluster: {server: "%s", certificate-authority: "%s"}}]
users: [{name: admin, user: {token: %s}}]
contexts: [{name: fleet, context: {cluster: fleet, user: admin}}]
current-context: fleet
`

// connect fails while the API server is not ready.
func (b *bench) connect(server string) error {
	text := fmt.Sprintf(kubeconfig, server, b.file("pki/apiserver.crt"), admin)
	if err := os.WriteFile(b.file("kubeconfig"), []byte(text), 0o600); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", b.file("kubeconfig"))
	if err != nil {
		return err
	}
	config.QPS = -1 // the run's own making is not what is measured
	if b.client, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	return b.client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(b.ctx).Error()
}

// servers starts what is measured: the NATS server and the scaler.
func (b *bench) servers() error {
	free, err := freeAddresses(4)
	if err != nil {
		return err
	}
	b.natsURL, b.grpcAddress, b.httpAddress = "nats://"+free[0], free[2], free[3]
	config := "--kubeconfig=" + b.file("kubeconfig")
	b.nats, err = b.spawn("nats", filepath.Join(b.bin, "rayburst-nats"), config, "--host=127.0.0.1", "--port="+port(free[0]), "--health-port="+port(free[1]),
		"--scaler-account=keda/rayburst")
	if err != nil {
		return err
	}
	if err := b.await("NATS server ready", time.Minute, func() bool { return healthy("http://" + free[1] + "/healthz") }); err != nil {
		return err
	}
	b.scaler, err = b.spawn("scaler", filepath.Join(b.bin, "rayburst-scaler"), config, "--nats-url="+b.natsURL, "--nats-token-file="+b.file("scaler.token"),
		"--grpc-addr="+b.grpcAddress, "--addr="+b.httpAddress, "--lease=keda/rayburst")
	if err != nil {
		return err
	}
	return b.await("scaler runs", time.Minute, func() bool { return healthy("http://" + b.httpAddress + "/healthz") })
}

func healthy(url string) bool {
	reply, err := http.Get(url)
	if err != nil {
		return false
	}
	defer reply.Body.Close()
	return reply.StatusCode == http.StatusOK
}
