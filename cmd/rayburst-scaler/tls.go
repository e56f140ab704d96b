package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc/credentials"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rayburst/rayburst/deploy/kube"
)

// tlsFlags say where the certificates of mutual TLS with KEDA come from; none:
// plaintext.
type tlsFlags struct {
	Dir    string `name:"tls-dir" type:"existingdir" xor:"tls" help:"Folder with tls.crt, tls.key and ca.crt: mutual TLS with KEDA; renewed files are taken at once."`
	Secret string `name:"tls-secret" xor:"tls" help:"namespace/name of a Secret: mutual TLS with KEDA by certificates that the scaler makes, keeps there and renews itself."`
	Client string `name:"tls-client-secret" help:"namespace/name of the Secret for KEDA's certificate; with --tls-secret."`
	Days   int    `name:"tls-days" default:"365" help:"For how long a certificate that the scaler makes is valid; it is renewed when two thirds of that are over."`
}

// certificates are those that the scaler keeps itself; nil: it keeps none.
func (f tlsFlags) certificates(service string, k *kube.Access) (c kube.CertificateConfig, self bool, err error) {
	if f.Secret == "" && f.Client == "" {
		return c, false, nil
	}
	if f.Days < 1 {
		return c, false, fmt.Errorf("--tls-days: must be at least 1 (got %d)", f.Days)
	}
	if c.Own, err = secretName("--tls-secret", f.Secret); err != nil {
		return c, false, err
	}
	if c.KEDA, err = secretName("--tls-client-secret", f.Client); err != nil {
		return c, false, err
	}
	host := service + "." + c.Own.Namespace
	c.Hosts = []string{host, service, host + ".svc", host + ".svc.cluster.local"}
	c.Life, c.Now = time.Duration(f.Days)*24*time.Hour, time.Now // certificates go by the machine's clock
	c.Secrets = func(namespace string) kube.SecretAPI { return k.Client.CoreV1().Secrets(namespace) }
	return c, true, nil
}

func secretName(flag, s string) (types.NamespacedName, error) {
	namespace, name, _ := strings.Cut(s, "/")
	if namespace == "" || name == "" || strings.Contains(name, "/") {
		return types.NamespacedName{}, fmt.Errorf("%s: must be namespace/name (got %q)", flag, s)
	}
	return types.NamespacedName{Namespace: namespace, Name: name}, nil
}

// fromSecret are the credentials of KEDA's listener that the scaler keeps
// itself; the first are made now.
func fromSecret(ctx context.Context, c *kube.Certificates) (credentials.TransportCredentials, error) {
	return mutualTLS(func() (*tls.Config, error) {
		id, err := c.Identity(ctx)
		if err != nil {
			return nil, err
		}
		return serverConfig(id.Pair, id.CA)
	})
}

// fromFolder are the credentials of KEDA's listener, read anew for every
// connection, so that renewed files count at once.
func fromFolder(dir string) (credentials.TransportCredentials, error) {
	return mutualTLS(func() (*tls.Config, error) { return readTLS(dir) })
}

// mutualTLS asks for the configuration of every connection; it fails if there
// is none now.
func mutualTLS(config func() (*tls.Config, error)) (credentials.TransportCredentials, error) {
	if _, err := config(); err != nil {
		return nil, err
	}
	return credentials.NewTLS(&tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return config() },
	}), nil
}

func readTLS(dir string) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
	if err != nil {
		return nil, fmt.Errorf("reading tls.crt and tls.key: %w", err)
	}
	pem, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("reading the CA of KEDA's certificate: %w", err)
	}
	return serverConfig(pair, pem)
}

// serverConfig shows a certificate and wants one of the CA.
func serverConfig(pair tls.Certificate, ca []byte) (*tls.Config, error) {
	c := &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: x509.NewCertPool(),
		NextProtos: []string{"h2"},
	}
	if !c.ClientCAs.AppendCertsFromPEM(ca) {
		return nil, errors.New("reading the CA of KEDA's certificate: no PEM certificate in ca.crt")
	}
	return c, nil
}
