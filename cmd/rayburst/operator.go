package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"k8s.io/klog/v2"

	"github.com/rayburst/rayburst/cmd/textlog"
	"github.com/rayburst/rayburst/deploy/helm"
	"github.com/rayburst/rayburst/deploy/operator"
	"github.com/rayburst/rayburst/scaler"
	"github.com/rayburst/rayburst/scaler/httpapi"
)

// operatorCmd makes Ray clusters of RayClusters.
type operatorCmd struct {
	Kubeconfig  string   `type:"existingfile" env:"KUBECONFIG" help:"Kubernetes to work with; without it the one that this runs in."`
	Namespaces  []string `env:"RAYBURST_NAMESPACES" help:"Namespaces with RayClusters, separated by commas; none: all."`
	Lease       string   `help:"namespace/name of a Lease: of several operators only its holder works. Without it this one does."`
	Scaler      string   `help:"host:port of the scaler's HTTP API, which knows what is idle; without it no cluster is ever terminated as idle."`
	Values      string   `name:"cluster-values" default:"{}" help:"Values of the chart ray-cluster for all RayClusters, as JSON; what a spec says is over them."`
	Concurrency int      `default:"8" help:"How many RayClusters are worked on at once."`
	Health      string   `name:"health-addr" default:":8081" help:"host:port for /healthz and /readyz."`
	Metrics     string   `name:"metrics-addr" default:":8080" help:"host:port for /metrics; 0: none."`
	Verbose     bool     `short:"v" help:"Log more."`
}

// Help is what `rayburst operator --help` adds to the usage.
func (operatorCmd) Help() string {
	return `Makes of every RayCluster of rayburst.io the objects that rayburst up makes of the
same YAML, and keeps them so. The chart rayburst runs it with operator.enabled.`
}

// Run works until the process is asked to end.
func (c *operatorCmd) Run(ctx context.Context) error {
	if c.Concurrency < 1 {
		return fmt.Errorf("--concurrency: must be at least 1 (got %d)", c.Concurrency)
	}
	var values map[string]any
	if err := json.Unmarshal([]byte(c.Values), &values); err != nil {
		return fmt.Errorf("--cluster-values: must be a JSON object (got %q): %w", c.Values, err)
	}
	klog.SetSlogLogger(textlog.At(slog.LevelWarn))
	config := operator.Config{
		Kubeconfig: c.Kubeconfig, Agent: "rayburst-operator/" + version, Namespaces: c.Namespaces, Lease: c.Lease, Health: c.Health, Metrics: c.Metrics,
		Concurrent: c.Concurrency, Values: values, Render: renderRelease, Now: time.Now, Log: textlog.Server(c.Verbose),
	}
	if c.Scaler != "" {
		config.Decision = c.decision
	}
	return operator.Run(ctx, config)
}

// renderRelease renders the chart that the binary carries.
func renderRelease(r operator.Release) (string, error) {
	return helm.Render(helm.Release{Name: r.Name, Namespace: r.Namespace, Kubernetes: r.Kubernetes, Lookup: r.Lookup}, r.Values)
}

// decision is the scaler's last one about a cluster.
func (c *operatorCmd) decision(ctx context.Context, namespace, name string) (*scaler.Decision, error) {
	var d httpapi.ClusterDecision
	if err := (scalerFlags{Addr: c.Scaler}).get(ctx, "/v1/clusters/"+namespace+"/"+name, &d); err != nil || d.Decision == nil {
		return nil, err
	}
	return d.Decode(), nil
}
