package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/rayburst/rayburst/scaler/httpapi"
)

// scalerFlags say where the scaler's HTTP API is.
type scalerFlags struct {
	Addr    string `default:"${addr}" env:"RAYBURST_ADDR" help:"host:port of the scaler's HTTP API."`
	Cluster string `short:"c" help:"Only this Ray cluster, as namespace/name."`
}

// statusCmd shows decisions.
type statusCmd struct {
	scalerFlags
	Output string `short:"o" enum:"text,json" default:"text" help:"text or json."`
}

// Run prints every cluster's decision.
func (c *statusCmd) Run(ctx context.Context) error {
	decisions, err := c.decisions(ctx)
	if err != nil {
		return err
	}
	if c.Output == "json" {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(decisions)
	}
	for _, d := range decisions {
		fmt.Print(d.Decode().Status())
	}
	return nil
}

// explainCmd explains decisions.
type explainCmd struct {
	scalerFlags
	Subject string `arg:"" optional:"" help:"A node type, or a worker's or node's name or id; all if left out."`
}

// Run prints why.
func (c *explainCmd) Run(ctx context.Context) error {
	decisions, err := c.decisions(ctx)
	if err != nil {
		return err
	}
	var failed error
	found := false
	for _, d := range decisions {
		text, err := d.Decode().Explain(c.Subject)
		if err != nil {
			failed = err
			continue
		}
		found = true
		fmt.Print(text)
	}
	if found {
		return nil
	}
	return failed
}

func (f scalerFlags) decisions(ctx context.Context) ([]httpapi.ClusterDecision, error) {
	var all []httpapi.ClusterDecision
	if err := f.get(ctx, "/v1/clusters", &all); err != nil {
		return nil, err
	}
	if f.Cluster == "" {
		return all, nil
	}
	for _, d := range all {
		if d.Namespace+"/"+d.Name == f.Cluster {
			return []httpapi.ClusterDecision{d}, nil
		}
	}
	return nil, fmt.Errorf("--cluster: the scaler has no cluster %q", f.Cluster)
}

func (f scalerFlags) get(ctx context.Context, path string, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	reply, err := f.ask(ctx, path)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	b, err := io.ReadAll(io.LimitReader(reply.Body, 256<<20))
	if err != nil {
		return fmt.Errorf("reading the scaler's answer: %w", err)
	}
	return json.Unmarshal(b, out)
}

// ask begins an answer, which the caller must close.
func (f scalerFlags) ask(ctx context.Context, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+f.Addr+path, nil)
	if err != nil {
		return nil, fmt.Errorf("--addr: must be host:port (got %q): %w", f.Addr, err)
	}
	client := http.Client{Transport: &http.Transport{Proxy: nil}}
	reply, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking the scaler at %s (is rayburst local running? else give --addr): %w", f.Addr, err)
	}
	if reply.StatusCode != http.StatusOK {
		defer reply.Body.Close()
		b, _ := io.ReadAll(io.LimitReader(reply.Body, 1<<16)) // what there is of it
		return nil, fmt.Errorf("the scaler at %s answers %s: %s", f.Addr, reply.Status, bytes.TrimSpace(b))
	}
	return reply, nil
}
