package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"time"
)

// authority signs certificates.
type authority struct {
	crt *x509.Certificate
	key crypto.Signer
}

// holder is who a certificate is for; with hosts it also serves.
type holder struct {
	file, name, group string
	hosts             []string
}

// certificates makes all keys and certificates of the cluster.
func (l lab) certificates() error {
	root, err := l.authority("ca", "e2e-ca", ecKey)
	if err != nil {
		return err
	}
	front, err := l.authority("front-proxy-ca", "e2e-front-proxy-ca", ecKey)
	if err != nil {
		return err
	}
	keda, err := l.authority("keda-ca", "KEDA", rsaKey) // its operator reads no other
	if err != nil {
		return err
	}
	for _, h := range rootHolders() {
		err = errors.Join(err, l.issue(h, root))
	}
	return errors.Join(err, l.issue(holder{file: "front-proxy-client", name: "front-proxy-client"}, front),
		l.issue(holder{file: "keda", name: "keda-operator", hosts: kedaHosts()}, keda), l.serviceAccountKeys())
}

func rootHolders() []holder {
	return []holder{
		{"apiserver", "kube-apiserver", "", []string{
			"localhost", "127.0.0.1", nodeIP, serviceIP, "kubernetes", "kubernetes.default", "kubernetes.default.svc",
			"kubernetes.default.svc.cluster.local",
		}},
		{"admin", "admin", "system:masters", nil},
		{"kubelet-client", "apiserver-kubelet-client", "system:masters", nil},
		{"manager", "system:kube-controller-manager", "", nil},
		{"scheduler", "system:kube-scheduler", "", nil},
		{"node", "system:node:" + nodeName, "system:nodes", nil},
		{"proxy", "system:kube-proxy", "", nil},
	}
}

func kedaHosts() []string {
	var out []string
	for _, service := range []string{"keda-operator", "keda-metrics-apiserver", "keda-admission-webhooks"} {
		out = append(out, service, service+".keda", service+".keda.svc", service+".keda.svc.cluster.local")
	}
	return out
}

func ecKey() (crypto.Signer, *pem.Block, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalECPrivateKey(k)
	return k, &pem.Block{Type: "EC PRIVATE KEY", Bytes: der}, err
}

func rsaKey() (crypto.Signer, *pem.Block, error) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, err
	}
	return k, &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)}, nil
}

// authority makes a self-signed one.
func (l lab) authority(file, name string, newKey func() (crypto.Signer, *pem.Block, error)) (authority, error) {
	key, block, err := newKey()
	if err != nil {
		return authority{}, fmt.Errorf("making the key of %s: %w", file, err)
	}
	t := unsigned(name)
	t.IsCA, t.KeyUsage, t.DNSNames = true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign, []string{name}
	a := authority{t, key}
	a.crt, err = l.sign(file, t, a, key, block)
	return a, err
}

// issue makes the certificate and the key of a holder.
func (l lab) issue(h holder, by authority) error {
	key, block, err := ecKey()
	if err != nil {
		return fmt.Errorf("making the key of %s: %w", h.file, err)
	}
	t := unsigned(h.name)
	t.KeyUsage, t.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if h.group != "" {
		t.Subject.Organization = []string{h.group}
	}
	if len(h.hosts) > 0 {
		t.ExtKeyUsage = append(t.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	for _, host := range h.hosts {
		if ip := net.ParseIP(host); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, host)
		}
	}
	_, err = l.sign(h.file, t, by, key, block)
	return err
}

// unsigned is what all certificates have.
func unsigned(name string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // never fails
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
	}
}

// sign writes FILE.crt and FILE.key.
func (l lab) sign(file string, t *x509.Certificate, by authority, key crypto.Signer, block *pem.Block) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, t, by.crt, key.Public(), by.key)
	if err != nil {
		return nil, fmt.Errorf("signing %s: %w", file, err)
	}
	if err := errors.Join(l.writePEM(file+".crt", &pem.Block{Type: "CERTIFICATE", Bytes: der}), l.writePEM(file+".key", block)); err != nil {
		return nil, fmt.Errorf("writing %s: %w", file, err)
	}
	return x509.ParseCertificate(der)
}

func (l lab) writePEM(file string, block *pem.Block) error {
	return os.WriteFile(l.pki(file), pem.EncodeToMemory(block), 0o600)
}

// serviceAccountKeys are what tokens are signed with.
func (l lab) serviceAccountKeys() error {
	key, block, err := rsaKey()
	if err != nil {
		return fmt.Errorf("making the key of service accounts: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return fmt.Errorf("making the key of service accounts: %w", err)
	}
	return errors.Join(l.writePEM("sa.key", block), l.writePEM("sa.pub", &pem.Block{Type: "PUBLIC KEY", Bytes: public}))
}

// client speaks to the API server as its administrator.
func (l lab) client() (*http.Client, error) {
	crt, err := tls.LoadX509KeyPair(l.pki("admin.crt"), l.pki("admin.key"))
	if err != nil {
		return nil, fmt.Errorf("loading the administrator's certificate: %w", err)
	}
	ca, err := os.ReadFile(l.pki("ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("loading the cluster's authority: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{crt}, RootCAs: pool}}}, nil
}
