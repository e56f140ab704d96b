package keda_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/rayburst/rayburst/scaler/keda"
)

func TestConfig(t *testing.T) {
	tests := map[string]struct {
		cfg  keda.Config
		want string
	}{
		"no clock":         {keda.Config{}, "Now is required"},
		"negative fresh":   {keda.Config{Now: time.Now, Fresh: -1}, "must be ≥ 0"},
		"negative timeout": {keda.Config{Now: time.Now, StopTimeout: -1}, "must be ≥ 0"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := keda.New(tc.cfg); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want …%s…", err, tc.want)
			}
		})
	}
}

func (f *fixture) health(service string) string {
	res, err := healthpb.NewHealthClient(f.conn).Check(f.Context(), &healthpb.HealthCheckRequest{Service: service})
	if err != nil {
		return status.Code(err).String()
	}
	return res.Status.String()
}

func TestHealth(t *testing.T) {
	virtual(t, func(f *fixture) {
		want := func(when, whole, liveness, readiness string) {
			t.Helper()
			got := []string{f.health(""), f.health(keda.Liveness), f.health(keda.Readiness)}
			if fmt.Sprint(got) != fmt.Sprint([]string{whole, liveness, readiness}) {
				t.Errorf("%s: %v", when, got)
			}
		}
		want("at first", "NOT_SERVING", "SERVING", "NOT_SERVING")
		f.SetReady(true)
		want("ready", "SERVING", "SERVING", "SERVING")
		f.SetLive(false)
		want("stuck", "SERVING", "NOT_SERVING", "SERVING")
		if got := f.health("other"); got != "NotFound" {
			t.Errorf("other: %s", got)
		}
	})
}

func TestStopEndsHealthWatch(t *testing.T) {
	virtual(t, func(f *fixture) {
		f.SetReady(true)
		stream, err := healthpb.NewHealthClient(f.conn).Watch(f.Context(), &healthpb.HealthCheckRequest{Service: keda.Readiness})
		h := listen(f, stream, err, func(m *healthpb.HealthCheckResponse) string { return m.Status.String() })
		f.stop()
		synctest.Wait()
		if h.end() != io.EOF || h.all()[0] != "0:SERVING" {
			t.Errorf("heard %v, then %v", h, h.end())
		}
	})
}

// TestStopCutsWhoDoesNotRead: a stream stuck in flow control cannot end by
// itself and is cut after StopTimeout.
func TestStopCutsWhoDoesNotRead(t *testing.T) {
	virtual(t, func(f *fixture) {
		if _, err := f.client.StreamMetricSpec(f.Context(), ref("gpu")); err != nil {
			t.Fatal(err)
		}
		for i := range 5000 {
			f.publish(fmt.Sprintf("gpu=%d/1", i+2))
			synctest.Wait()
		}
		start := time.Now()
		f.stop()
		if err := <-f.served; err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("stopped after %v", took)
		}
	}, func(c *keda.Config) { c.StopTimeout = 3 * time.Second })
}

func TestServeFails(t *testing.T) {
	s, err := keda.New(keda.Config{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	l := bufconn.Listen(1)
	l.Close()
	if err := s.Serve(t.Context(), l); err == nil || !strings.Contains(err.Error(), "serve KEDA on bufconn: ") {
		t.Errorf("on a closed listener: %v", err)
	}
}

func TestServeWithAnEndedContext(t *testing.T) {
	for range 20 {
		s, err := keda.New(keda.Config{Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Serve(ctx, bufconn.Listen(1)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPanicInAHandler(t *testing.T) {
	var log bytes.Buffer
	broken := false
	virtual(t, func(f *fixture) {
		f.publish("gpu=2/2")
		broken = true
		_, err := f.isActive(ref("gpu"))
		wantCode(f.T, "IsActive", err, codes.Internal, "internal error")
		h := f.listenActive(ref("gpu"))
		wantCode(f.T, "StreamIsActive", h.end(), codes.Internal, "internal error")
		broken = false
		if active, err := f.isActive(ref("gpu")); !active || err != nil {
			t.Errorf("afterwards: %v, %v", active, err)
		}
	}, func(c *keda.Config) {
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
		c.Now = func() time.Time {
			if broken {
				panic("clock out of order")
			}
			return time.Now()
		}
	})
	if got := log.String(); strings.Count(got, "clock out of order") != 2 || !strings.Contains(got, "StreamIsActive") {
		t.Error(got)
	}
}

// TestStreamsDoNotLeak opens 500 streams at once, half of each kind, in half
// of the cases ended by the client and in half by the server.
func TestStreamsDoNotLeak(t *testing.T) {
	for _, by := range []string{"client", "server"} {
		t.Run(by, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			f := serve(t)
			f.publish("gpu=2/2")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var opened, ended sync.WaitGroup
			opened.Add(500)
			for i := range 500 {
				ended.Go(func() { follow(ctx, t, f.client, i%2 == 0, opened.Done) })
			}
			opened.Wait()
			for i := range 50 {
				f.publish(fmt.Sprintf("gpu=%d/1", i))
			}
			if by == "client" {
				cancel()
			} else {
				f.stop()
			}
			ended.Wait()
			f.conn.Close()
			f.stop()
			if err := <-f.served; err != nil {
				t.Error(err)
			}
		})
	}
}

// follow reads one stream to its end and calls opened after the first message.
func follow(ctx context.Context, t *testing.T, client pb.ExternalScalerClient, activity bool, opened func()) {
	var recv func() error
	if activity {
		stream, err := client.StreamIsActive(ctx, ref("gpu"))
		if err != nil {
			t.Error(err)
			return
		}
		recv = func() error { _, err := stream.Recv(); return err }
	} else {
		stream, err := client.StreamMetricSpec(ctx, ref("gpu"))
		if err != nil {
			t.Error(err)
			return
		}
		recv = func() error { _, err := stream.Recv(); return err }
	}
	for n := 0; ; n++ {
		if err := recv(); err != nil {
			if err != io.EOF && status.Code(err) != codes.Canceled {
				t.Error(err)
			}
			return
		}
		if n == 0 {
			opened()
		}
	}
}

func TestMutualTLS(t *testing.T) {
	authority, pool := certificate(t, nil)
	server, _ := certificate(t, &authority)
	client, _ := certificate(t, &authority)
	creds := credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{server}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert})
	s, err := keda.New(keda.Config{Now: time.Now, Credentials: creds})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	s.Publish(decide(t, time.Now(), "gpu=2/2"))
	call := func(certificates ...tls.Certificate) error {
		conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(credentials.NewTLS(
			&tls.Config{RootCAs: pool, Certificates: certificates, ServerName: "rayburst.keda.svc"})))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, err = pb.NewExternalScalerClient(conn).IsActive(t.Context(), ref("gpu"))
		return err
	}
	if err := call(client); err != nil {
		t.Error(err)
	}
	if err := call(); status.Code(err) != codes.Unavailable {
		t.Errorf("without a certificate: %v", err)
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// certificate makes one that is signed by another, or by itself, and the pool
// that holds it.
func certificate(t *testing.T, by *tls.Certificate) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"rayburst.keda.svc"}, IsCA: by == nil, BasicConstraintsValid: true,
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
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}
