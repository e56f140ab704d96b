package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/nodetypes/plancase"
)

// planCmd plans the cases on standard input.
type planCmd struct{}

// Help is what `rayburst plan --help` adds to the usage.
func (planCmd) Help() string {
	return `Reads planning cases (JSON objects with nodeTypes, nodes and demand) from standard
input and prints, for each, one line of JSON: what would be launched and
terminated now, and what cannot be placed. It starts and stops nothing.`
}

// Run plans standard input to standard output.
func (planCmd) Run() error { return plan(os.Stdin, os.Stdout) }

// plan answers case after case, one line for each. It stops at the first
// error, which names the case (counted from 1).
func plan(in io.Reader, out io.Writer) error {
	d := json.NewDecoder(in)
	for n := 1; ; n++ {
		var raw json.RawMessage
		if err := d.Decode(&raw); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("case %d: %w", n, err)
		}
		line, err := planCase(raw)
		if err != nil {
			return fmt.Errorf("case %d: %w", n, err)
		}
		if _, err := out.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("case %d: writing the plan: %w", n, err)
		}
	}
}

func planCase(raw []byte) ([]byte, error) {
	c, err := plancase.Decode(raw)
	if err != nil {
		return nil, err
	}
	return c.Encode(nodetypes.Schedule(c.Request))
}
