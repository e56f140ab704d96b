package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/rayburst/rayburst/deploy/kubectl"
	"github.com/rayburst/rayburst/scaler/httpapi"
)

// scalerFlags say where the scaler's HTTP API is.
type scalerFlags struct {
	Addr    string `default:"${addr}" env:"RAYBURST_ADDR" help:"host:port of the scaler's HTTP API."`
	Cluster string `short:"c" help:"Only this Ray cluster, as namespace/name."`
}

// reachFlags say where the scaler's HTTP API is, or the Ray cluster whose scaler
// is meant.
type reachFlags struct {
	scalerFlags
	Kubeconfig string `placeholder:"FILE" help:"With CLUSTER.yaml: the kubeconfig file. Default: as kubectl."`
	Context    string `placeholder:"NAME" help:"With CLUSTER.yaml: the kubeconfig's context."`
	Namespace  string `placeholder:"NAME" help:"With CLUSTER.yaml: the namespace."`
	Name       string `name:"cluster-name" short:"n" placeholder:"NAME" help:"With CLUSTER.yaml: the cluster's name instead of the file's."`
}

// reach is how to ask: for the cluster of a file through Kubernetes, without a
// file at --addr.
func (f reachFlags) reach(ctx context.Context, file string) (scalerFlags, func(), error) {
	if file == "" {
		return f.scalerFlags, func() {}, nil
	}
	t, err := clusterFile{Cluster: file, ClusterName: f.Name, Kubeconfig: f.Kubeconfig, Context: f.Context, Namespace: f.Namespace}.open()
	if err != nil {
		return scalerFlags{}, nil, err
	}
	return t.scalerFlags(ctx)
}

// scalerFlags ask the installed scaler for this cluster until stop is called.
func (t target) scalerFlags(ctx context.Context) (f scalerFlags, stop func(), err error) {
	found, err := t.FindScaler(ctx)
	if err != nil {
		return f, nil, err
	}
	there := t.Client
	there.Namespace = found.Namespace
	addr, stop, err := there.Reach(ctx, found.Pod, kubectl.ScalerPort)
	return scalerFlags{Addr: addr, Cluster: t.Client.Namespace + "/" + t.release()}, stop, err
}

// statusCmd shows decisions.
type statusCmd struct {
	File string `arg:"" optional:"" type:"existingfile" placeholder:"CLUSTER.yaml" help:"A Ray cluster YAML: that cluster, through Kubernetes."`
	reachFlags
	Output string `short:"o" enum:"text,json" default:"text" help:"text or json."`
}

// Run prints every cluster's decision.
func (c *statusCmd) Run(ctx context.Context) error {
	flags, stop, err := c.reach(ctx, c.File)
	if err != nil {
		return err
	}
	defer stop()
	decisions, err := flags.decisions(ctx)
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
	reachFlags
	Subject []string `arg:"" optional:"" placeholder:"CLUSTER.yaml|SUBJECT" help:"A Ray cluster YAML (that cluster, through Kubernetes), then a node type, or a worker's or node's name or id; all if left out."`
}

// split takes the arguments apart.
func (c *explainCmd) split() (file, subject string, err error) {
	rest := c.Subject
	if len(rest) > 0 && (strings.HasSuffix(rest[0], ".yaml") || strings.HasSuffix(rest[0], ".yml")) {
		file, rest = rest[0], rest[1:]
	}
	switch len(rest) {
	case 0:
		return file, "", nil
	case 1:
		return file, rest[0], nil
	}
	return "", "", fmt.Errorf("SUBJECT: must be one (got %q)", rest)
}

// Run prints why.
func (c *explainCmd) Run(ctx context.Context) error {
	file, subject, err := c.split()
	if err != nil {
		return err
	}
	flags, stop, err := c.reach(ctx, file)
	if err != nil {
		return err
	}
	defer stop()
	decisions, err := flags.decisions(ctx)
	if err != nil {
		return err
	}
	var failed error
	found := false
	for _, d := range decisions {
		text, err := d.Decode().Explain(subject)
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
