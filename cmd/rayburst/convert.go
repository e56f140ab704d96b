package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/rayburst/rayburst/deploy/kuberay"
)

// convertCmd turns KubeRay's RayClusters into ours.
type convertCmd struct {
	File   string `short:"f" required:"" placeholder:"FILE" help:"Manifests with RayClusters of ray.io/v1; - is standard input."`
	Output string `short:"o" enum:"values,raycluster" default:"values" help:"values (of the chart ray-cluster) or raycluster (of rayburst.io)."`
	Strict bool   `help:"Fail if anything has no equivalent."`
}

// Help is what `rayburst convert --help` adds to the usage.
func (convertCmd) Help() string {
	return `The result goes to standard output; what has no equivalent is said on standard
error, one line each with what to do. So: kubectl get raycluster train -o yaml |
rayburst convert -f - > values.yaml. Field by field: docs/kuberay.md.`
}

// Run prints every RayCluster of the file as a YAML document.
func (c *convertCmd) Run() error {
	b, err := readInput(c.File)
	if err != nil {
		return err
	}
	clusters, left, err := kuberay.Convert(b)
	losses := sayLosses(clusters, left)
	if err != nil {
		return fmt.Errorf("--file %s: %w", c.File, err)
	}
	if c.Strict && losses > 0 {
		return fmt.Errorf("--strict: everything must have an equivalent (got %d without)", losses)
	}
	var out strings.Builder
	for _, k := range clusters {
		if err := c.write(&out, k); err != nil {
			return err
		}
	}
	_, err = io.WriteString(os.Stdout, out.String())
	return err
}

func readInput(file string) ([]byte, error) {
	if file == "-" {
		b, err := io.ReadAll(os.Stdin)
		if err != nil {
			return nil, fmt.Errorf("--file -: %w", err)
		}
		return b, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--file: %w", err)
	}
	return b, nil
}

// sayLosses returns how many there are.
func sayLosses(clusters []kuberay.Cluster, left []kuberay.Loss) int {
	n := 0
	say := func(prefix string, all []kuberay.Loss) {
		for _, l := range all {
			n++
			fmt.Fprintln(os.Stderr, prefix+l.String())
		}
	}
	say("", left)
	for _, k := range clusters {
		say(k.Name+": ", k.Losses)
	}
	return n
}

func (c *convertCmd) write(out *strings.Builder, k kuberay.Cluster) error {
	v, head := any(k.Values), "# helm install "+k.Name+" CHART --values FILE"
	if k.Namespace != "" {
		head += " -n " + k.Namespace
	}
	if c.Output == "raycluster" {
		v, head = k.Resource(), "# kubectl apply -f FILE"
	}
	b, err := kuberay.YAML(v)
	if err != nil {
		return err
	}
	if out.Len() > 0 {
		out.WriteString("---\n")
	}
	fmt.Fprintf(out, "%s\n%s", head, b)
	return nil
}
