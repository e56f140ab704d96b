package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

func cgroupV2() bool {
	_, err := os.Stat("/sys/fs/cgroup/cgroup.controllers")
	return err == nil
}

// cgroups are the folders below which the kubelet makes its own, one in each
// hierarchy.
func (l lab) cgroups() []string {
	if cgroupV2() {
		return []string{filepath.Join("/sys/fs/cgroup", l.name())}
	}
	roots, _ := filepath.Glob("/sys/fs/cgroup/*/cgroup.procs")
	for i, r := range roots {
		roots[i] = filepath.Join(filepath.Dir(r), l.name())
	}
	return roots
}

func (l lab) makeCgroups() error {
	for _, dir := range l.cgroups() {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("making the cluster's cgroups: %w", err)
		}
	}
	return nil
}

// within are a folder and those below it, the deepest first.
func within(dir string) []string {
	var out []string
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			out = append(out, path)
		}
		return nil // what has gone meanwhile is as good
	})
	slices.Reverse(out)
	return out
}

// inCgroups are the pids in the cluster's cgroups: those of containers.
func (l lab) inCgroups() []int {
	var out []int
	for _, root := range l.cgroups() {
		for _, dir := range within(root) {
			text, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
			for _, field := range strings.Fields(string(text)) {
				if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
					out = append(out, pid)
				}
			}
		}
	}
	return out
}

// removeCgroups fails while something is in them.
func (l lab) removeCgroups() error {
	var errs error
	for _, root := range l.cgroups() {
		for _, dir := range within(root) {
			if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = errors.Join(errs, err)
			}
		}
	}
	return errs
}
