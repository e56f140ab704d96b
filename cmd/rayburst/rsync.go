package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/rayburst/rayburst/deploy/kubectl"
	"github.com/rayburst/rayburst/deploy/tarball"
)

// rayburstInPod is this program in Ray's container.
const rayburstInPod = "/rayburst/rayburst"

// rsyncPaths are what is copied; without them all file_mounts are.
type rsyncPaths struct {
	Source string `arg:"" optional:"" help:"A file or folder; one that ends in a slash: what is in it."`
	Target string `arg:"" optional:"" help:"Where it goes."`
}

func (p rsyncPaths) check() error {
	if p.Source != "" && p.Target == "" {
		return errors.New("TARGET: must be given with SOURCE (without both, all file_mounts are copied)")
	}
	return nil
}

// rsyncUpCmd copies to the head.
type rsyncUpCmd struct {
	clusterFile
	rsyncPaths
	AllNodes bool `short:"A" help:"To all workers too."`
}

// Run copies.
func (c *rsyncUpCmd) Run(ctx context.Context) error {
	if err := c.check(); err != nil {
		return err
	}
	t, err := c.open()
	if err != nil {
		return err
	}
	pods, err := t.nodes(ctx, c.AllNodes)
	if err != nil {
		return err
	}
	for _, pod := range pods {
		if err := c.to(ctx, t, pod); err != nil {
			return err
		}
	}
	return nil
}

func (c *rsyncUpCmd) to(ctx context.Context, t target, pod string) error {
	if c.Source != "" {
		skip, err := tarball.Exclude(c.Source, t.cluster.RsyncExclude, t.cluster.RsyncFilter)
		if err != nil {
			return err
		}
		return t.send(ctx, pod, tarball.Source{Path: c.Source, Name: tarball.Base(c.Source), Skip: skip}, c.Target)
	}
	all, err := mounts(t.cluster)
	if err != nil {
		return err
	}
	for _, s := range all {
		place := s.Name
		if info, err := os.Stat(s.Path); err == nil && info.IsDir() {
			s.Name = "."
		}
		if err := t.send(ctx, pod, s, place); err != nil {
			return err
		}
	}
	return nil
}

// nodes are the pods of the head and, if all are meant, of the workers.
func (t target) nodes(ctx context.Context, all bool) ([]string, error) {
	head, err := t.Head(ctx, t.release())
	if err != nil {
		return nil, err
	}
	out := []string{head.Name}
	if !all {
		return out, nil
	}
	workers, err := t.Workers(ctx, t.release())
	for _, w := range workers {
		out = append(out, w.Name)
	}
	return out, err
}

// send copies a file or folder to a place in a pod.
func (t target) send(ctx context.Context, pod string, s tarball.Source, place string) error {
	in, out := io.Pipe()
	go func() { out.CloseWithError(tarball.Pack(out, s)) }()
	defer in.Close()
	var said strings.Builder
	err := t.Exec(ctx, kubectl.Command{Pod: pod, Args: []string{rayburstInPod, "unpack", "-", place}, Stdin: in, Stdout: &said, Stderr: &said})
	return copyFailed(err, "copying "+s.Path+" to "+pod+":"+place, said.String())
}

// copyFailed says what went wrong at the other end.
func copyFailed(err error, what, said string) error {
	var exit kubectl.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("%s: %s", what, strings.TrimPrefix(strings.TrimSpace(said), "rayburst: "))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// rsyncDownCmd copies from the head.
type rsyncDownCmd struct {
	clusterFile
	rsyncPaths
}

// Run copies.
func (c *rsyncDownCmd) Run(ctx context.Context) error {
	if err := c.check(); err != nil {
		return err
	}
	t, head, err := c.openHead(ctx)
	if err != nil {
		return err
	}
	if c.Source != "" {
		return t.fetch(ctx, head.Name, c.Source, c.Target)
	}
	for _, place := range slices.Sorted(maps.Keys(t.cluster.FileMounts)) {
		local := t.cluster.FileMounts[place]
		if info, err := os.Stat(local); err == nil && info.IsDir() {
			place = strings.TrimSuffix(place, "/") + "/"
		}
		if err := t.fetch(ctx, head.Name, place, local); err != nil {
			return err
		}
	}
	return nil
}

// fetch copies a file or folder of a pod to a local place.
func (t target) fetch(ctx context.Context, pod, place, local string) error {
	in, out := io.Pipe()
	var said strings.Builder
	go func() {
		out.CloseWithError(t.Exec(ctx, kubectl.Command{Pod: pod, Args: []string{rayburstInPod, "pack", place}, Stdout: out, Stderr: &said}))
	}()
	err := tarball.Unpack(in, local)
	_, rest := io.Copy(io.Discard, in) // to the end, so that a failure is seen
	_ = in.Close()
	return copyFailed(errors.Join(rest, err), "copying "+pod+":"+place+" to "+local, said.String())
}
