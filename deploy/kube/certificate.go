package kube

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// SecretAPI is what is asked of one namespace's Secrets.
type SecretAPI interface {
	Get(ctx context.Context, name string, o metav1.GetOptions) (*corev1.Secret, error)
	Update(ctx context.Context, s *corev1.Secret, o metav1.UpdateOptions) (*corev1.Secret, error)
}

// CertificateConfig is what Certificates work with; all is required.
type CertificateConfig struct {
	Secrets func(namespace string) SecretAPI
	Own     types.NamespacedName // Secret of the CA and the scaler's certificate
	KEDA    types.NamespacedName // Secret of what KEDA shows and trusts
	Hosts   []string             // names by which KEDA calls the scaler
	Life    time.Duration        // of the scaler's certificate and KEDA's
	Now     func() time.Time
	Log     *slog.Logger
}

// Certificates keep the certificates of mutual TLS with KEDA in two Secrets
// that exist: they are made where a Secret has none and renewed when two thirds
// of their life are over. Several scalers may keep the same Secrets.
type Certificates struct {
	CertificateConfig
	renewing sync.Mutex
	current  atomic.Pointer[Identity]
}

// Identity is what the scaler shows and whom it trusts.
type Identity struct {
	Pair tls.Certificate
	CA   []byte // PEM
}

// NewCertificates reads and writes nothing yet.
func NewCertificates(c CertificateConfig) *Certificates { return &Certificates{CertificateConfig: c} }

const (
	caLife      = 10 * 365 * 24 * time.Hour
	clockError  = 5 * time.Minute // by which another machine's clock may be behind
	renewPeriod = time.Minute     // what another scaler has renewed is seen within it
	renewTime   = 10 * time.Second
	conflicts   = 5
)

// Run renews until the context ends; it returns nil then. What fails is tried
// again.
func (c *Certificates) Run(ctx context.Context) error {
	t := time.NewTicker(renewPeriod)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		if err := c.Renew(ctx); err != nil && ctx.Err() == nil {
			c.Log.Warn("certificates not renewed", "error", err)
		}
	}
}

// Identity is what a connection that begins now is served with. It is read anew
// if it has ended.
func (c *Certificates) Identity(ctx context.Context) (*Identity, error) {
	if now := c.current.Load(); now != nil && c.Now().Before(now.Pair.Leaf.NotAfter) {
		return now, nil
	}
	if err := c.Renew(ctx); err != nil {
		return nil, err
	}
	return c.current.Load(), nil
}

// Renew reads both Secrets and writes what they lack or what is due. Data that
// are no certificates are an error that names Secret and key, and stay.
func (c *Certificates) Renew(ctx context.Context) error {
	c.renewing.Lock()
	defer c.renewing.Unlock()
	ctx, cancel := context.WithTimeout(ctx, renewTime)
	defer cancel()
	own, err := c.keep(ctx, c.Own, func(old map[string][]byte) (map[string][]byte, error) {
		return ownData(old, c.Hosts, c.Now(), c.Life)
	})
	if err != nil {
		return err
	}
	_, err = c.keep(ctx, c.KEDA, func(old map[string][]byte) (map[string][]byte, error) {
		return clientData(old, own, c.Now(), c.Life)
	})
	if err != nil {
		return err
	}
	p, err := readPair(own, keyCert, keyKey)
	if err != nil {
		return err
	}
	c.current.Store(&Identity{Pair: p.Certificate, CA: own[keyCA]})
	return nil
}

// keep changes a Secret's data as change says, which returns nothing where they
// are right. Where another scaler was faster, what that one wrote counts.
func (c *Certificates) keep(ctx context.Context, name types.NamespacedName, change func(map[string][]byte) (map[string][]byte, error)) (map[string][]byte, error) {
	api := c.Secrets(name.Namespace)
	for try := 1; ; try++ {
		s, err := api.Get(ctx, name.Name, metav1.GetOptions{})
		if err != nil {
			return nil, fmt.Errorf("reading Secret %s: %w", name, err)
		}
		changed, err := change(s.Data)
		if err != nil {
			return nil, fmt.Errorf("secret %s: %w", name, err)
		}
		if len(changed) == 0 {
			return s.Data, nil
		}
		s.Data = merged(s.Data, changed)
		_, err = api.Update(ctx, s, metav1.UpdateOptions{})
		if err == nil {
			c.Log.Info("certificates made", "secret", name, "keys", slices.Sorted(maps.Keys(changed)))
			return s.Data, nil
		}
		if !apierrors.IsConflict(err) || try == conflicts {
			return nil, fmt.Errorf("writing Secret %s: %w", name, err)
		}
	}
}

func merged(old, changed map[string][]byte) map[string][]byte {
	out := maps.Clone(old)
	if out == nil {
		out = map[string][]byte{}
	}
	maps.Copy(out, changed)
	return out
}

// The keys of both Secrets; only the scaler's own has the CA's key.
const (
	keyCA    = "ca.crt"
	keyCAKey = "ca.key"
	keyCert  = "tls.crt"
	keyKey   = "tls.key"
)

// ownData are the keys of the scaler's own Secret that have to change.
func ownData(old map[string][]byte, hosts []string, now time.Time, life time.Duration) (map[string][]byte, error) {
	ca, err := readPair(old, keyCA, keyCAKey)
	if err != nil {
		return nil, err
	}
	server, err := readPair(old, keyCert, keyKey)
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	if ca.due(now) {
		former := ca
		if ca, err = makeCA(now); err != nil {
			return nil, err
		}
		out[keyCA], out[keyCAKey] = append(bytes.Clone(ca.crt), former.trusted(now)...), ca.key
	}
	if server.due(now) || !server.signedBy(ca) || !slices.Equal(server.Leaf.DNSNames, hosts) {
		err = issue(out, ca, &x509.Certificate{
			Subject: pkix.Name{CommonName: hosts[0]}, DNSNames: hosts, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		}, now, life)
	}
	return out, err
}

// clientData are the keys of KEDA's Secret that have to change, given those of
// the scaler's own.
func clientData(old, own map[string][]byte, now time.Time, life time.Duration) (map[string][]byte, error) {
	ca, err := readPair(own, keyCA, keyCAKey)
	if err != nil {
		return nil, err
	}
	client, err := readPair(old, keyCert, keyKey)
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	if !bytes.Equal(old[keyCA], own[keyCA]) {
		out[keyCA] = own[keyCA]
	}
	if client.due(now) || !client.signedBy(ca) {
		err = issue(out, ca, &x509.Certificate{
			Subject: pkix.Name{CommonName: "keda-operator"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		}, now, life)
	}
	return out, err
}

// pair is a certificate and its key, with the text they were read from. The
// zero pair is none.
type pair struct {
	tls.Certificate
	crt, key []byte
}

// readPair is the pair under two keys of a Secret; both empty: none.
func readPair(data map[string][]byte, crtKey, keyKey string) (pair, error) {
	p := pair{crt: data[crtKey], key: data[keyKey]}
	if len(p.crt) == 0 && len(p.key) == 0 {
		return pair{}, nil
	}
	if b, _ := pem.Decode(p.crt); b == nil || b.Type != "CERTIFICATE" {
		return pair{}, fmt.Errorf("%s: must be a PEM certificate or empty (got %d bytes): delete the Secret's data to have them made anew", crtKey, len(p.crt))
	}
	var err error
	if p.Certificate, err = tls.X509KeyPair(p.crt, p.key); err != nil {
		return pair{}, fmt.Errorf("%s: must be the PEM key of %s (got %d bytes): %w", keyKey, crtKey, len(p.key), err)
	}
	return p, nil
}

// due tells whether two thirds of a pair's life are over, or there is none.
func (p pair) due(now time.Time) bool {
	if p.Leaf == nil {
		return true
	}
	life := p.Leaf.NotAfter.Sub(p.Leaf.NotBefore)
	return !now.Before(p.Leaf.NotBefore.Add(life / 3 * 2))
}

func (p pair) signedBy(ca pair) bool { return p.Leaf.CheckSignatureFrom(ca.Leaf) == nil }

// trusted is the text of a CA whose certificates still count: those that it
// signed are shown until they are renewed.
func (p pair) trusted(now time.Time) []byte {
	if p.Leaf == nil || now.After(p.Leaf.NotAfter) {
		return nil
	}
	return certificateText(p.Leaf.Raw)
}

func makeCA(now time.Time) (pair, error) {
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "rayburst CA"}, NotBefore: now.Add(-clockError), NotAfter: now.Add(caLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
	}
	return sign(template, pair{})
}

// issue puts a certificate of the CA into data. It does not outlive the CA.
func issue(data map[string][]byte, ca pair, template *x509.Certificate, now time.Time, life time.Duration) error {
	template.NotBefore, template.NotAfter = now.Add(-clockError), now.Add(life)
	if template.NotAfter.After(ca.Leaf.NotAfter) {
		template.NotAfter = ca.Leaf.NotAfter
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	p, err := sign(template, ca)
	data[keyCert], data[keyKey] = p.crt, p.key
	return err
}

// sign makes a key and a certificate of it, signed by the CA, or by itself
// without one.
func sign(template *x509.Certificate, ca pair) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, fmt.Errorf("making a key: %w", err)
	}
	parent, signer := ca.Leaf, ca.PrivateKey
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		return pair{}, fmt.Errorf("making a certificate: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return pair{}, fmt.Errorf("making a key: %w", err)
	}
	p := pair{crt: certificateText(der), key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})}
	p.Certificate, err = tls.X509KeyPair(p.crt, p.key)
	return p, err
}

func certificateText(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
