package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"google.golang.org/grpc/credentials"
)

// serverTLS are the credentials of KEDA's listener, read anew for every
// connection, so that renewed files count at once; nil without a folder.
func serverTLS(dir string) (credentials.TransportCredentials, error) {
	if dir == "" {
		return nil, nil
	}
	if _, err := readTLS(dir); err != nil {
		return nil, err
	}
	return credentials.NewTLS(&tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return readTLS(dir) },
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
	c := &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: x509.NewCertPool(),
		NextProtos: []string{"h2"},
	}
	if !c.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New("reading the CA of KEDA's certificate: no PEM certificate in ca.crt")
	}
	return c, nil
}
