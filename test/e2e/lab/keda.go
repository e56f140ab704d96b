package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// kedaFile are KEDA's own manifests, as kustomize puts them together.
func (l lab) kedaFile() string { return l.bin("keda-" + kedaVersion + ".yaml") }

func (l lab) kedaYAML() error {
	if _, err := os.Stat(l.kedaFile()); err == nil {
		return nil
	}
	source, err := l.kedaSource()
	if err != nil {
		return err
	}
	text, err := l.kubectl("", "kustomize", filepath.Join(source, "config/default"))
	if err != nil {
		return err
	}
	return os.WriteFile(l.kedaFile(), []byte(text), 0o644)
}

// limits are how many requests a second KEDA's operator may make; 0: its own
// default.
type limits struct{ qps, burst int }

// kedaManifests are KEDA's own, changed, with its certificates.
func (l lab) kedaManifests(client limits) (string, error) {
	text, err := os.ReadFile(l.kedaFile())
	if err != nil {
		return "", fmt.Errorf("reading KEDA's manifests: %w", err)
	}
	out, err := changeKEDA(string(text), client)
	if err != nil {
		return "", err
	}
	secret, err := l.kedaSecret()
	return out + secret, err
}

var (
	kedaTag      = regexp.MustCompile(`image: \S+/(keda\S*):main`)
	readyDelay   = regexp.MustCompile(`(readinessProbe:\n +httpGet:\n +path: .*\n +port: .*\n(?: +scheme: .*\n)?)( +)initialDelaySeconds: \d+\n`)
	operatorArgs = regexp.MustCompile(`( +- )--leader-elect\n`)
)

// changeKEDA makes images local and not pulled, lets readiness probes not wait
// 20 s, and sets the operator's limits.
func changeKEDA(text string, client limits) (string, error) {
	if !kedaTag.MatchString(text) || !readyDelay.MatchString(text) || !operatorArgs.MatchString(text) {
		return "", fmt.Errorf("changing KEDA's manifests: they are not those of %s", kedaVersion)
	}
	text = strings.ReplaceAll(text, "imagePullPolicy: Always", "imagePullPolicy: Never")
	text = kedaTag.ReplaceAllString(text, "image: docker.io/local/$1:"+kedaVersion)
	text = readyDelay.ReplaceAllString(text, "${1}${2}periodSeconds: 1\n")
	more := ""
	if client.qps > 0 {
		more += fmt.Sprintf("${1}--kube-api-qps=%d\n", client.qps)
	}
	if client.burst > 0 {
		more += fmt.Sprintf("${1}--kube-api-burst=%d\n", client.burst)
	}
	return operatorArgs.ReplaceAllString(text, "${0}"+more), nil
}

// kedaSecret is there from the start; else the operator makes it and restarts
// everything.
func (l lab) kedaSecret() (string, error) {
	out := "---\napiVersion: v1\nkind: Secret\nmetadata: {name: kedaorg-certs, namespace: keda}\ndata:\n"
	for _, f := range []struct{ key, file string }{
		{"ca.crt", "keda-ca.crt"}, {"ca.key", "keda-ca.key"}, {"tls.crt", "keda.crt"}, {"tls.key", "keda.key"},
	} {
		text, err := os.ReadFile(l.pki(f.file))
		if err != nil {
			return "", fmt.Errorf("reading KEDA's certificates: %w", err)
		}
		out += "  " + f.key + ": " + base64.StdEncoding.EncodeToString(text) + "\n"
	}
	return out, nil
}
