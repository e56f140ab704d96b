package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/rayburst/rayburst/scaler/httpapi"
	"github.com/rayburst/rayburst/scaler/record"
)

// recordCmd records a running scaler.
type recordCmd struct {
	scalerFlags
	Output string        `short:"o" default:"-" type:"path" help:"The file to write, - for standard output; one that ends in .gz is compressed."`
	For    time.Duration `help:"For how long; 0: until Ctrl-C."`
}

// Run records until the time is over or the process is asked to end.
func (c *recordCmd) Run(ctx context.Context) error {
	if c.For < 0 {
		return fmt.Errorf("--for: must not be negative (got %v)", c.For)
	}
	if c.For > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, c.For)
		defer stop()
	}
	from, err := c.the(ctx)
	if err != nil {
		return err
	}
	reply, err := c.ask(ctx, fmt.Sprintf("/v1/clusters/%s/%s/record", from.Namespace, from.Name))
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	if c.Output == "-" {
		_, err := copyRecording(ctx, reply.Body, os.Stdout)
		return err
	}
	out, err := createRecording(c.Output)
	if err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	lines, err := copyRecording(ctx, reply.Body, out)
	fmt.Fprintf(os.Stderr, "%d lines in %s\n", lines, c.Output)
	return errors.Join(err, out.Close())
}

// the is the one cluster to record.
func (f scalerFlags) the(ctx context.Context) (httpapi.ClusterDecision, error) {
	all, err := f.decisions(ctx)
	if err != nil {
		return httpapi.ClusterDecision{}, err
	}
	names := make([]string, len(all))
	for i, d := range all {
		names[i] = d.Namespace + "/" + d.Name
	}
	if len(all) != 1 {
		return httpapi.ClusterDecision{}, fmt.Errorf("--cluster: must name one of the scaler's clusters (%s)", strings.Join(names, ", "))
	}
	return all[0], nil
}

// copyRecording writes whole lines until the recording or the context ends, and
// counts them. A recording that ends early is an error.
func copyRecording(ctx context.Context, from io.Reader, out io.Writer) (lines int, err error) {
	var last []byte
	for in := bufio.NewReader(from); ; lines++ {
		line, err := record.ReadLine(in)
		if ctx.Err() != nil { // asked to end: what has been read is a whole recording but for its end
			return lines + 1, record.NewWriter(out, nil).End(record.EndAsked)
		}
		if errors.Is(err, io.EOF) {
			return lines, early(last)
		}
		if err != nil {
			return lines, fmt.Errorf("reading the scaler's recording: %w", err)
		}
		last = line
		if _, err := out.Write(append(line, '\n')); err != nil {
			return lines, fmt.Errorf("writing the recording: %w", err)
		}
	}
}

// early fails unless the last line is an end as it should be.
func early(last []byte) error {
	var l struct{ End string }
	_ = json.Unmarshal(bytes.TrimSpace(last), &l) // else it has no end
	switch l.End {
	case record.EndAsked, record.EndScaler:
		return nil
	case "":
		return errors.New("the recording is cut off: the scaler is gone")
	}
	return fmt.Errorf("the recording ends early: %s", l.End)
}
