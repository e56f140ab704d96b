package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/rayburst/rayburst/deploy"
	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/nodetypes/plancase"
)

// planCmd plans the cases on standard input.
type planCmd struct {
	Explain     bool   `help:"Say for every request which nodes take it, and why each node type does or does not."`
	Output      string `short:"o" enum:"text,json," default:"" help:"text or json; json if not given, with --explain text."`
	FromCluster string `type:"existingfile" xor:"from" placeholder:"FILE.yaml" help:"Take node types and limits from a Ray cluster YAML; the input adds nodes and demand, or nothing."`
	FromScaler  string `xor:"from" placeholder:"HOST:PORT" help:"Take node types, nodes and demand from the HTTP API of a running scaler; the input adds demand, or nothing."`
	Cluster     string `short:"c" help:"With --from-scaler: the Ray cluster, as namespace/name, if the scaler has several."`
}

// Help is what `rayburst plan --help` adds to the usage.
func (planCmd) Help() string {
	return `Reads planning cases (JSON objects with nodeTypes, nodes and demand) from standard
input and prints, for each, one line of JSON: what would be launched and
terminated now, and what cannot be placed. It starts and stops nothing.`
}

// Validate refuses flags that do not go together.
func (c *planCmd) Validate() error {
	if c.Cluster != "" && c.FromScaler == "" {
		return fmt.Errorf("--cluster: must be given with --from-scaler only (got %q)", c.Cluster)
	}
	return nil
}

// Run plans standard input to standard output.
func (c *planCmd) Run(ctx context.Context) error {
	p := planner{explain: c.Explain, text: c.Output == "text" || c.Output == "" && c.Explain}
	var err error
	switch {
	case c.FromCluster != "":
		err = p.fromCluster(c.FromCluster)
	case c.FromScaler != "":
		err = p.fromScaler(ctx, scalerFlags{Addr: c.FromScaler, Cluster: c.Cluster})
	}
	if err != nil {
		return err
	}
	if p.base != nil && isTerminal(os.Stdin) { // nobody must type an end of input
		return p.plan(strings.NewReader(""), os.Stdout)
	}
	return p.plan(os.Stdin, os.Stdout)
}

// planner answers planning cases.
type planner struct {
	explain, text bool
	base          *plancase.Case // that the input adds to; nil: the input says all
	given         []string       // with a base: the fields that the input may say
	flag          string         // that the base is from
}

func (p *planner) fromCluster(file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("--from-cluster: reading the cluster YAML: %w", err)
	}
	cluster, err := deploy.ParseCluster(b)
	if err != nil {
		return fmt.Errorf("--from-cluster: %s: %w", file, err)
	}
	for _, w := range cluster.Warnings {
		fmt.Fprintln(os.Stderr, "warning:", w)
	}
	p.flag, p.given = "--from-cluster", []string{"nodes", "demand", "conserveGpuNodes"}
	p.base = &plancase.Case{Request: cluster.Request()}
	return nil
}

func (p *planner) fromScaler(ctx context.Context, f scalerFlags) error {
	cluster, err := f.the(ctx)
	if err != nil {
		return fmt.Errorf("--from-scaler: %w", err)
	}
	var raw json.RawMessage
	if err := f.get(ctx, fmt.Sprintf("/v1/clusters/%s/%s/case", cluster.Namespace, cluster.Name), &raw); err != nil {
		return fmt.Errorf("--from-scaler: %w", err)
	}
	base, err := plancase.Decode(raw)
	if err != nil {
		return fmt.Errorf("--from-scaler: the scaler's planning case: %w", err)
	}
	p.flag, p.given, p.base = "--from-scaler", []string{"demand"}, &base
	return nil
}

// plan answers case after case. It stops at the first error, which names the
// case (counted from 1). Without a case it answers the base, if there is one.
func (p *planner) plan(in io.Reader, out io.Writer) error {
	d := json.NewDecoder(in)
	for n := 1; ; n++ {
		var raw json.RawMessage
		switch err := d.Decode(&raw); {
		case errors.Is(err, io.EOF) && p.base != nil && n == 1:
			return p.print(*p.base, out)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("case %d: %w", n, err)
		}
		c, err := p.read(raw)
		if err == nil && p.text && n > 1 {
			_, err = io.WriteString(out, "\n")
		}
		if err == nil {
			err = p.print(c, out)
		}
		if err != nil {
			return fmt.Errorf("case %d: %w", n, err)
		}
	}
}

func (p *planner) read(raw []byte) (plancase.Case, error) {
	if p.base == nil {
		return plancase.Decode(raw)
	}
	c, err := p.base.Extend(raw, p.given...)
	if err != nil {
		return c, fmt.Errorf("with %s: %w", p.flag, err)
	}
	return c, nil
}

// print answers one case: one line of JSON, or tables.
func (p *planner) print(c plancase.Case, out io.Writer) error {
	answer, err := p.answer(c)
	if err != nil {
		return err
	}
	if _, err := out.Write(answer); err != nil {
		return fmt.Errorf("writing the plan: %w", err)
	}
	return nil
}

func (p *planner) answer(c plancase.Case) (answer []byte, err error) {
	switch {
	case p.explain && p.text:
		e := nodetypes.Explain(c.Request)
		return []byte(e.Text()), nil
	case p.text:
		r := nodetypes.Schedule(c.Request)
		return []byte(r.Text()), nil
	case p.explain:
		answer, err = c.EncodeExplanation(nodetypes.Explain(c.Request))
	default:
		answer, err = c.Encode(nodetypes.Schedule(c.Request))
	}
	return append(answer, '\n'), err
}
