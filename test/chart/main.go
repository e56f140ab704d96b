// Command chart draws the planner's growth: it reads the points that
// `go run ./test/parity -bench -csv FILE` measures, and writes an SVG picture.
//
//	go run . FILE.csv FILE.svg
package main

import (
	"errors"
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "chart:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: chart FILE.csv FILE.svg")
	}
	all, err := readFile(args[0])
	if err != nil {
		return fmt.Errorf("reading %s: %w", args[0], err)
	}
	svg, err := draw(all)
	if err != nil {
		return fmt.Errorf("drawing %s: %w", args[1], err)
	}
	return os.WriteFile(args[1], svg, 0o644)
}
