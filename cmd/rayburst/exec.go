package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/syntax"

	"github.com/rayburst/rayburst/deploy/kubectl"
)

// sessionFlags are those of Ray's attach, exec and submit.
type sessionFlags struct {
	Start       bool  `help:"Make the cluster first if it has no head (as rayburst up --yes)."`
	Screen      bool  `xor:"multiplexer" help:"In a screen, which the image must have."`
	Tmux        bool  `xor:"multiplexer" help:"In a tmux, which the image must have."`
	PortForward []int `short:"p" placeholder:"PORT" help:"Forward a port of this machine to the head meanwhile."`
	upFlags     `group:"With --start:"`
}

// execCmd runs a command on the head.
type execCmd struct {
	clusterFile
	Command string `arg:"" help:"The command, for bash."`
	endFlags
	sessionFlags
	RunEnv string `enum:"auto,host,docker" default:"auto" help:"auto or docker: Ray's container. There is no host."`
}

// endFlags say what follows a command.
type endFlags struct {
	Stop bool `help:"End the cluster after the command, whatever its exit code is."`
}

// Run runs it and ends with its exit code.
func (c *execCmd) Run(ctx context.Context) error {
	if c.RunEnv == "host" {
		return errors.New(`--run-env: must be auto or docker, as commands run in Ray's container (got "host")`)
	}
	return c.clusterFile.connect(ctx, c.sessionFlags, c.Stop, func(s connection) error { return s.command(ctx, c.Command) })
}

// attachCmd is a shell on the head.
type attachCmd struct {
	clusterFile
	sessionFlags
	New    bool   `short:"N" help:"With --screen or --tmux: a new one."`
	NodeIP string `name:"node-ip" placeholder:"IP" help:"On this node instead of the head."`
}

// Run attaches.
func (c *attachCmd) Run(ctx context.Context) error {
	command := "exec ${SHELL:-bash}"
	switch {
	case c.Tmux && c.New:
		command = "exec tmux new"
	case c.Tmux:
		command = "tmux attach || exec tmux new"
	case c.Screen && c.New:
		command = "exec screen -L"
	case c.Screen:
		command = "exec screen -L -xRR"
	case c.New:
		return errors.New("--new: must be given with --screen or --tmux")
	}
	return c.clusterFile.connect(ctx, c.sessionFlags, false, func(s connection) error {
		if c.NodeIP != "" {
			pod, err := s.podAt(ctx, c.NodeIP)
			if err != nil {
				return err
			}
			s.pod = pod
		}
		return s.shell(ctx, command)
	})
}

// connection is a command's connection to a pod.
type connection struct {
	target
	sessionFlags
	pod string
}

// connect reaches the head, with ports forwarded, and does something there.
func (f clusterFile) connect(ctx context.Context, flags sessionFlags, stop bool, do func(connection) error) error {
	if stop && (flags.Screen || flags.Tmux) {
		return errors.New("--stop: must not be given with --screen or --tmux, as nobody waits for the command's end")
	}
	t, err := f.open()
	if err != nil {
		return err
	}
	if err := f.started(ctx, t, flags); err != nil {
		return err
	}
	head, err := t.Head(ctx, t.release())
	if err != nil {
		return err
	}
	s := connection{target: t, sessionFlags: flags, pod: head.Name}
	end, err := s.forward(ctx)
	if err != nil {
		return err
	}
	defer end()
	err = do(s)
	if stop {
		down := downCmd{clusterFile: f, Yes: true, Timeout: flags.Timeout}
		err = errors.Join(err, down.Run(ctx))
	}
	return err
}

// started makes the cluster with --start where it has no head.
func (f clusterFile) started(ctx context.Context, t target, flags sessionFlags) error {
	if !flags.Start {
		return nil
	}
	if _, err := t.Head(ctx, t.release()); !errors.Is(err, kubectl.ErrNoHead) {
		return err
	}
	up := upCmd{clusterFile: f, upFlags: flags.upFlags, Yes: true}
	return up.Run(ctx)
}

// forward forwards the ports until end is called.
func (s connection) forward(ctx context.Context) (end func(), err error) {
	if len(s.PortForward) == 0 {
		return func() {}, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	f := kubectl.Forward{Pod: s.pod, Log: io.Discard}
	for _, p := range s.PortForward {
		f.Ports = append(f.Ports, strconv.Itoa(p)+":"+strconv.Itoa(p))
	}
	ready, failed := make(chan struct{}), make(chan error, 1)
	var done sync.WaitGroup
	done.Go(func() { failed <- s.Forward(ctx, f, func([]int) { close(ready) }) })
	select {
	case <-ready:
		return func() { cancel(); done.Wait() }, nil
	case err := <-failed:
		cancel()
		return nil, err
	}
}

// command runs a command, or leaves it running in a screen or tmux.
func (s connection) command(ctx context.Context, command string) error {
	if s.Screen || s.Tmux {
		quoted, err := syntax.Quote(command+"; exec bash", syntax.LangBash)
		if err != nil {
			return fmt.Errorf("the command: %w", err)
		}
		command = "tmux new -d bash -c " + quoted
		if s.Screen {
			command = "screen -L -dm bash -c " + quoted
		}
	}
	return s.run(ctx, kubectl.Command{Args: []string{"/bin/bash", "-c", command}, Stdout: os.Stdout, Stderr: os.Stderr, Stdin: piped()})
}

// piped is what is piped into this command; a terminal is not read.
func piped() io.Reader {
	if isTerminal(os.Stdin) {
		return nil
	}
	return os.Stdin
}

// shell gives the command this terminal, if there is one.
func (s connection) shell(ctx context.Context, command string) error {
	return s.run(ctx, kubectl.Command{
		Args:  []string{"/usr/bin/env", "TERM=" + terminalName(), "/bin/bash", "-c", command},
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Terminal: isTerminal(os.Stdin),
	})
}

func terminalName() string {
	if name := os.Getenv("TERM"); name != "" {
		return name
	}
	return "xterm"
}

// run ends with the command's exit code.
func (s connection) run(ctx context.Context, cmd kubectl.Command) error {
	cmd.Pod = s.pod
	err := s.Exec(ctx, cmd)
	var exit kubectl.ExitError
	if errors.As(err, &exit) {
		return exitError{exit.Code}
	}
	return err
}

// podAt is the pod of the node with an address.
func (t target) podAt(ctx context.Context, ip string) (string, error) {
	head, err := t.Head(ctx, t.release())
	if err != nil {
		return "", err
	}
	workers, err := t.Workers(ctx, t.release())
	if err != nil {
		return "", err
	}
	known := []string{}
	for _, p := range append(workers, *head) {
		if p.Status.PodIP == ip {
			return p.Name, nil
		}
		known = append(known, p.Status.PodIP)
	}
	return "", fmt.Errorf("--node-ip: must be one of %s (got %q)", strings.Join(known, ", "), ip)
}
