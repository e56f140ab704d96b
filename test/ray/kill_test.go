package ray_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// attempt waits for a task's first attempt and returns the node it runs on.
func attempt(t *testing.T, path string) string {
	t.Helper()
	for range 600 {
		if b, err := os.ReadFile(path); err == nil && len(b) > 0 {
			node, _, _ := strings.Cut(string(b), "\n")
			return node
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("the task never ran")
	return ""
}

// kill9 kills the raylet of a node: its command line names the node's id.
func kill9(t *testing.T, node string) {
	t.Helper()
	pids := matching(t, func(command string) bool {
		return strings.Contains(command, "raylet/raylet") && strings.Contains(command, node)
	})
	if len(pids) == 0 {
		t.Fatalf("no raylet of node %s", node)
	}
	if err := syscall.Kill(pids[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// matching are the processes whose command line is as wished.
func matching(t *testing.T, is func(string) bool) []int {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(paths) == 0 {
		t.Fatalf("these tests read /proc: they need Linux (%v)", err)
	}
	var out []int
	for _, p := range paths {
		b, err := os.ReadFile(p)
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(p)))
		if err == nil && is(strings.ReplaceAll(string(b), "\x00", " ")) {
			out = append(out, pid)
		}
	}
	return out
}
