package local

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is one `ray start --block` and what it has started.
type process struct {
	cmd  *exec.Cmd
	dir  string
	log  string
	keep string // a folder that gets Ray's own logs; empty: none
	done chan struct{}
	err  error // how it ended; after done
}

// launch starts Ray in a process group of its own, so that an interrupt at the
// terminal reaches us and not Ray: in a spare interpreter if there is one.
func launch(ray Ray, s start, logs string, warm *spare) (*process, error) {
	args := s.args()
	p := &process{dir: s.dir, log: filepath.Join(logs, s.name+".log"), keep: s.keep, done: make(chan struct{})}
	if warm != nil && warm.become(append([]string{"ray"}, args...), s.env(), p.log) == nil {
		p.cmd = warm.cmd
	} else if err := p.exec(ray, s, args); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// exec starts the ray command itself.
func (p *process) exec(ray Ray, s start, args []string) error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("keeping the log of %s: %w", s, err)
	}
	defer log.Close()
	p.cmd = exec.Command(ray.Path, args...)
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = s.env(), log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("starting Ray for %s: %w", s, err)
	}
	return nil
}

// stop ends Ray politely, then by force; what is left of it is killed, and its
// folder removed.
func (p *process) stop(ctx context.Context, patience time.Duration) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-p.done:
	case <-time.After(patience):
		p.kill()
	case <-ctx.Done():
		p.kill()
	}
	<-p.done
	p.clean()
}

// kill ends Ray's process group by force; it may have ended by itself.
func (p *process) kill() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }

// clean kills what this Ray has left behind and removes its folder.
func (p *process) clean() {
	killUnder(p.dir)
	if p.keep != "" {
		_ = os.CopyFS(p.keep, os.DirFS(filepath.Join(p.dir, "session_latest", "logs"))) // as much as can be read
	}
	_ = os.RemoveAll(p.dir)
}

// tail is the end of the process's log, for an error message.
func (p *process) tail() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n  ")
}

// killUnder kills every process that was started for a Ray temp dir: their
// command lines name it.
func killUnder(dir string) {
	for pid, command := range processes() {
		if pid != os.Getpid() && strings.Contains(command, dir+"/") {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by itself
		}
	}
}

// processes are the command lines of this machine's processes.
func processes() map[int]string {
	out := map[int]string{}
	paths, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is well-formed
	for _, path := range paths {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		b, readErr := os.ReadFile(path)
		if err == nil && readErr == nil {
			out[pid] = strings.ReplaceAll(string(b), "\x00", " ")
		}
	}
	if len(paths) > 0 {
		return out
	}
	list, _ := exec.Command("ps", "-axww", "-o", "pid=,command=").Output() // macOS has it
	for line := range strings.Lines(string(list)) {
		var pid int
		if _, err := fmt.Sscan(line, &pid); err == nil {
			out[pid] = line
		}
	}
	return out
}
