package ray

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// serviceAccountToken is where KubeRay mounts the token for RAY_ENABLE_K8S_TOKEN_AUTH.
const serviceAccountToken = "/var/run/secrets/ray.io/serviceaccount/token"

// SecurityFromEnv reads the token and the certificates from where Ray's own
// clients look for them: RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH, the service
// account's token if RAY_ENABLE_K8S_TOKEN_AUTH is set, ~/.ray/auth_token; and
// RAY_USE_TLS with RAY_TLS_SERVER_CERT, RAY_TLS_SERVER_KEY, RAY_TLS_CA_CERT. It
// fails where a variable names something that cannot be read, and where
// RAY_AUTH_MODE=token is set without a token.
func SecurityFromEnv(getenv func(string) string) (Security, error) {
	token, err := tokenFromEnv(getenv)
	if err != nil {
		return Security{}, err
	}
	if token == "" && getenv("RAY_AUTH_MODE") == "token" {
		return Security{}, errors.New("RAY_AUTH_MODE is token, but there is none: set RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH")
	}
	s := Security{Token: token}
	if on := getenv("RAY_USE_TLS"); on == "1" || strings.EqualFold(on, "true") {
		s.TLS, err = tlsFromEnv(getenv)
	}
	return s, err
}

func tokenFromEnv(getenv func(string) string) (string, error) {
	if t := getenv("RAY_AUTH_TOKEN"); t != "" {
		return t, nil
	}
	if path := getenv("RAY_AUTH_TOKEN_PATH"); path != "" {
		return tokenFile("RAY_AUTH_TOKEN_PATH", path)
	}
	if on := getenv("RAY_ENABLE_K8S_TOKEN_AUTH"); on == "1" || strings.EqualFold(on, "true") {
		return tokenFile("RAY_ENABLE_K8S_TOKEN_AUTH", serviceAccountToken)
	}
	t, err := tokenFile("", filepath.Join(getenv("HOME"), ".ray", "auth_token"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return t, err
}

func tokenFile(key, path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("reading Ray's token (%s): %w", key, err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSpace(line), nil
}

func tlsFromEnv(getenv func(string) string) (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(getenv("RAY_TLS_SERVER_CERT"), getenv("RAY_TLS_SERVER_KEY"))
	if err != nil {
		return nil, fmt.Errorf("reading RAY_TLS_SERVER_CERT and RAY_TLS_SERVER_KEY: %w", err)
	}
	ca, err := os.ReadFile(getenv("RAY_TLS_CA_CERT"))
	if err != nil {
		return nil, fmt.Errorf("reading RAY_TLS_CA_CERT: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("reading RAY_TLS_CA_CERT: no PEM certificate in %q", getenv("RAY_TLS_CA_CERT"))
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}
