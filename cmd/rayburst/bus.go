package main

import (
	"context"
	"fmt"
	"time"

	"github.com/rayburst/rayburst/demand/nats"
	"github.com/rayburst/rayburst/deploy/kube"
)

// natsCmd is the NATS server between agents and the scaler.
type natsCmd struct {
	Host          string `default:"0.0.0.0" help:"Address to listen on."`
	Port          int    `default:"4222" help:"Port for agents and the scaler."`
	Health        int    `name:"health-port" default:"8222" help:"Port of GET /healthz."`
	Kubeconfig    string `type:"existingfile" env:"KUBECONFIG" help:"Kubernetes to ask whose a token is; without it the one that this runs in."`
	Audience      string `default:"rayburst" help:"Audience of the tokens."`
	ScalerAccount string `required:"" name:"scaler-account" env:"RAYBURST_SCALER_ACCOUNT" help:"The scaler's ServiceAccount, as namespace/name: it may read all reports and ask all agents."`
	Verbose       bool   `short:"v" help:"Log more."`
}

// Run serves until the process is asked to end.
func (c *natsCmd) Run(ctx context.Context) error {
	access, err := kube.Connect(c.Kubeconfig, "rayburst-nats/"+version)
	if err != nil {
		return err
	}
	reviewer := &kube.Reviewer{Client: access.Client, Audience: c.Audience, Now: time.Now}
	log := serverLogger(c.Verbose)
	server, err := nats.Start(nats.ServerOptions{
		Host: c.Host, Port: c.Port, Health: c.Health, Log: log,
		Identify: func(token string) (nats.Grant, error) {
			namespace, account, err := reviewer.Review(token)
			return nats.Grant{Namespace: namespace, Scaler: namespace+"/"+account == c.ScalerAccount}, err
		},
	})
	if err != nil {
		return fmt.Errorf("--host %s --port %d: %w", c.Host, c.Port, err)
	}
	<-ctx.Done()
	server.LameDuckShutdown()
	server.WaitForShutdown()
	return nil
}
