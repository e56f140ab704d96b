package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/rayburst/rayburst/deploy"
	"github.com/rayburst/rayburst/deploy/helm"
)

// upCmd shows what a Ray cluster YAML is on Kubernetes.
type upCmd struct {
	Cluster   string `arg:"" type:"existingfile" placeholder:"CLUSTER.yaml" help:"A Ray cluster YAML."`
	DryRun    bool   `required:"" help:"Print the manifests; nothing is applied."`
	Namespace string `short:"n" default:"default" help:"The namespace in Kubernetes."`
}

// Help is what `rayburst up --help` adds to the usage.
func (upCmd) Help() string {
	return `Prints what the chart ray-cluster makes of a Ray cluster YAML. Kubernetes is not
asked: no RuntimeClass is chosen for GPUs, and the token in the Secret is a new one.
Until it can apply them itself: rayburst up --dry-run CLUSTER.yaml | kubectl apply -f -`
}

// Run prints the manifests to standard output and warnings to standard error.
func (c *upCmd) Run() error {
	b, err := os.ReadFile(c.Cluster)
	if err != nil {
		return fmt.Errorf("reading the cluster YAML: %w", err)
	}
	cluster, err := deploy.ParseCluster(b)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Cluster, err)
	}
	for _, w := range cluster.Warnings {
		fmt.Fprintln(os.Stderr, "warning:", w)
	}
	out, err := c.manifests(cluster)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Cluster, err)
	}
	if _, err := io.WriteString(os.Stdout, out); err != nil {
		return fmt.Errorf("writing the manifests: %w", err)
	}
	return nil
}

var errFileMounts = errors.New("file_mounts: files are not copied to pods yet: put them into the image, or mount a volume (run_options: -v)")

func (c *upCmd) manifests(cluster *deploy.Cluster) (string, error) {
	if len(cluster.FileMounts) > 0 {
		return "", errFileMounts
	}
	files, err := readFiles(cluster.EnvFiles())
	if err != nil {
		return "", err
	}
	values, err := cluster.Values(deploy.Surroundings{Files: files})
	if err != nil {
		return "", err
	}
	return helm.Render(helm.Release{Name: cluster.Release(), Namespace: c.Namespace}, values)
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
