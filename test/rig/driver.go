package rig

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Driver is a running Python driver.
type Driver struct {
	cluster *Cluster
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
	errors  strings.Builder
	said    []string
}

// prelude imports Ray, which takes most of a driver's start, and then runs the
// script that it is told.
const prelude = `
import json, runpy, sys, ray
line = sys.stdin.readline()
if line:
    sys.argv = json.loads(line)
    runpy.run_path(sys.argv[0], run_name="__main__")
`

// Drive starts a Python script with the cluster's RAY_ADDRESS.
func (c *Cluster) Drive(script string, args ...string) (d *Driver, err error) {
	if d = c.takeSpare(); d == nil {
		if d, err = c.interpreter(); err != nil {
			return nil, err
		}
	}
	return d, json.NewEncoder(d.in).Encode(append([]string{script}, args...))
}

func (c *Cluster) interpreter() (*Driver, error) {
	python := filepath.Join(filepath.Dir(c.Ray), "python")
	d := &Driver{cluster: c, cmd: exec.Command(python, "-u", "-c", prelude)}
	d.cmd.Env = append(os.Environ(), "RAY_ADDRESS="+c.GCS, "RAY_DEDUP_LOGS=0")
	d.cmd.Stderr = &d.errors
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if d.in, err = d.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	d.out = bufio.NewScanner(out)
	return d, d.cmd.Start()
}

func (c *Cluster) takeSpare() *Driver {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.spare
	c.spare = nil
	return d
}

// prepare readies the next driver's interpreter while this one's workers go.
func (c *Cluster) prepare() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.spare != nil {
		return
	}
	if d, err := c.interpreter(); err == nil { // else the next Drive tells why
		c.spare = d
	}
}

// Tell sends the driver a line.
func (d *Driver) Tell(line string) error {
	_, err := io.WriteString(d.in, line+"\n")
	return err
}

// Await reads the driver's lines until one starts with a word, and returns the
// rest of that line.
func (d *Driver) Await(word string) (string, error) {
	for d.out.Scan() {
		d.said = append(d.said, d.out.Text())
		if rest, ok := strings.CutPrefix(d.out.Text(), word); ok {
			return strings.TrimSpace(rest), nil
		}
	}
	_ = d.cmd.Wait() // what it said is told below
	return "", fmt.Errorf("the driver ended without saying %q: %s\n%s", word, strings.Join(d.said, "\n"), d.errors.String())
}

// Wait waits for the driver's end and returns its output.
func (d *Driver) Wait() (string, error) {
	_ = d.in.Close()
	for d.out.Scan() {
		d.said = append(d.said, d.out.Text())
	}
	said := strings.Join(d.said, "\n")
	if err := d.cmd.Wait(); err != nil {
		return said, fmt.Errorf("driver: %w: %s\n%s", err, said, d.errors.String())
	}
	d.cluster.prepare()
	return said, nil
}

// Kill ends the driver by force.
func (d *Driver) Kill() {
	_ = d.cmd.Process.Kill() // it may have ended
	_ = d.cmd.Wait()
}

// Errors is what the driver wrote to standard error.
func (d *Driver) Errors() string { return d.errors.String() }
