package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// netns is the file by which the cluster's network namespace is kept.
func (l lab) netns() string { return l.state("netns") }

// inNetns tells whether a process is in the cluster's network namespace.
func (l lab) inNetns(pid string) bool {
	have, err := os.Stat(filepath.Join("/proc", pid, "ns/net"))
	if err != nil {
		return false
	}
	want, err := os.Stat(l.netns())
	return err == nil && os.SameFile(have, want)
}

// create makes the namespace and enters it. A namespace belongs to a thread:
// the caller goes on by exec, from this one.
func (l lab) create() error {
	runtime.LockOSThread()
	if err := os.WriteFile(l.netns(), nil, 0o600); err != nil {
		return fmt.Errorf("making the network namespace: %w", err)
	}
	if err := newNetns(); err != nil {
		return fmt.Errorf("making the network namespace: %w", err)
	}
	if err := bind("/proc/thread-self/ns/net", l.netns()); err != nil {
		return fmt.Errorf("keeping the network namespace: %w", err)
	}
	return nil
}

// enter enters the namespace; as with create, what follows is an exec.
func (l lab) enter() error {
	if l.inNetns("self") {
		return nil
	}
	runtime.LockOSThread()
	f, err := os.Open(l.netns())
	if errors.Is(err, os.ErrNotExist) {
		return errors.New("the cluster is not up: run make e2e-up")
	}
	if err != nil {
		return fmt.Errorf("entering the network namespace: %w", err)
	}
	defer f.Close()
	if err := setNetns(f.Fd()); err != nil {
		return fmt.Errorf("entering the network namespace: %w", err)
	}
	return nil
}

// again becomes this program anew with another command.
func (l lab) again(args ...string) error {
	return syscall.Exec("/proc/self/exe", append([]string{os.Args[0], "-dir", l.dir}, args...), os.Environ())
}

// connect gives the namespace a node address and a default route, both on a
// bridge without ports: every address has a route, so that Services can be
// translated, and what is not translated goes nowhere.
func connect() error {
	for _, args := range []string{
		"link set lo up", "link add node0 type bridge", "addr add " + nodeIP + "/24 dev node0", "link set node0 up",
		"route add default dev node0",
	} {
		if err := output(exec.Command("ip", strings.Fields(args)...)); err != nil {
			return fmt.Errorf("connecting the node: %w", err)
		}
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
}

// exec becomes a command inside, with the cluster's DNS in a mount namespace
// of its own. Modules come from the cache: there is no way out.
func (l lab) exec(args []string) error {
	if len(args) == 0 {
		return errors.New("exec: which command?")
	}
	if err := errors.Join(needRoot(), l.enter()); err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := newMounts(); err != nil {
		return fmt.Errorf("making a mount namespace: %w", err)
	}
	if err := bind(l.state("resolv.conf"), "/etc/resolv.conf"); err != nil {
		return fmt.Errorf("setting the cluster's DNS: %w", err)
	}
	for name, value := range l.environment() {
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("setting %s: %w", name, err)
		}
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return fmt.Errorf("finding the command: %w", err)
	}
	return syscall.Exec(path, args, os.Environ())
}

// environment is what commands inside are told.
func (l lab) environment() map[string]string {
	return map[string]string{
		"KUBECONFIG": l.kubeconfig("admin"), "PATH": l.cache("bin") + ":" + os.Getenv("PATH"),
		"GOPROXY": "off", "GOTOOLCHAIN": "local", dirVariable: l.dir,
	}
}
