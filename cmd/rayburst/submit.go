package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/rayburst/rayburst/deploy/tarball"
)

// submitCmd copies a script to the head and runs it there.
type submitCmd struct {
	clusterFile
	endFlags
	sessionFlags
	OldArgs         string   `name:"args" hidden:"" help:"Arguments as one text."`
	ExtraScreenArgs string   `hidden:"" help:"No effect."`
	Script          string   `arg:"" type:"existingfile" help:"A Python script."`
	Args            []string `arg:"" optional:"" passthrough:"" help:"Its arguments."`
}

// Run copies, runs and ends with the script's exit code.
func (c *submitCmd) Run(ctx context.Context) error {
	command, err := c.command()
	if err != nil {
		return err
	}
	return c.clusterFile.connect(ctx, c.sessionFlags, c.Stop, func(s connection) error {
		if err := s.send(ctx, s.pod, tarball.Source{Path: c.Script, Name: filepath.Base(c.Script)}, "~/"); err != nil {
			return err
		}
		return s.command(ctx, command)
	})
}

func (c *submitCmd) command() (string, error) {
	if info, err := os.Stat(c.Script); err != nil || info.IsDir() {
		return "", fmt.Errorf("SCRIPT: must be a file (got %q)", c.Script)
	}
	words := []string{"python"}
	for _, a := range append([]string{filepath.Base(c.Script)}, c.Args...) {
		quoted, err := syntax.Quote(a, syntax.LangBash)
		if err != nil {
			return "", fmt.Errorf("the argument %q: %w", a, err)
		}
		words = append(words, quoted)
	}
	if c.OldArgs != "" {
		words = append(words, c.OldArgs)
	}
	return `cd "$HOME" && ` + strings.Join(words, " "), nil
}
