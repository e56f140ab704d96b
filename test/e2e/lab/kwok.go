package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// stagesFile is what kwok's nodes and pods go through, as kwok ships it.
func (l lab) stagesFile() string { return l.bin("kwok-" + kwokVersion + ".yaml") }

// stages are the folders of kwok's own stages that are used.
var stages = []string{"node/fast", "node/heartbeat-with-lease", "pod/fast"}

func (l lab) kwokStages() error {
	if _, err := os.Stat(l.stagesFile()); err == nil {
		return nil
	}
	dir, err := l.moduleDir("kwok", "sigs.k8s.io/kwok")
	if err != nil {
		return err
	}
	var out strings.Builder
	for _, stage := range stages {
		files, _ := filepath.Glob(filepath.Join(dir, "kustomize/stage", stage, "*.yaml"))
		for _, f := range files {
			if filepath.Base(f) == "kustomization.yaml" {
				continue
			}
			text, err := os.ReadFile(f)
			if err != nil {
				return fmt.Errorf("reading kwok's stages: %w", err)
			}
			fmt.Fprintf(&out, "---\n%s\n", text)
		}
	}
	if out.Len() == 0 {
		return errors.New("reading kwok's stages: there are none in " + dir)
	}
	return os.WriteFile(l.stagesFile(), []byte(out.String()), 0o644)
}

// kwok adds fake nodes: their pods turn ready by themselves and cost nothing.
// Pods go there with a node selector type=kwok and a toleration.
func (l lab) kwok(args []string) error {
	flags := flag.NewFlagSet("kwok", flag.ContinueOnError)
	nodes := flags.Int("nodes", 3, "how many, each for 250 pods")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := errors.Join(needRoot(), l.enter()); err != nil {
		return err
	}
	return l.again("fake", strconv.Itoa(*nodes))
}

// fake is kwok, inside.
func (l lab) fake(args []string) error {
	nodes, err := strconv.Atoi(args[0])
	if err != nil || nodes < 1 {
		return fmt.Errorf("kwok: -nodes must be at least 1, not %s", args[0])
	}
	if !l.running("kwok") {
		if err := l.spawn("kwok", l.bin("kwok"), "--kubeconfig="+l.kubeconfig("admin"),
			"--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake", "--cidr="+fakeCIDR, "--node-ip="+nodeIP,
			"--node-lease-duration-seconds=40", "--server-address=127.0.0.1:10247", "--config="+l.stagesFile(),
			"--config="+l.state("kwok-ready-again.yaml")); err != nil {
			return err
		}
	}
	manifests := ""
	for i := range nodes {
		node, err := fill("kwok-node.yaml", fmt.Sprintf("kwok-node-%d", i))
		if err != nil {
			return err
		}
		manifests += node
	}
	if _, err := l.kubectl(manifests, "apply", "-f", "-"); err != nil {
		return err
	}
	if _, err := l.kubectl("", "wait", "--for=condition=Ready", "node", "-l", "type=kwok", "--timeout=60s"); err != nil {
		return err
	}
	l.say(fmt.Sprintf("%d fake nodes ready", nodes))
	return nil
}
