package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/credentials"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/rayburst/rayburst/deploy/kube"
)

// selfMade are the certificates that a scaler makes in two empty Secrets, and
// those Secrets.
func selfMade(t *testing.T) (credentials.TransportCredentials, func(name string) map[string][]byte) {
	t.Helper()
	client := fake.NewClientset(
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ray", Name: "own"}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "keda", Name: "client"}},
	)
	f := tlsFlags{Secret: "ray/own", Client: "keda/client", Days: 90}
	c, self, err := f.certificates("rayburst", &kube.Access{Client: client})
	if err != nil || !self {
		t.Fatal(self, err)
	}
	c.Log = slog.New(slog.DiscardHandler)
	out, err := fromSecret(t.Context(), kube.NewCertificates(c))
	if err != nil {
		t.Fatal(err)
	}
	return out, func(name string) map[string][]byte {
		namespace, name, _ := strings.Cut(name, "/")
		s, err := client.CoreV1().Secrets(namespace).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return s.Data
	}
}

// shake is a handshake of a client with what KEDA's Secret holds.
func shake(t *testing.T, server credentials.TransportCredentials, host string, client map[string][]byte, with bool) error {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(client["ca.crt"])
	config := &tls.Config{RootCAs: pool, ServerName: host, NextProtos: []string{"h2"}}
	if with {
		pair, err := tls.X509KeyPair(client["tls.crt"], client["tls.key"])
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	deadline := time.Now().Add(10 * time.Second)
	_, _ = a.SetDeadline(deadline), b.SetDeadline(deadline)
	failed := make(chan error, 1)
	go func() {
		conn := tls.Client(a, config)
		failed <- conn.HandshakeContext(context.Background())
		_, _ = io.Copy(io.Discard, conn) // what the server says of the certificate comes after the handshake
	}()
	_, _, err := server.ServerHandshake(b)
	if err != nil {
		b.Close()
	}
	if other := <-failed; err == nil {
		err = other
	}
	return err
}

// TestMutualTLS: KEDA is taken with its certificate only, whether the scaler
// keeps the certificates itself or reads them from a folder.
func TestMutualTLS(t *testing.T) {
	self, data := selfMade(t)
	dir := t.TempDir()
	for _, name := range []string{"tls.crt", "tls.key", "ca.crt"} {
		if err := os.WriteFile(filepath.Join(dir, name), data("ray/own")[name], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	folder, err := fromFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, server := range map[string]credentials.TransportCredentials{"self": self, "folder": folder} {
		for _, host := range []string{"rayburst", "rayburst.ray", "rayburst.ray.svc", "rayburst.ray.svc.cluster.local"} {
			if err := shake(t, server, host, data("keda/client"), true); err != nil {
				t.Errorf("%s, %s: %v", name, host, err)
			}
		}
		if err := shake(t, server, "rayburst.other", data("keda/client"), true); err == nil {
			t.Errorf("%s: is taken for another host", name)
		}
		if err := shake(t, server, "rayburst.ray.svc", data("keda/client"), false); err == nil {
			t.Errorf("%s: takes a client without a certificate", name)
		}
	}
}

// TestTLSFlags: what is wrong with them is named.
func TestTLSFlags(t *testing.T) {
	for want, f := range map[string]tlsFlags{
		`--tls-secret: must be namespace/name (got "own")`:          {Secret: "own", Client: "keda/client", Days: 90},
		`--tls-client-secret: must be namespace/name (got "")`:      {Secret: "ray/own", Days: 90},
		`--tls-secret: must be namespace/name (got "")`:             {Client: "keda/client", Days: 90},
		`--tls-client-secret: must be namespace/name (got "a/b/c")`: {Secret: "ray/own", Client: "a/b/c", Days: 90},
		`--tls-days: must be at least 1 (got 0)`:                    {Secret: "ray/own", Client: "keda/client"},
	} {
		if _, _, err := f.certificates("rayburst", nil); err == nil || err.Error() != want {
			t.Errorf("got %v, not %s", err, want)
		}
	}
	if _, self, err := (tlsFlags{Days: 90}).certificates("rayburst", nil); self || err != nil {
		t.Errorf("without flags: %v, %v", self, err)
	}
}
