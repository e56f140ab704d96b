package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process names a process for good: pids come again, with another start.
type process struct {
	pid   int
	start string // field 22 of /proc/PID/stat
}

func (p process) String() string { return fmt.Sprintf("%d %s", p.pid, p.start) }

func parseProcess(text string) (process, error) {
	var p process
	if n, err := fmt.Sscan(text, &p.pid, &p.start); n != 2 {
		return process{}, fmt.Errorf("a process is a pid and a start time, not %q: %w", text, err)
	}
	return p, nil
}

// startTime is when a process started as its stat says, or nothing if it has
// ended. A name may hold spaces and brackets, so what follows the last bracket
// counts.
func startTime(stat []byte) string {
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" {
		return ""
	}
	return fields[19]
}

func (p process) alive() bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
	return err == nil && p.start != "" && startTime(stat) == p.start
}

// spawn starts a process that outlives this one; its output goes to a log.
func (l lab) spawn(name string, args ...string) error {
	log, err := os.Create(l.state("logs/" + name + ".log"))
	if err != nil {
		return fmt.Errorf("starting %s: %w", name, err)
	}
	defer log.Close()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", name, err)
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
	if err != nil {
		return fmt.Errorf("starting %s: %w", name, err)
	}
	p := process{cmd.Process.Pid, startTime(stat)}
	return os.WriteFile(l.state("pids/"+name), []byte(p.String()), 0o644)
}

// running tells whether the process that was spawned by a name lives.
func (l lab) running(name string) bool {
	text, err := os.ReadFile(l.state("pids/" + name))
	if err != nil {
		return false
	}
	p, err := parseProcess(string(text))
	return err == nil && p.alive()
}

// await waits until something holds, and fails at once when a process of the
// cluster has ended.
func (l lab) await(what string, patience time.Duration, holds func() bool) error {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if holds() {
			l.say(what)
			return nil
		}
		if name := l.ended(); name != "" {
			return fmt.Errorf("waiting for %s: %s has ended: %s", what, name, l.lastWords(name))
		}
	}
	return fmt.Errorf("waiting for %s: not within %s", what, patience)
}

// ended is the name of a process that was spawned and lives no more.
func (l lab) ended() string {
	names, _ := filepath.Glob(l.state("pids/*"))
	for _, path := range names {
		if name := filepath.Base(path); !l.running(name) {
			return name
		}
	}
	return ""
}

// lastWords is the end of a process's log.
func (l lab) lastWords(name string) string {
	const most = 400
	text, _ := os.ReadFile(l.state("logs/" + name + ".log"))
	return strings.TrimSpace(string(text[max(0, len(text)-most):]))
}

// processes are the pids of the machine.
func processes() []int {
	var out []int
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			out = append(out, pid)
		}
	}
	return out
}
