package keda_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/rayburst/rayburst/scaler/keda"
)

// TestMutualTLS: KEDA's three authentication parameters reach our listener.
func TestMutualTLS(t *testing.T) {
	authority := certify(t, nil)
	own, client := certify(t, &authority), certify(t, &authority)
	pool := x509.NewCertPool()
	pool.AddCert(authority.Leaf)
	s := serve(t, "127.0.0.1:0", func(c *keda.Config) {
		c.Credentials = credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{own}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert})
	})
	s.publish(2, 2)
	c := config(s.address, "enableTLS", "true")
	c.AuthParams["caCert"] = text(t, authority, false)
	c.AuthParams["tlsClientCert"], c.AuthParams["tlsClientKey"] = text(t, client, false), text(t, client, true)
	if _, active, err := push(t, c).GetMetricsAndActivity(t.Context(), "s0-ray-train-gpu"); !active || err != nil {
		t.Errorf("with a client's certificate: %v, %v", active, err)
	}
	if _, _, err := push(t, config(s.address, "enableTLS", "true", "unsafeSsl", "true")).GetMetricsAndActivity(t.Context(), "s0-any"); err == nil {
		t.Error("without a certificate: no error")
	}
}

// certify makes a certificate for 127.0.0.1, signed by another or by itself.
func certify(t *testing.T, by *tls.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: by == nil, BasicConstraintsValid: true,
	}
	parent, signer := template, any(key)
	if by != nil {
		parent, signer = by.Leaf, by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// text is a certificate or its key in PEM, as a Secret holds it.
func text(t *testing.T, c tls.Certificate, key bool) string {
	t.Helper()
	if !key {
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}))
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}
