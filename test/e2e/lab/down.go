package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// down ends and removes everything but the logs. It asks neither the kubelet
// nor containerd, which may be dead: what runs in the namespace or in the
// cluster's cgroups is the cluster's. Nothing of it is kept, so nothing needs
// to end politely.
func (l lab) down() error {
	if err := needRoot(); err != nil {
		return err
	}
	if l.inNetns("self") {
		return errors.New("down would end itself here: run it outside the cluster")
	}
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"ending processes", l.end}, {"removing shims' sockets", l.removeShimSockets}, {"unmounting", l.unmountAll},
		{"removing cgroups", func() error { return persist(l.removeCgroups) }}, {"removing CNI's cache", l.removeNetworkCache},
		{"setting back the machine's settings", restoreSettings}, {"removing the state", l.removeState},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	l.say("down; logs are in " + l.state("logs"))
	return nil
}

// persist does something until it works: the kernel ends things in its time.
func persist(do func() error) error {
	var err error
	for range 200 {
		if err = do(); err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

// end kills all processes of the cluster, until there are none.
func (l lab) end() error {
	return persist(func() error {
		left := l.members()
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
		}
		if len(left) > 0 {
			return fmt.Errorf("still there: %v", left)
		}
		return nil
	})
}

// members are the living processes of the cluster.
func (l lab) members() []int {
	out := l.inCgroups()
	for _, pid := range processes() {
		if l.inNetns(strconv.Itoa(pid)) {
			out = append(out, pid)
		}
	}
	out = slices.DeleteFunc(out, func(pid int) bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err != nil || startTime(stat) == "" || pid == os.Getpid()
	})
	slices.Sort(out)
	return slices.Compact(out)
}

// removeShimSockets removes those that containerd keeps outside its state.
func (l lab) removeShimSockets() error {
	files, _ := filepath.Glob(l.state("containerd/state/io.containerd.runtime.v2.task/*/*/address"))
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		if path, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "unix://"); ok {
			_ = os.Remove(path) // pods' containers share one
		}
	}
	return nil
}

// mountsBelow are the mounts below a folder, the last mounted first.
func mountsBelow(dir, mounts string) []string {
	var out []string
	for line := range strings.Lines(mounts) {
		if fields := strings.Fields(line); len(fields) > 1 && strings.HasPrefix(fields[1], dir+"/") {
			out = append(out, fields[1])
		}
	}
	slices.Reverse(out)
	return out
}

// unmountAll makes sure that no mount is left: removing files comes next.
func (l lab) unmountAll() error {
	return persist(func() error {
		text, err := os.ReadFile("/proc/self/mounts")
		if err != nil {
			return err
		}
		left := mountsBelow(l.dir, string(text))
		if len(left) == 0 {
			return nil
		}
		for _, path := range left {
			err = errors.Join(err, unmount(path))
		}
		return errors.Join(err, fmt.Errorf("mounted: %v", left))
	})
}

// removeNetworkCache removes what libcni keeps of each network of a pod.
func (l lab) removeNetworkCache() error {
	files, _ := filepath.Glob("/var/lib/cni/results/*")
	for _, f := range files {
		if text, _ := os.ReadFile(f); strings.Contains(string(text), l.dir+"/") {
			if err := os.Remove(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeState removes what up has made, and nothing else that may be there.
func (l lab) removeState() error {
	for _, name := range []string{
		"etcd", "kubelet", "containerd", "cni", "pki", "kubeconfig", "pids", "resolv.conf", "ray-image.json", "netns",
	} {
		if err := os.RemoveAll(l.state(name)); err != nil {
			return err
		}
	}
	return nil
}
