package kube

import (
	"context"
	"crypto/x509"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

const day = 24 * time.Hour

var (
	ownSecret  = types.NamespacedName{Namespace: "keda", Name: "rayburst-tls"}
	kedaSecret = types.NamespacedName{Namespace: "keda", Name: "rayburst-client"}
)

// secrets are the Secrets of one namespace; an update of what has changed
// meanwhile is a conflict, as for the API server.
type secrets struct {
	mu       sync.Mutex
	data     map[string]map[string][]byte
	versions map[string]int
	writes   []string
	before   func(name string) // is called before an update
}

func newSecrets() *secrets {
	return &secrets{
		data: map[string]map[string][]byte{ownSecret.Name: nil, kedaSecret.Name: nil}, versions: map[string]int{}, before: func(string) {},
	}
}

func (s *secrets) Get(_ context.Context, name string, _ metav1.GetOptions) (*corev1.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, ok := s.data[name]
	if !ok {
		return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, name)
	}
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, ResourceVersion: version(s.versions[name])}, Data: maps.Clone(data)}, nil
}

func (s *secrets) Update(_ context.Context, now *corev1.Secret, _ metav1.UpdateOptions) (*corev1.Secret, error) {
	s.before(now.Name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.ResourceVersion != version(s.versions[now.Name]) {
		return nil, apierrors.NewConflict(schema.GroupResource{Resource: "secrets"}, now.Name, nil)
	}
	s.data[now.Name], s.writes = now.Data, append(s.writes, now.Name)
	s.versions[now.Name]++
	return now, nil
}

func version(n int) string { return strings.Repeat("v", n+1) }

// keeper keeps the Secrets by this clock.
func keeper(s *secrets, now func() time.Time) *Certificates {
	return NewCertificates(CertificateConfig{
		Secrets: func(string) SecretAPI { return s }, Own: ownSecret, KEDA: kedaSecret,
		Hosts: []string{"rayburst.keda", "rayburst.keda.svc"}, Life: 90 * day, Now: now, Log: slog.New(slog.DiscardHandler),
	})
}

// pairOf is the pair that a Secret holds.
func (s *secrets) pairOf(t *testing.T, name types.NamespacedName, crt, key string) pair {
	t.Helper()
	p, err := readPair(s.data[name.Name], crt, key)
	if err != nil || p.Leaf == nil {
		t.Fatalf("%s of %s: %v", crt, name, err)
	}
	return p
}

func (s *secrets) client(t *testing.T) pair { return s.pairOf(t, kedaSecret, keyCert, keyKey) }

// accepts tells whether one side, with the CA of what it holds, takes a certificate.
func accepts(t *testing.T, ca []byte, p pair, now time.Time, host string, usage x509.ExtKeyUsage) error {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		t.Fatal("no CA")
	}
	_, err := p.Leaf.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: now, DNSName: host, KeyUsages: []x509.ExtKeyUsage{usage}})
	return err
}

func (s *secrets) takesClient(t *testing.T, c *Certificates, p pair, now time.Time) error {
	t.Helper()
	id, err := c.Identity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return accepts(t, id.CA, p, now, "", x509.ExtKeyUsageClientAuth)
}

// TestCertificatesMade: what empty Secrets get is trusted by both sides; KEDA's
// has no key of the CA.
func TestCertificatesMade(t *testing.T) {
	s, now := newSecrets(), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c := keeper(s, func() time.Time { return now })
	if err := s.takesClient(t, c, pair{Certificate: c.mustIdentity(t).Pair}, now); err == nil {
		t.Error("the scaler's own certificate is a client's")
	}
	if err := s.takesClient(t, c, s.client(t), now); err != nil {
		t.Error(err)
	}
	server := s.pairOf(t, ownSecret, keyCert, keyKey)
	for _, host := range c.Hosts {
		if err := accepts(t, s.data[kedaSecret.Name][keyCA], server, now, host, x509.ExtKeyUsageServerAuth); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff([]string{"ca.crt", "tls.crt", "tls.key"}, sortedKeys(s.data[kedaSecret.Name])); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"ca.crt", "ca.key", "tls.crt", "tls.key"}, sortedKeys(s.data[ownSecret.Name])); diff != "" {
		t.Error(diff)
	}
	if life := server.Leaf.NotAfter.Sub(now); life != 90*day {
		t.Errorf("valid for %v", life)
	}
	ca := s.pairOf(t, ownSecret, keyCA, keyCAKey)
	if !ca.Leaf.IsCA || ca.Leaf.NotAfter.Sub(now) != caLife {
		t.Errorf("the CA: %v, until %v", ca.Leaf.IsCA, ca.Leaf.NotAfter)
	}
}

func (c *Certificates) mustIdentity(t *testing.T) *Identity {
	t.Helper()
	id, err := c.Identity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func sortedKeys(data map[string][]byte) []string {
	var out []string
	for _, k := range []string{keyCA, keyCAKey, keyCert, keyKey} {
		if len(data[k]) > 0 {
			out = append(out, k)
		}
	}
	return out
}

// TestCertificatesRenewed: what is written after how much of a life.
func TestCertificatesRenewed(t *testing.T) {
	for name, c := range map[string]struct {
		after  time.Duration
		change func(*secrets)
		want   []string
	}{
		"at once":                 {after: 0},
		"just before 2/3":         {after: 60*day - time.Hour},
		"after 2/3":               {after: 60 * day, want: []string{ownSecret.Name, kedaSecret.Name}},
		"after the end":           {after: 91 * day, want: []string{ownSecret.Name, kedaSecret.Name}},
		"KEDA's is emptied":       {change: func(s *secrets) { s.data[kedaSecret.Name] = nil }, want: []string{kedaSecret.Name}},
		"the scaler's is emptied": {change: func(s *secrets) { s.data[ownSecret.Name] = nil }, want: []string{ownSecret.Name, kedaSecret.Name}},
		"only the scaler's leaf is emptied": {change: func(s *secrets) {
			delete(s.data[ownSecret.Name], keyCert)
			delete(s.data[ownSecret.Name], keyKey)
		}, want: []string{ownSecret.Name}},
		"KEDA's lacks the CA": {change: func(s *secrets) { delete(s.data[kedaSecret.Name], keyCA) }, want: []string{kedaSecret.Name}},
	} {
		t.Run(name, func(t *testing.T) {
			s, now := newSecrets(), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			k := keeper(s, func() time.Time { return now })
			k.mustIdentity(t)
			s.writes, now = nil, now.Add(c.after)
			if c.change != nil {
				c.change(s)
			}
			if err := k.Renew(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, s.writes); diff != "" {
				t.Error(diff)
			}
			if err := s.takesClient(t, k, s.client(t), now); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestOtherHosts: a scaler whose Service is called otherwise gets a certificate
// for it.
func TestOtherHosts(t *testing.T) {
	s := newSecrets()
	k := keeper(s, time.Now)
	k.mustIdentity(t)
	k.Hosts = []string{"ray.keda"}
	if err := k.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(k.Hosts, k.mustIdentity(t).Pair.Leaf.DNSNames); diff != "" {
		t.Error(diff)
	}
}

// TestOldClient: what KEDA was given before a renewal counts until it ends.
func TestOldClient(t *testing.T) {
	s, now := newSecrets(), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	k := keeper(s, func() time.Time { return now })
	k.mustIdentity(t)
	old := s.client(t)
	now = now.Add(60 * day)
	if err := k.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.client(t).Leaf.Equal(old.Leaf) {
		t.Error("not renewed")
	}
	s.countsUntilItEnds(t, k, old, now)
}

// TestOldAuthority: what a renewed CA signed before counts until it ends.
func TestOldAuthority(t *testing.T) {
	s, now := newSecrets(), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	k := keeper(s, func() time.Time { return now })
	k.mustIdentity(t)
	ca := s.pairOf(t, ownSecret, keyCA, keyCAKey)
	now = now.Add(caLife/3*2 - day)
	if err := k.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	old := s.client(t)
	now = now.Add(2 * day)
	if err := k.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.pairOf(t, ownSecret, keyCA, keyCAKey).Leaf.Equal(ca.Leaf) || s.client(t).Leaf.Equal(old.Leaf) {
		t.Error("not renewed")
	}
	s.countsUntilItEnds(t, k, old, now)
}

func (s *secrets) countsUntilItEnds(t *testing.T, k *Certificates, client pair, now time.Time) {
	t.Helper()
	if err := s.takesClient(t, k, client, now); err != nil {
		t.Error(err)
	}
	if err := s.takesClient(t, k, client, client.Leaf.NotAfter.Add(time.Hour)); err == nil {
		t.Error("counts after its end")
	}
}

// TestForeignData: what are no certificates is left as it is, and the error says
// where.
func TestForeignData(t *testing.T) {
	good := newSecrets()
	keeper(good, time.Now).mustIdentity(t)
	for name, c := range map[string]struct {
		secret types.NamespacedName
		key    string
		value  []byte
		want   string
	}{
		"text for a CA":          {ownSecret, keyCA, []byte("hello"), "secret keda/rayburst-tls: ca.crt: must be a PEM certificate or empty (got 5 bytes)"},
		"text for a key":         {ownSecret, keyKey, []byte("hello"), "secret keda/rayburst-tls: tls.key: must be the PEM key of tls.crt (got 5 bytes)"},
		"no key of the CA":       {ownSecret, keyCAKey, nil, "secret keda/rayburst-tls: ca.key: must be the PEM key of ca.crt (got 0 bytes)"},
		"another's key":          {kedaSecret, keyKey, good.data[ownSecret.Name][keyKey], "secret keda/rayburst-client: tls.key: must be the PEM key of tls.crt"},
		"a key as a certificate": {kedaSecret, keyCert, good.data[kedaSecret.Name][keyKey], "secret keda/rayburst-client: tls.crt: must be a PEM certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSecrets()
			s.data = map[string]map[string][]byte{
				ownSecret.Name: maps.Clone(good.data[ownSecret.Name]), kedaSecret.Name: maps.Clone(good.data[kedaSecret.Name]),
			}
			s.data[c.secret.Name][c.key] = c.value
			err := keeper(s, time.Now).Renew(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, not %s", err, c.want)
			}
			if len(s.writes) > 0 {
				t.Errorf("wrote %v", s.writes)
			}
		})
	}
}

// TestNoSecret: a Secret that is not there is named.
func TestNoSecret(t *testing.T) {
	s := newSecrets()
	delete(s.data, kedaSecret.Name)
	_, err := keeper(s, time.Now).Identity(t.Context())
	if err == nil || !strings.Contains(err.Error(), "reading Secret keda/rayburst-client:") {
		t.Errorf("got %v", err)
	}
}

// TestConflict: of two scalers that start together one makes the certificates,
// whichever write they meet at; the other takes them.
func TestConflict(t *testing.T) {
	for _, at := range []types.NamespacedName{ownSecret, kedaSecret} {
		t.Run(at.Name, func(t *testing.T) {
			s := newSecrets()
			slow, fast := keeper(s, time.Now), keeper(s, time.Now)
			s.before = func(name string) {
				if name == at.Name {
					s.before = func(string) {}
					fast.mustIdentity(t)
				}
			}
			id := slow.mustIdentity(t)
			if diff := cmp.Diff(fast.mustIdentity(t), id, cmp.Comparer(func(a, b *x509.Certificate) bool { return a.Equal(b) })); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{ownSecret.Name, kedaSecret.Name}, s.writes); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestConflictForEver: what is always written by others in between ends in an
// error.
func TestConflictForEver(t *testing.T) {
	s := newSecrets()
	s.before = func(name string) { s.versions[name]++ }
	err := keeper(s, time.Now).Renew(t.Context())
	if !apierrors.IsConflict(err) {
		t.Errorf("got %v", err)
	}
}

// TestFollows: what another scaler has renewed is served within a minute, and a
// handshake after the end of what is served reads the Secret first.
func TestFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSecrets()
		c := keeper(s, time.Now)
		first := c.mustIdentity(t)
		time.Sleep(91 * day)
		if now := c.mustIdentity(t); now.Pair.Leaf.Equal(first.Pair.Leaf) || !now.Pair.Leaf.NotAfter.After(time.Now()) {
			t.Errorf("serves what ended at %v", now.Pair.Leaf.NotAfter)
		}
		delete(s.data[ownSecret.Name], keyCert)
		delete(s.data[ownSecret.Name], keyKey)
		ctx, end := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx) }()
		other := keeper(s, time.Now).mustIdentity(t)
		time.Sleep(renewPeriod + time.Second)
		if now := c.mustIdentity(t); !now.Pair.Leaf.Equal(other.Pair.Leaf) {
			t.Error("serves what another has replaced")
		}
		end()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
