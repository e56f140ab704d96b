package main

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

// ctr is a command to the cluster's containerd.
func (l lab) ctr(args ...string) *exec.Cmd {
	return exec.Command("ctr", append([]string{"-a", l.state("containerd/containerd.sock"), "-n", "k8s.io"}, args...)...)
}

func (l lab) startContainerd() error {
	if err := l.spawn("containerd", "containerd", "--config", l.state("containerd/config.toml")); err != nil {
		return err
	}
	return l.await("containerd ready", time.Minute, func() bool { return l.ctr("version").Run() == nil })
}

// load puts an image where the kubelet finds it.
func (l lab) load(im image) error {
	archive, err := im.archive()
	if err != nil {
		return err
	}
	cmd := l.ctr("image", "import", "-")
	cmd.Stdin = bytes.NewReader(archive)
	if err := output(cmd); err != nil {
		return fmt.Errorf("loading image %s: %w", im.name, err)
	}
	return nil
}

// image is the command of that name.
func (l lab) image(args []string) error {
	if len(args) < 4 {
		return errors.New("image: want NAME USER ENTRYPOINT ITEM…")
	}
	return l.load(image{name: args[0], user: args[1], entrypoint: args[2], items: args[3:]})
}

// ownImages are those of the cluster itself.
func (l lab) ownImages(keda bool) []image {
	own := func(name, user, binary, path string) image {
		return image{name: "docker.io/local/" + name, user: user, entrypoint: path, items: []string{l.bin(binary) + "=" + path}}
	}
	out := []image{own("pause:1", "65535:65535", "pause", "/pause"), own("coredns:1", "0:0", "coredns", "/coredns")}
	if keda {
		out = append(out, own("keda:"+kedaVersion, "1000:1000", "keda-operator", "/keda"),
			own("keda-metrics-apiserver:"+kedaVersion, "1000:1000", "keda-adapter", "/keda-adapter"),
			own("keda-admission-webhooks:"+kedaVersion, "1000:1000", "keda-webhooks", "/keda-admission-webhooks"))
	}
	return out
}

func (l lab) loadOwnImages(keda bool) error {
	for _, im := range l.ownImages(keda) {
		if err := l.load(im); err != nil {
			return err
		}
	}
	return nil
}

// rayburstImage builds the product as a static program and loads it.
func (l lab) rayburstImage() error {
	args := []string{"build", "-buildvcs=false", "-ldflags", "-s -w -X main.version=e2e", "-o", l.cache("bin"), "./cmd/..."}
	if err := output(goCommand(l.root, args...)); err != nil {
		return fmt.Errorf("building rayburst: %w", err)
	}
	im := image{name: "docker.io/local/rayburst:dev", user: "65532:65532", entrypoint: "/rayburst"}
	for _, program := range []string{"rayburst", "rayburst-nats", "rayburst-pod", "rayburst-scaler"} {
		im.items = append(im.items, l.bin(program)+"=/"+program)
	}
	if err := l.load(im); err != nil {
		return err
	}
	l.say("loaded " + im.name)
	return nil
}
