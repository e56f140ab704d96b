package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// halt ends a process of the cluster at once, as a crash would.
func (l lab) halt(args []string) error {
	name, p, err := l.named(args)
	if err != nil {
		return err
	}
	command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.pid))
	if err != nil {
		return fmt.Errorf("halting %s: %w", name, err)
	}
	if err := os.WriteFile(l.state("halted-"+name), command, 0o600); err != nil {
		return fmt.Errorf("halting %s: %w", name, err)
	}
	return errors.Join(os.Remove(l.state("pids/"+name)), syscall.Kill(p.pid, syscall.SIGKILL))
}

// resume starts a halted process again as it was: in this one's network, and with
// the mounts of the cluster, which a command inside does not share.
func (l lab) resume(args []string) error {
	if len(args) != 1 {
		return errors.New("resume: which process?")
	}
	path := l.state("halted-" + args[0])
	command, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("resuming %s: %w", args[0], err)
	}
	words := strings.Split(string(bytes.TrimRight(command, "\x00")), "\x00")
	_, etcd, err := l.named([]string{"etcd"})
	if err != nil {
		return err
	}
	words = append([]string{"nsenter", fmt.Sprintf("--mount=/proc/%d/ns/mnt", etcd.pid), "--"}, words...)
	return errors.Join(l.spawn(args[0], words...), os.Remove(path))
}

// named is the living process of a name.
func (l lab) named(args []string) (string, process, error) {
	if len(args) != 1 {
		return "", process{}, errors.New("halt: which process?")
	}
	text, err := os.ReadFile(l.state("pids/" + args[0]))
	if err != nil {
		return "", process{}, fmt.Errorf("halting %s: %w", args[0], err)
	}
	p, err := parseProcess(string(text))
	if err == nil && !p.alive() {
		err = fmt.Errorf("halting %s: it has ended", args[0])
	}
	return args[0], p, err
}
