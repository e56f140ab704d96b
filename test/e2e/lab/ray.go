package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const rayImageName = "docker.io/local/ray:dev"

// rayItems are a root file system without programs: those are this machine's,
// mounted read-only.
var rayItems = []string{
	"link:/bin=usr/bin", "link:/sbin=usr/sbin", "link:/lib=usr/lib", "link:/lib64=usr/lib64", "dir:/usr", "dir:/etc", "dir:/opt",
	"dir:/root", "dir:/var", "dir:/var/tmp:1777", "dir:/home", "dir:/home/ray:777", "dir:/run", "/etc/ld.so.cache=/etc/ld.so.cache",
	"text:/etc/passwd=root:x:0:0:root:/root:/bin/bash\nray:x:65532:65532:ray:/home/ray:/bin/bash\n",
	"text:/etc/group=root:x:0:\nray:x:65532:\n",
	"text:/etc/nsswitch.conf=passwd: files\ngroup: files\nhosts: files dns\n",
}

// raySetup is what pods with the image need: $PYTHON and $VENV of the
// manifests, and the same as parts of a pod.
type raySetup struct {
	Image        string   `json:"image"`
	Python       string   `json:"python"` // mounted at the same place
	Venv         string   `json:"venv"`   // mounted at /opt/venv
	Volumes      []object `json:"volumes"`
	VolumeMounts []object `json:"volumeMounts"`
}

func newRaySetup(python, venv string) raySetup {
	s := raySetup{Image: rayImageName, Python: python, Venv: venv}
	for _, m := range []struct{ name, host, path string }{{"usr", "/usr", "/usr"}, {"python", python, python}, {"venv", venv, "/opt/venv"}} {
		s.Volumes = append(s.Volumes, object{"name": m.name, "hostPath": object{"path": m.host}})
		s.VolumeMounts = append(s.VolumeMounts, object{"name": m.name, "mountPath": m.path, "readOnly": true})
	}
	s.Volumes = append(s.Volumes, object{"name": "shm", "emptyDir": object{"medium": "Memory", "sizeLimit": "256Mi"}})
	s.VolumeMounts = append(s.VolumeMounts, object{"name": "shm", "mountPath": "/dev/shm"})
	return s
}

// rayImage loads the image and writes what its pods must mount to
// ray-image.json.
func (l lab) rayImage(args []string) error {
	flags := flag.NewFlagSet("ray-image", flag.ContinueOnError)
	venv := flags.String("venv", "", "a virtual environment with Ray; else that of make ray")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *venv == "" {
		var err error
		if *venv, err = l.venv(); err != nil {
			return err
		}
	}
	python, err := basePrefix(*venv)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(newRaySetup(python, *venv), "", "  ")
	if err != nil {
		return fmt.Errorf("writing what Ray's pods mount: %w", err)
	}
	if err := os.WriteFile(l.state("ray-image.json"), append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing what Ray's pods mount: %w", err)
	}
	if err := l.load(image{rayImageName, "65532:65532", "-", rayItems}); err != nil {
		return err
	}
	l.say("loaded " + rayImageName + "; its pods mount what is in " + l.state("ray-image.json"))
	return nil
}

// venv is the one that make ray has made.
func (l lab) venv() (string, error) {
	if ray := os.Getenv("RAYBURST_RAY"); ray != "" { // VENV/bin/ray
		return filepath.Dir(filepath.Dir(ray)), nil
	}
	found, _ := filepath.Glob(filepath.Join(l.root, ".cache/ray-*/done"))
	if len(found) != 1 {
		return "", errors.New("no Ray, or more than one, in .cache/: run make ray, or say -venv")
	}
	return filepath.Dir(found[0]), nil
}

// basePrefix is where the Python of a virtual environment lives.
func basePrefix(venv string) (string, error) {
	out, err := exec.Command(filepath.Join(venv, "bin/python"), "-c", "import sys; print(sys.base_prefix)").Output()
	if err != nil {
		return "", fmt.Errorf("asking %s for its Python (run make ray): %w", venv, err)
	}
	return strings.TrimSpace(string(out)), nil
}
