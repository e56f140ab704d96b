package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

func platform() error {
	if at := runtime.GOOS + "/" + runtime.GOARCH; at != "linux/amd64" {
		return errors.New("the lab runs on linux/amd64 only, this is " + at)
	}
	return nil
}

func needRoot() error {
	if uid := os.Geteuid(); uid != 0 {
		return fmt.Errorf("the lab needs root for namespaces, mounts and cgroups: run it with sudo (this is user %d)", uid)
	}
	return nil
}

// debPackage is a Debian package and the programs by which it is known.
type debPackage struct {
	name     string
	programs []string
}

// needed are what the lab takes from Debian.
var needed = []debPackage{
	{"containerd", []string{"containerd", "ctr"}},
	{"runc", []string{"runc"}},
	{"containernetworking-plugins", []string{"ptp", "host-local", "portmap", "loopback"}},
	{"nftables", []string{"nft"}},
	{"iproute2", []string{"ip"}},
	{"redis-tools", []string{"redis-cli", "redis-check-rdb"}}, // the server too, by that name: no service of it is started
}

// pluginDirs are where distributions have CNI plugins.
var pluginDirs = []string{"/usr/lib/cni", "/opt/cni/bin"}

// plugins is the folder of the CNI plugins.
func plugins() string {
	for _, dir := range pluginDirs {
		if _, err := os.Stat(filepath.Join(dir, "ptp")); err == nil {
			return dir
		}
	}
	return pluginDirs[0]
}

func installed(program string) bool {
	if _, err := exec.LookPath(program); err == nil {
		return true
	}
	_, err := os.Stat(filepath.Join(plugins(), program))
	return err == nil
}

// missing are the packages of which a program is not there.
func missing(packages []debPackage, there func(program string) bool) []debPackage {
	var out []debPackage
	for _, p := range packages {
		lack := debPackage{name: p.name}
		for _, program := range p.programs {
			if !there(program) {
				lack.programs = append(lack.programs, program)
			}
		}
		if len(lack.programs) > 0 {
			out = append(out, lack)
		}
	}
	return out
}

// missingError says what is missing and how to get it.
func missingError(packages []debPackage) error {
	var what, names []string
	for _, p := range packages {
		what = append(what, fmt.Sprintf("%s (of %s)", strings.Join(p.programs, ", "), p.name))
		names = append(names, p.name)
	}
	return fmt.Errorf("not installed: %s; on Debian: apt-get install -y --no-install-recommends %s",
		strings.Join(what, "; "), strings.Join(names, " "))
}

// needPackages installs what is missing where there is apt-get, and fails
// elsewhere.
func (l lab) needPackages() error {
	lack := missing(needed, installed)
	if len(lack) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return missingError(lack)
	}
	args := []string{"install", "-y", "--no-install-recommends"}
	for _, p := range lack {
		args = append(args, p.name)
	}
	if apt(args...) != nil { // perhaps the lists are old
		if err := errors.Join(apt("update"), apt(args...)); err != nil {
			return fmt.Errorf("%w: %w", missingError(lack), err)
		}
	}
	l.say("installed " + strings.Join(args[3:], " "))
	if lack = missing(needed, installed); len(lack) > 0 {
		return missingError(lack)
	}
	return nil
}

func apt(args ...string) error {
	cmd := exec.Command("apt-get", append([]string{"-qq"}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	return output(cmd)
}

// output runs a command; its error has what the command said.
func output(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
