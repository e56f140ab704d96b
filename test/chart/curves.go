package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"gonum.org/v1/plot/plotter"
)

// The curves of a file by their names.
const (
	tasks   = "tasks"
	classes = "classes"
)

var header = []string{"curve", "x", "milliseconds"}

// curves are the points of each curve.
type curves map[string]plotter.XYs

func readFile(name string) (curves, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return read(f)
}

// read reads a header and a line a point; each curve has two points at least.
func read(in io.Reader) (curves, error) {
	r := csv.NewReader(in)
	r.FieldsPerRecord = -1
	out := curves{}
	for n := 1; ; n++ {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, out.complete()
		}
		if err == nil {
			err = out.take(n, fields)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
}

// take takes a line: the header if it is the first one.
func (c curves) take(n int, fields []string) error {
	if n == 1 {
		if !slices.Equal(fields, header) {
			return fmt.Errorf("the header must be %q, not %q", header, fields)
		}
		return nil
	}
	if len(fields) != len(header) {
		return fmt.Errorf("must have %d fields, not %d", len(header), len(fields))
	}
	if fields[0] != tasks && fields[0] != classes {
		return fmt.Errorf("curve: must be %s or %s, not %q", tasks, classes, fields[0])
	}
	x, err := positive(header[1], fields[1])
	if err != nil {
		return err
	}
	y, err := positive(header[2], fields[2])
	c[fields[0]] = append(c[fields[0]], plotter.XY{X: x, Y: y})
	return err
}

// positive reads a number that has a place on a logarithmic axis.
func positive(name, text string) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v > 0 && v < 1e15) {
		return 0, fmt.Errorf("%s: must be a number above 0, not %q", name, text)
	}
	return v, nil
}

func (c curves) complete() error {
	for _, name := range []string{tasks, classes} {
		if len(c[name]) < 2 {
			return fmt.Errorf("%s: must have two points at least, not %d", name, len(c[name]))
		}
	}
	return nil
}
