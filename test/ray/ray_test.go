// Package ray_test runs the scenarios of the product on real Ray: the real
// program, real raylets, real drivers.
package ray_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rayburst/rayburst/scaler"
	"github.com/rayburst/rayburst/test/rig"
)

var binary, rayCommand string

func TestMain(m *testing.M) {
	rayCommand = os.Getenv("RAYBURST_RAY")
	if _, err := exec.LookPath(rayCommand); err != nil {
		fmt.Fprintln(os.Stderr, "these tests need real Ray: run them with `make test`, or set RAYBURST_RAY to a ray command")
		os.Exit(1)
	}
	if binary = os.Getenv("RAYBURST_BINARY"); binary != "" {
		os.Exit(m.Run()) // make has just built it
	}
	dir, err := os.MkdirTemp("", "rayburst-test-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "rayburst")
	build := exec.Command("go", "build", "-o", binary, "github.com/rayburst/rayburst/cmd/rayburst")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// start starts a cluster that ends with the test, and must leave nothing.
func start(t *testing.T, yaml string, args ...string) *rig.Cluster {
	t.Helper()
	c, err := rig.Start(t.Context(), rig.Options{Binary: binary, Ray: rayCommand, YAML: yaml, Args: args})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Errorf("stopping: %v", err)
		}
		if t.Failed() {
			t.Log(strings.Join(c.Lines(), "\n"))
		}
	})
	return c
}

func drive(t *testing.T, c *rig.Cluster, args ...string) *rig.Driver {
	t.Helper()
	d, err := c.Drive("testdata/driver.py", args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Kill)
	return d
}

func await(t *testing.T, d *rig.Driver, word string) string {
	t.Helper()
	rest, err := d.Await(word)
	if err != nil {
		t.Fatal(err)
	}
	return rest
}

func tell(t *testing.T, d *rig.Driver) {
	t.Helper()
	if err := d.Tell("go"); err != nil {
		t.Fatal(err)
	}
}

func finish(t *testing.T, d *rig.Driver) {
	t.Helper()
	if _, err := d.Wait(); err != nil {
		t.Fatal(err)
	}
}

// eventually waits for a decision.
func eventually(t *testing.T, c *rig.Cluster, what string, is func(*scaler.Decision) bool) *scaler.Decision {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	var last *scaler.Decision
	for ctx.Err() == nil {
		if d, err := c.Decision(ctx); err == nil {
			if last = d; is(d) {
				return d
			}
		}
		time.Sleep(30 * time.Millisecond)
	}
	text := "no decision"
	if last != nil {
		text, _ = last.Explain("")
	}
	t.Fatalf("never came: %s; last:\n%s", what, text)
	return nil
}

// workers waits until a type has so many running workers and no others.
func workers(t *testing.T, c *rig.Cluster, nodeType string, n int) *scaler.Decision {
	t.Helper()
	return eventually(t, c, fmt.Sprintf("%d workers of %s", n, nodeType), func(d *scaler.Decision) bool {
		g, ok := d.Target(nodeType)
		return ok && d.Unknown == "" && g.Running == n && g.Joining == 0 && g.Draining == 0 && g.Workers == n
	})
}

// empty waits until no worker is left.
func empty(t *testing.T, c *rig.Cluster) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	if err := c.Empty(ctx); err != nil {
		t.Fatal(err)
	}
}

// asked is how many workers were asked for while f ran.
func asked(c *rig.Cluster, nodeType string, f func()) int {
	before := c.Count(nodeType, "asked")
	f()
	return c.Count(nodeType, "asked") - before
}
