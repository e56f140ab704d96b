package tokens

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	authv1 "k8s.io/api/authentication/v1"
)

// apiServer answers reviews: a token is its account's name.
func apiServer(t *testing.T, reviews *int) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"gitVersion":"v1.37.0"}`) })
	mux.HandleFunc("POST /apis/authentication.k8s.io/v1/tokenreviews", func(w http.ResponseWriter, r *http.Request) {
		*reviews++
		var review authv1.TokenReview
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil || review.Kind != "TokenReview" || !slices.Equal(review.Spec.Audiences, []string{"rayburst"}) {
			t.Errorf("asked %+v: %v", review, err)
		}
		if r.Header.Get("Authorization") != "Bearer ours" {
			t.Errorf("asked as %q", r.Header.Get("Authorization"))
		}
		switch token := review.Spec.Token; token {
		case "down":
			http.Error(w, "etcd is away", http.StatusInternalServerError)
			return
		case "forged":
			review.Status.Error = "no such token"
		default:
			review.Status.Authenticated, review.Status.User.Username = true, token
		}
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(review)
	})
	s := httptest.NewTLSServer(mux)
	t.Cleanup(s.Close)
	return s
}

const kubeconfig = `{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}],
  clusters: [{name: c, cluster: {server: "URL/", insecure-skip-tls-verify: true}}], users: [{name: u, user: {token: ours}}]}`

func TestReview(t *testing.T) {
	asked, now := 0, time.Unix(0, 0)
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(strings.Replace(kubeconfig, "URL", apiServer(t, &asked).URL, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Connect(t.Context(), file, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	r.Audience, r.Now = "rayburst", func() time.Time { return now }
	for _, c := range []struct {
		token, want, err string
		asked            int
	}{
		{"system:serviceaccount:ml:default", "ml/default", "", 1},
		{"system:serviceaccount:ml:default", "ml/default", "", 0}, // remembered
		{"", "/", "there is none", 0},
		{"forged", "/", "no such token", 1},
		{"forged", "/", "no such token", 1}, // what is refused is not
		{"admin", "/", `it is of "admin"`, 1},
		{"down", "/", "500 Internal Server Error: etcd is away", 1},
	} {
		before := asked
		namespace, account, err := r.Review(c.token)
		if namespace+"/"+account != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) || asked != before+c.asked {
			t.Errorf("%q: %s/%s, %v, asked %d times", c.token, namespace, account, err, asked-before)
		}
		if c.token == "forged" && !errors.Is(err, errToken) {
			t.Errorf("a refused token: %v", err)
		}
	}
	now = now.Add(reviewTime)
	if _, _, err := r.Review("system:serviceaccount:ml:default"); err != nil || asked != 6 {
		t.Errorf("after a minute: %v, asked %d times", err, asked)
	}
}
