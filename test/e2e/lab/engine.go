package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"time"
)

// The paths of what policies depend on.
const (
	namespacesPath = "/api/v1/namespaces"
	podsPath       = "/api/v1/pods"
	policiesPath   = "/apis/networking.k8s.io/v1/networkpolicies"
)

// policies keeps the rules of network policies until it is stopped: they are
// made anew when a pod, a namespace or a policy changes. Connections that are
// established stay.
func (l lab) policies() error {
	c, err := l.client()
	if err != nil {
		return err
	}
	changed := make(chan struct{}, 1)
	for _, path := range []string{namespacesPath, podsPath, policiesPath} {
		go watch(c, path, changed)
	}
	for last := ""; ; time.Sleep(20 * time.Millisecond) {
		<-changed
		now, err := read(c)
		if err != nil {
			fmt.Println(err)
			continue
		}
		rules := now.rules()
		if rules == last {
			continue
		}
		if err := apply(rules); err != nil {
			fmt.Println(err)
			continue
		}
		last = rules
		fmt.Println(time.Now().Format(time.StampMilli), len(now.policies), "policies applied")
	}
}

// watch tells of every change, for ever.
func watch(c *http.Client, path string, changed chan<- struct{}) {
	for ; ; time.Sleep(200 * time.Millisecond) {
		answer, err := c.Get(server + path + "?watch=1")
		if err != nil {
			continue
		}
		for r := bufio.NewReader(answer.Body); ; {
			if _, err := r.ReadBytes('\n'); err != nil {
				break
			}
			select {
			case changed <- struct{}{}:
			default:
			}
		}
		answer.Body.Close()
	}
}

// list is how the API answers.
type list[T any] struct{ Items []T }

func read(c *http.Client) (cluster, error) {
	var namespaces list[namespace]
	var pods list[pod]
	var policies list[policy]
	err := errors.Join(json.Unmarshal([]byte(get(c, namespacesPath)), &namespaces), json.Unmarshal([]byte(get(c, podsPath)), &pods),
		json.Unmarshal([]byte(get(c, policiesPath)), &policies))
	if err != nil {
		return cluster{}, fmt.Errorf("asking for pods and policies: %w", err)
	}
	return newCluster(namespaces.Items, pods.Items, policies.Items), nil
}

func apply(rules string) error {
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	if err := output(cmd); err != nil {
		return fmt.Errorf("%w\n%s", err, rules)
	}
	return nil
}
