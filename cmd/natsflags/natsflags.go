// Package natsflags are the flags of the programs that connect to NATS.
package natsflags

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"strings"

	natsgo "github.com/nats-io/nats.go"

	"github.com/rayburst/rayburst/demand/nats"
)

// Flags say how to reach a NATS server.
type Flags struct {
	URL   string `name:"nats-url" env:"RAYBURST_NATS_URL" help:"NATS server, e.g. nats://nats.keda:4222."`
	Creds string `name:"nats-creds" env:"RAYBURST_NATS_CREDS" type:"existingfile" help:"NATS credentials file."`
	Token string `name:"nats-token-file" env:"RAYBURST_NATS_TOKEN_FILE" type:"existingfile" help:"File with a token for NATS, read for every connection: a pod's projected ServiceAccount token."`
	CA    string `name:"nats-ca" env:"RAYBURST_NATS_CA" type:"existingfile" help:"PEM file of the CA of the NATS server."`
	Cert  string `name:"nats-cert" env:"RAYBURST_NATS_CERT" type:"existingfile" help:"PEM client certificate for NATS."`
	Key   string `name:"nats-key" env:"RAYBURST_NATS_KEY" type:"existingfile" help:"PEM key of the client certificate."`
}

// Connect connects as the flags say; options say the rest.
func (f Flags) Connect(o nats.Options) (_ *natsgo.Conn, err error) {
	if o.TLS, err = f.tls(); err != nil {
		return nil, err
	}
	o.URL, o.Credentials, o.Token = f.URL, f.Creds, f.token(o.Log)
	return nats.Connect(o)
}

// token reads the token file; nil: there is none.
func (f Flags) token(log *slog.Logger) func() string {
	if f.Token == "" {
		return nil
	}
	return func() string {
		b, err := os.ReadFile(f.Token)
		if err != nil {
			log.Warn("no token for NATS", "error", err)
		}
		return strings.TrimSpace(string(b))
	}
}

func (f Flags) tls() (*tls.Config, error) {
	if f.CA == "" && f.Cert == "" && f.Key == "" {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.CA != "" {
		pem, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, fmt.Errorf("reading --nats-ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading --nats-ca: no PEM certificate in %q", f.CA)
		}
	}
	if f.Cert != "" || f.Key != "" {
		pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			return nil, fmt.Errorf("reading --nats-cert and --nats-key (give both): %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
