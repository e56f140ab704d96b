package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/scaler"
)

// DefaultAddress is where the API listens, and where the commands look for it.
const DefaultAddress = "127.0.0.1:8089"

// aliveWithin is how old a decision may be while its loop still turns.
const aliveWithin = 10 * time.Second

// Config is what the API serves from; all but WrongVictims and Nudges is required.
type Config struct {
	Store *Store
	Now   func() time.Time
	// Inbox counts the reports that have come in.
	Inbox func() InboxStats
	// WrongVictims counts, by namespace, workers that went unmarked while their
	// type shrank; nil: nobody counts them.
	WrongVictims func() map[string]uint64
	// Nudges are the timed nudges; their zero value: there are none.
	Nudges Nudges
	// Record writes a recording of a cluster's decisions until the context
	// ends. An error before the first Write is why there can be none now.
	Record func(ctx context.Context, c demand.Cluster, out io.Writer) error
}

// InboxStats count reports.
type InboxStats struct{ Reports, Poison, Replaced, Overflow uint64 }

// ClusterDecision is a decision with its cluster, as served.
type ClusterDecision struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	*scaler.Decision
}

// Decode reads a served decision back.
func (c ClusterDecision) Decode() *scaler.Decision {
	c.Decision.Cluster = demand.Cluster{Namespace: c.Namespace, Name: c.Name}
	return c.Decision
}

// Handler serves
//
//	GET /v1/clusters                      all decisions
//	GET /v1/clusters/{namespace}/{name}   one; 404 if there is none
//	GET …/explain[?subject=TYPE|NODE]     why, as text
//	GET …/case                            what the planner was asked last, as a planning case; 503 if nothing is known
//	GET …/record                          a recording, for as long as it is read; 503 if there can be none
//	GET /healthz                          200 while every loop turns
//	GET /readyz                           200 once every cluster's state is known
//	GET /metrics                          Prometheus
func Handler(c Config) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(&collector{c}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if c.Nudges.HistogramVec != nil {
		registry.MustRegister(c.Nudges)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	mux.HandleFunc("GET /v1/clusters", c.list)
	mux.HandleFunc("GET /v1/clusters/{namespace}/{name}", c.one)
	mux.HandleFunc("GET /v1/clusters/{namespace}/{name}/explain", c.explain)
	mux.HandleFunc("GET /v1/clusters/{namespace}/{name}/case", c.planCase)
	mux.HandleFunc("GET /v1/clusters/{namespace}/{name}/record", c.record)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { c.health(w, c.turning) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { c.health(w, c.known) })
	return mux
}

// Serve serves until the context ends; it returns nil then.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serving HTTP: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	err := s.Shutdown(stop)
	<-ended //nolint:errcheck // http.ErrServerClosed: Shutdown has been called
	if errors.Is(err, context.DeadlineExceeded) {
		return s.Close()
	}
	return err
}

func (c Config) list(w http.ResponseWriter, _ *http.Request) {
	out := []ClusterDecision{}
	for _, d := range c.Store.All() {
		out = append(out, ClusterDecision{d.Cluster.Namespace, d.Cluster.Name, d})
	}
	reply(w, out)
}

func (c Config) find(w http.ResponseWriter, r *http.Request) *scaler.Decision {
	cluster := demand.Cluster{Namespace: r.PathValue("namespace"), Name: r.PathValue("name")}
	d := c.Store.Get(cluster)
	if d == nil {
		http.Error(w, fmt.Sprintf("no decision for cluster %q", cluster), http.StatusNotFound)
	}
	return d
}

func (c Config) one(w http.ResponseWriter, r *http.Request) {
	if d := c.find(w, r); d != nil {
		reply(w, ClusterDecision{d.Cluster.Namespace, d.Cluster.Name, d})
	}
}

func (c Config) explain(w http.ResponseWriter, r *http.Request) {
	d := c.find(w, r)
	if d == nil {
		return
	}
	text, err := d.Explain(r.URL.Query().Get("subject"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(text)) // the client is gone
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client is gone
}

func (c Config) health(w http.ResponseWriter, check func(*scaler.Decision) error) {
	for _, d := range c.Store.All() {
		if err := check(d); err != nil {
			http.Error(w, d.Cluster.String()+": "+err.Error(), http.StatusServiceUnavailable)
			return
		}
	}
	_, _ = w.Write([]byte("ok\n")) // the client is gone
}

func (c Config) turning(d *scaler.Decision) error {
	if age := c.Now().Sub(d.At); age > aliveWithin {
		return fmt.Errorf("no decision for %v", age.Round(time.Second))
	}
	return nil
}

func (c Config) known(d *scaler.Decision) error {
	if d.Unknown != "" {
		return errors.New(d.Unknown)
	}
	return c.turning(d)
}
