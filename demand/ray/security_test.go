package ray

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestToken: it is looked for where Ray's own clients look, in their order.
func TestToken(t *testing.T) {
	home, empty := t.TempDir(), t.TempDir()
	write(t, home, ".ray/auth_token", "from home\n")
	path := write(t, t.TempDir(), "token", "  from path \nnot this\n")
	for name, c := range map[string]struct {
		env       map[string]string
		want, err string
	}{
		"nothing":                  {map[string]string{"HOME": empty}, "", ""},
		"home":                     {map[string]string{"HOME": home}, "from home", ""},
		"path before home":         {map[string]string{"HOME": home, "RAY_AUTH_TOKEN_PATH": path}, "from path", ""},
		"the token before all":     {map[string]string{"HOME": home, "RAY_AUTH_TOKEN_PATH": path, "RAY_AUTH_TOKEN": "itself"}, "itself", ""},
		"path before Kubernetes":   {map[string]string{"RAY_AUTH_TOKEN_PATH": path, "RAY_ENABLE_K8S_TOKEN_AUTH": "true"}, "from path", ""},
		"no such path":             {map[string]string{"HOME": home, "RAY_AUTH_TOKEN_PATH": path + "x"}, "", "RAY_AUTH_TOKEN_PATH"},
		"Kubernetes before home":   {map[string]string{"HOME": home, "RAY_ENABLE_K8S_TOKEN_AUTH": "1"}, "", "RAY_ENABLE_K8S_TOKEN_AUTH"},
		"Kubernetes switched off":  {map[string]string{"HOME": home, "RAY_ENABLE_K8S_TOKEN_AUTH": "false"}, "from home", ""},
		"wanted and there":         {map[string]string{"HOME": home, "RAY_AUTH_MODE": "token"}, "from home", ""},
		"wanted and not there":     {map[string]string{"HOME": empty, "RAY_AUTH_MODE": "token"}, "", "set RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH"},
		"certificates not to read": {map[string]string{"HOME": empty, "RAY_USE_TLS": "1"}, "", "RAY_TLS_SERVER_CERT and RAY_TLS_SERVER_KEY"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := SecurityFromEnv(func(key string) string { return c.env[key] })
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("got %v, want %s", err, c.err)
				}
				return
			}
			if err != nil || s.Token != c.want || s.TLS != nil {
				t.Errorf("got %+v, %v, want %s", s, err, c.want)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"ray"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert := write(t, dir, "tls.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	env := map[string]string{
		"HOME": dir, "RAY_USE_TLS": "True", "RAY_TLS_SERVER_CERT": cert, "RAY_TLS_CA_CERT": cert,
		"RAY_TLS_SERVER_KEY": write(t, dir, "tls.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))),
	}
	getenv := func(key string) string { return env[key] }
	s, err := SecurityFromEnv(getenv)
	if err != nil || s.TLS == nil || len(s.TLS.Certificates) != 1 || s.TLS.RootCAs == nil {
		t.Fatalf("got %+v, %v", s, err)
	}
	for want, path := range map[string]string{"no PEM certificate": write(t, dir, "none", "none"), "reading RAY_TLS_CA_CERT: open": dir + "/nothing"} {
		env["RAY_TLS_CA_CERT"] = path
		if _, err := SecurityFromEnv(getenv); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
