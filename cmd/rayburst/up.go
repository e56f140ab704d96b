package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/rayburst/rayburst/deploy"
	"github.com/rayburst/rayburst/deploy/helm"
)

// upCmd makes or updates a Ray cluster on Kubernetes.
type upCmd struct {
	clusterFile
	upFlags
	Yes         bool `short:"y" help:"Do not ask."`
	DryRun      bool `help:"Print the manifests; Kubernetes is not asked."`
	NoRestart   bool `xor:"restart" help:"Fail if the change would replace the head."`
	RestartOnly bool `xor:"restart" help:"Only replace the head's pod."`
}

// upFlags are what else may be said of a cluster that is made.
type upFlags struct {
	MaxWorkers        *int          `placeholder:"N" help:"Instead of the file's max_workers."`
	Values            []string      `type:"existingfile" placeholder:"FILE" help:"Further values of the chart ray-cluster (YAML), laid over those of the file."`
	Timeout           time.Duration `default:"15m" help:"How long the head may take."`
	DisableUsageStats bool          `help:"Ray sends no usage statistics."`

	MinWorkers            *int   `hidden:"" help:"No effect, as in Ray: each type has its own."`
	RedirectCommandOutput string `hidden:"" help:"The output of commands is in the pods' logs."`
	UseLoginShells        bool   `hidden:""`
	UseNormalShells       bool   `hidden:""`
}

// Help is what `rayburst up --help` adds to the usage.
func (upCmd) Help() string {
	return `Makes or updates the Ray cluster as a Helm release of the chart ray-cluster, called
as the cluster, and waits until its head is ready. It shows what changes, and asks.
A cluster whose workers were stopped by "rayburst down --workers-only" gets them back.`
}

// Run prints manifests or launches.
func (c *upCmd) Run(ctx context.Context) error {
	if c.DryRun {
		return c.print()
	}
	t, err := c.open()
	if err != nil {
		return err
	}
	l := launch{target: t, upCmd: c}
	if c.RestartOnly {
		return l.restart(ctx)
	}
	return l.run(ctx)
}

// print writes the manifests to standard output and warnings to standard error.
func (c *upCmd) print() error {
	cluster, err := c.parse()
	if err != nil {
		return err
	}
	c.warn(cluster)
	out, err := c.manifests(cluster)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Cluster, err)
	}
	if _, err := io.WriteString(os.Stdout, out); err != nil {
		return fmt.Errorf("writing the manifests: %w", err)
	}
	return nil
}

func (f upFlags) warn(cluster *deploy.Cluster) {
	for _, w := range cluster.Warnings {
		fmt.Fprintln(os.Stderr, "warning:", w)
	}
	if f.MinWorkers != nil {
		fmt.Fprintln(os.Stderr, "warning: --min-workers has no effect: each node type has its own min_workers")
	}
}

func (c *upCmd) manifests(cluster *deploy.Cluster) (string, error) {
	values, files, err := c.values(cluster, nil)
	if err != nil {
		return "", err
	}
	namespace := c.space(cluster)
	if namespace == "" {
		namespace = "default"
	}
	out, err := helm.Render(helm.Release{Name: cluster.Release(), Namespace: namespace}, values)
	if err != nil || files.Secret == "" {
		return out, err
	}
	secret, err := files.Manifest(cluster.Release())
	return secret + out, err
}

// values are those of the chart, and the cluster's files, which they name.
func (f upFlags) values(cluster *deploy.Cluster, runtimeClasses []string) (map[string]any, deploy.Files, error) {
	env, err := readFiles(cluster.EnvFiles())
	if err != nil {
		return nil, deploy.Files{}, err
	}
	if f.MaxWorkers != nil {
		cluster.MaxWorkers = *f.MaxWorkers
	}
	out, err := cluster.Values(deploy.Surroundings{Files: env, RuntimeClasses: runtimeClasses})
	if err != nil {
		return nil, deploy.Files{}, err
	}
	var files deploy.Files
	if len(cluster.FileMounts) > 0 {
		if files, err = packMounts(cluster); err != nil {
			return nil, files, err
		}
		out["filesSecret"] = files.Secret
	}
	if f.DisableUsageStats {
		out["env"] = []any{map[string]any{"name": "RAY_USAGE_STATS_ENABLED", "value": "0"}}
	}
	out, err = f.overlay(cluster, out)
	return out, files, err
}

func (f upFlags) overlay(cluster *deploy.Cluster, out map[string]any) (map[string]any, error) {
	for _, name := range f.Values {
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("--values: %w", err)
		}
		var more map[string]any
		if err := yaml.UnmarshalStrict(b, &more); err != nil {
			return nil, fmt.Errorf("--values: %s must be a YAML map: %w", name, err)
		}
		out = deploy.Overlay(out, cluster.Own(more))
	}
	return out, nil
}

func readFiles(names []string) (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("--env-file: %w", err)
		}
		out[name] = b
	}
	return out, nil
}
