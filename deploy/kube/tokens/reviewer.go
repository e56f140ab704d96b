package tokens

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	authv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Reviewer asks the API server whose a ServiceAccount token is.
type Reviewer struct {
	Client   *http.Client // of the API server
	URL      string       // the API server's, without a slash at the end
	Audience string
	Now      func() time.Time

	mu    sync.Mutex
	known map[[sha256.Size]byte]review
}

// review is an answer, kept so that agents that all come back at once do not
// flood the API server.
type review struct {
	namespace, account string
	at                 time.Time
}

const (
	reviewTime = time.Minute
	reviewWait = 5 * time.Second
	maxReviews = 100_000
)

var errToken = errors.New("the token is not a ServiceAccount's of this Kubernetes cluster")

// Review is the namespace and the name of a token's ServiceAccount.
func (r *Reviewer) Review(token string) (namespace, account string, err error) {
	if token == "" {
		return "", "", fmt.Errorf("%w: there is none", errToken)
	}
	key := sha256.Sum256([]byte(token))
	r.mu.Lock()
	known, ok := r.known[key]
	r.mu.Unlock()
	if ok && r.Now().Sub(known.at) < reviewTime {
		return known.namespace, known.account, nil
	}
	if namespace, account, err = r.ask(token); err != nil {
		return "", "", err
	}
	r.keep(key, review{namespace, account, r.Now()})
	return namespace, account, nil
}

func (r *Reviewer) ask(token string) (namespace, account string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), reviewWait)
	defer cancel()
	reply, err := r.review(ctx, authv1.TokenReviewSpec{Token: token, Audiences: []string{r.Audience}})
	if err != nil {
		return "", "", fmt.Errorf("asking whose the token is: %w", err)
	}
	if !reply.Status.Authenticated {
		return "", "", fmt.Errorf("%w: %s", errToken, reply.Status.Error)
	}
	name, ok := strings.CutPrefix(reply.Status.User.Username, "system:serviceaccount:")
	namespace, account, found := strings.Cut(name, ":")
	if !ok || !found {
		return "", "", fmt.Errorf("%w: it is of %q", errToken, reply.Status.User.Username)
	}
	return namespace, account, nil
}

func (r *Reviewer) review(ctx context.Context, of authv1.TokenReviewSpec) (*authv1.TokenReview, error) {
	review := &authv1.TokenReview{TypeMeta: metav1.TypeMeta{APIVersion: "authentication.k8s.io/v1", Kind: "TokenReview"}, Spec: of}
	body, err := json.Marshal(review)
	if err != nil {
		return nil, err
	}
	reply, err := r.call(ctx, http.MethodPost, "apis/authentication.k8s.io/v1/tokenreviews", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return review, json.Unmarshal(reply, review)
}

func (r *Reviewer) keep(key [sha256.Size]byte, v review) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil || len(r.known) >= maxReviews {
		r.known = map[[sha256.Size]byte]review{}
	}
	r.known[key] = v
}
