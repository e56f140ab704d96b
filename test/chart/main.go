// Command chart draws the pictures of the documents as SVG: the planner's growth,
// from the points that `go run ./test/parity -bench -csv FILE` measures, and the
// timeline of a scale-up and a scale-down, from what `make timeline` records.
//
//	go run . FILE.csv FILE.svg
//	go run . timeline FILE.csv FILE.svg
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
	switch {
	case len(args) == 3 && args[0] == "timeline":
		return write(args[1], args[2], readTimelineFile, drawTimeline)
	case len(args) == 2:
		return write(args[0], args[1], readFile, draw)
	}
	return errors.New("usage: chart [timeline] FILE.csv FILE.svg")
}

// write draws a file of figures.
func write[T any](from, to string, read func(path string) (T, error), draw func(T) ([]byte, error)) error {
	figures, err := read(from)
	if err != nil {
		return fmt.Errorf("reading %s: %w", from, err)
	}
	svg, err := draw(figures)
	if err != nil {
		return fmt.Errorf("drawing %s: %w", to, err)
	}
	return os.WriteFile(to, svg, 0o644)
}
