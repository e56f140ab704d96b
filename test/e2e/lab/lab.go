package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// What the cluster is made of: inside its namespace any address is free.
const (
	nodeName    = "node"
	nodeIP      = "10.99.0.1"
	podCIDR     = "10.244.0.0/24"
	fakeCIDR    = "10.245.0.0/16"
	serviceCIDR = "10.96.0.0/16"
	serviceIP   = "10.96.0.1"
	dnsIP       = "10.96.0.10"
	server      = "https://" + nodeIP + ":6443"
	module      = "github.com/rayburst/rayburst"
)

// lab is where things are.
type lab struct {
	root  string // the repository
	dir   string // all state
	began time.Time
}

// maxDir keeps the paths of sockets below the 108 bytes that a system allows.
const maxDir = 60

func newLab(dir string) (lab, error) {
	here, err := os.Getwd()
	if err != nil {
		return lab{}, fmt.Errorf("finding the repository: %w", err)
	}
	root, err := repository(here)
	if err != nil {
		return lab{}, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return lab{}, fmt.Errorf("finding -dir: %w", err)
	}
	if len(dir) > maxDir {
		return lab{}, fmt.Errorf("-dir must be at most %d bytes long, for the sockets below it: %q", maxDir, dir)
	}
	return lab{root: root, dir: dir, began: time.Now()}, nil
}

// repository is the folder at or above a folder that holds this module.
func repository(folder string) (string, error) {
	for dir := folder; ; dir = filepath.Dir(dir) {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module "+module+"\n") {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("finding the repository: " + folder + " is not within module " + module)
		}
	}
}

// name is the cluster's: of its cgroup and its pod network.
func (l lab) name() string { return filepath.Base(l.dir) }

func (l lab) cache(name string) string      { return filepath.Join(l.root, ".cache/e2e", name) }
func (l lab) bin(name string) string        { return filepath.Join(l.cache("bin"), name) }
func (l lab) mod(name string) string        { return filepath.Join(l.root, "test/e2e/lab/mods", name) }
func (l lab) state(name string) string      { return filepath.Join(l.dir, name) }
func (l lab) pki(name string) string        { return filepath.Join(l.dir, "pki", name) }
func (l lab) kubeconfig(user string) string { return filepath.Join(l.dir, "kubeconfig", user+".yaml") }

// say tells that a step is done, and when.
func (l lab) say(step string) { fmt.Printf("%6.1fs %s\n", time.Since(l.began).Seconds(), step) }
