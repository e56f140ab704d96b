package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/alecthomas/kong"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rayburst/rayburst/cmd/footprint"
	"github.com/rayburst/rayburst/cmd/textlog"
	"github.com/rayburst/rayburst/demand/nats"
	"github.com/rayburst/rayburst/deploy/kube/tokens"
	"github.com/rayburst/rayburst/scaler/httpapi"
)

// command is the NATS server between agents and the scaler.
type command struct {
	Version       kong.VersionFlag `help:"Print the version and end."`
	Host          string           `default:"0.0.0.0" help:"Address to listen on."`
	Port          int              `default:"4222" help:"Port for agents and the scaler."`
	Health        int              `name:"health-port" default:"8222" help:"Port of GET /healthz and /metrics."`
	Kubeconfig    string           `type:"existingfile" env:"KUBECONFIG" help:"Kubernetes to ask whose a token is; without it the one that this runs in."`
	Audience      string           `default:"rayburst" help:"Audience of the tokens."`
	ScalerAccount string           `required:"" name:"scaler-account" env:"RAYBURST_SCALER_ACCOUNT" help:"The scaler's ServiceAccount, as namespace/name: it may read all reports and ask all agents."`
	Verbose       bool             `short:"v" help:"Log more."`
}

// Run serves until the process is asked to end.
func (c *command) Run(ctx context.Context) error {
	footprint.Reduce()
	footprint.OneCore()
	log := textlog.Server(c.Verbose)
	reviewer, err := tokens.Connect(ctx, c.Kubeconfig, "rayburst-nats/"+version, log)
	if err != nil {
		return err
	}
	reviewer.Audience, reviewer.Now = c.Audience, time.Now
	server, err := nats.Start(nats.ServerOptions{
		Host: c.Host, Port: c.Port, Log: log,
		Identify: func(token string) (nats.Grant, error) {
			namespace, account, err := reviewer.Review(token)
			return nats.Grant{Namespace: namespace, Scaler: namespace+"/"+account == c.ScalerAccount}, err
		},
	})
	if err != nil {
		return fmt.Errorf("--host %s --port %d: %w", c.Host, c.Port, err)
	}
	err = c.serve(ctx, server)
	server.LameDuckShutdown()
	server.WaitForShutdown()
	return err
}

// serve answers the kubelet and Prometheus until the context ends.
func (c *command) serve(ctx context.Context, server *nats.Server) error {
	l, err := net.Listen("tcp", net.JoinHostPort(c.Host, strconv.Itoa(c.Health)))
	if err != nil {
		return fmt.Errorf("--health-port: must be a free port (got %d): %w", c.Health, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {}) // it answers: the server has been ready
	mux.Handle("GET /metrics", promhttp.HandlerFor(busMetrics(server), promhttp.HandlerOpts{}))
	return httpapi.Serve(ctx, l, mux)
}

// busMetrics are read when they are asked for.
func busMetrics(server *nats.Server) *prometheus.Registry {
	r := prometheus.NewRegistry()
	counter := func(name, help string, read func() uint64) {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(read()) }))
	}
	counter("rayburst_nats_refused_clients_total", "Clients without a good token.", func() uint64 { n, _ := server.Refused(); return n })
	counter("rayburst_nats_refused_messages_total", "Messages outside their sender's namespace, or too large.", func() uint64 { _, n := server.Refused(); return n })
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "rayburst_nats_clients", Help: "Clients connected."},
		func() float64 { return float64(server.NumClients()) }))
	return r
}
