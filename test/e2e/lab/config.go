package main

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"text/template"
)

//go:embed config
var configFiles embed.FS

// settings are what the files in config/ are filled in with.
type settings struct {
	Dir, Name, Node, DNS, PodCIDR, Server, Plugins, User string
	CgroupV2                                             bool
}

func (l lab) settings() settings {
	return settings{
		Dir: l.dir, Name: l.name(), Node: nodeName, DNS: dnsIP, PodCIDR: podCIDR, Server: server, Plugins: plugins(),
		CgroupV2: cgroupV2(),
	}
}

// fill fills in a file of config/.
func fill(file string, values any) (string, error) {
	t, err := template.ParseFS(configFiles, "config/"+file)
	if err != nil {
		return "", fmt.Errorf("reading config/%s: %w", file, err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, values); err != nil {
		return "", fmt.Errorf("filling in config/%s: %w", file, err)
	}
	return out.String(), nil
}

// configs writes what the programs read.
func (l lab) configs() error {
	for _, f := range []struct{ file, to string }{
		{"containerd.toml", "containerd/config.toml"},
		{"cni.conflist", "containerd/cni/10-lab.conflist"},
		{"resolv.conf", "resolv.conf"},
		{"kube-proxy.yaml", "kubelet/proxy.yaml"},
		{"kubelet.yaml", "kubelet/config.yaml"},
		{"kwok-ready-again.yaml", "kwok-ready-again.yaml"},
	} {
		if err := l.config(f.file, f.to, l.settings()); err != nil {
			return err
		}
	}
	for _, user := range []string{"admin", "manager", "scheduler", "node", "proxy"} {
		s := l.settings()
		s.User = user
		if err := l.config("kubeconfig.yaml", "kubeconfig/"+user+".yaml", s); err != nil {
			return err
		}
	}
	return nil
}

func (l lab) config(file, to string, s settings) error {
	text, err := fill(file, s)
	if err != nil {
		return err
	}
	return os.WriteFile(l.state(to), []byte(text), 0o644)
}
