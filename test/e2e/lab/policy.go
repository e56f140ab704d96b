package main

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// A NetworkPolicy becomes rules of one nft table: for each pod that a policy
// selects a chain that lets through what is allowed and drops all else. The
// node itself may always reach its pods, as it must for probes.

type selector struct {
	MatchLabels      map[string]string
	MatchExpressions []expression
}

type expression struct {
	Key, Operator string
	Values        []string
}

func (s *selector) matches(labels map[string]string) bool {
	for k, v := range s.MatchLabels {
		if have, ok := labels[k]; !ok || have != v {
			return false
		}
	}
	return !slices.ContainsFunc(s.MatchExpressions, func(e expression) bool { return !e.holds(labels) })
}

func (e expression) holds(labels map[string]string) bool {
	v, ok := labels[e.Key]
	in := ok && slices.Contains(e.Values, v)
	switch e.Operator {
	case "In":
		return in
	case "NotIn":
		return !in
	case "Exists":
		return ok
	case "DoesNotExist":
		return !ok
	}
	return false
}

type meta struct {
	Name, Namespace string
	Labels          map[string]string
}

type namespace struct{ Metadata meta }

type pod struct {
	Metadata meta
	Spec     struct {
		HostNetwork bool
		Containers  []struct{ Ports []containerPort }
	}
	Status struct{ PodIP, Phase string }
}

type containerPort struct {
	Name, Protocol string
	ContainerPort  int
}

type policy struct {
	Metadata meta
	Spec     struct {
		PodSelector     selector
		PolicyTypes     []string
		Ingress, Egress []policyRule
	}
}

type policyRule struct {
	From, To []peer
	Ports    []policyPort
}

type peer struct {
	PodSelector, NamespaceSelector *selector
	IPBlock                        *struct {
		CIDR   string
		Except []string
	}
}

type policyPort struct {
	Protocol string
	Port     any // a number or a name
	EndPort  int
}

// cluster is what policies are made into rules with.
type cluster struct {
	namespaces map[string]map[string]string // labels by name
	pods       []pod
	policies   []policy
}

func newCluster(namespaces []namespace, pods []pod, policies []policy) cluster {
	c := cluster{namespaces: map[string]map[string]string{}, policies: policies}
	for _, n := range namespaces {
		c.namespaces[n.Metadata.Name] = n.Metadata.Labels
	}
	for _, p := range pods {
		if p.Status.PodIP != "" && !p.Spec.HostNetwork && p.Status.Phase != "Succeeded" && p.Status.Phase != "Failed" {
			c.pods = append(c.pods, p)
		}
	}
	sort.Slice(c.pods, func(i, j int) bool { return c.pods[i].Status.PodIP < c.pods[j].Status.PodIP })
	return c
}

// direction is a policy type and what it means for a packet.
type direction struct{ name, own, other string }

var (
	ingress = direction{"Ingress", "ip daddr", "ip saddr"}
	egress  = direction{"Egress", "ip saddr", "ip daddr"}
)

// rules is the table, to replace the old one in one transaction.
func (c cluster) rules() string {
	var chains string
	jumps := map[string][]string{}
	for i := range c.pods {
		for _, d := range []direction{ingress, egress} {
			name, chain := c.chain(&c.pods[i], d)
			if chain == "" {
				continue
			}
			chains += chain
			jumps[d.name] = append(jumps[d.name], c.pods[i].Status.PodIP+" : jump "+name)
		}
	}
	return "table ip policies {}\ndelete table ip policies\ntable ip policies {\n" + chains +
		hook("forward", jumps, egress, ingress) + hook("input", jumps, egress) + "}\n"
}

// hook is a chain of the kernel's that jumps to those of pods.
func hook(name string, jumps map[string][]string, directions ...direction) string {
	s := "chain " + name + " {\n\ttype filter hook " + name + " priority 0\n\tct state established,related accept\n"
	for _, d := range directions {
		if to := jumps[d.name]; to != nil {
			s += "\t" + d.own + " vmap { " + strings.Join(to, ", ") + " }\n"
		}
	}
	return s + "}\n"
}

// chain is a pod's in a direction; none if no policy selects the pod.
func (c cluster) chain(p *pod, d direction) (name, chain string) {
	ip := p.Status.PodIP
	var rules string
	selected := false
	for _, l := range c.policies {
		if l.Metadata.Namespace != p.Metadata.Namespace || !l.Spec.PodSelector.matches(p.Metadata.Labels) ||
			!slices.Contains(l.Spec.PolicyTypes, d.name) {
			continue
		}
		selected = true
		rules += c.allowed(l, p, d)
	}
	if !selected {
		return "", ""
	}
	name = strings.ToLower(d.name) + "_" + strings.ReplaceAll(ip, ".", "_")
	return name, fmt.Sprintf("chain %s {\n\tip saddr %s ip daddr %s return\n%s\tdrop\n}\n", name, ip, ip, rules)
}

// allowed are the lines of all of a policy's rules for a pod.
func (c cluster) allowed(l policy, p *pod, d direction) string {
	var s string
	if d == ingress {
		for _, r := range l.Spec.Ingress {
			s += c.rule(r.Ports, r.From, d, l.Metadata.Namespace, p)
		}
		return s
	}
	for _, r := range l.Spec.Egress {
		s += c.rule(r.Ports, r.To, d, l.Metadata.Namespace, nil)
	}
	return s
}

// rule has a line for each pair of a peer and a port. A named port is the
// target's: that pod's, or, on the way out, each peer's own.
func (c cluster) rule(ports []policyPort, peers []peer, d direction, home string, target *pod) string {
	if len(peers) == 0 {
		return lines("", ports, target)
	}
	var s string
	for _, r := range peers {
		if b := r.IPBlock; b != nil {
			address := d.other + " " + b.CIDR + " "
			if len(b.Except) > 0 {
				address += d.other + " != { " + strings.Join(b.Except, ", ") + " } "
			}
			s += lines(address, ports, target)
			continue
		}
		for i := range c.pods {
			if p := &c.pods[i]; c.is(r, p, home) {
				s += lines(d.other+" "+p.Status.PodIP+" ", ports, orElse(target, p))
			}
		}
	}
	return s
}

func orElse(target, p *pod) *pod {
	if target != nil {
		return target
	}
	return p
}

// is tells whether a pod is a peer of a policy in the namespace home.
func (c cluster) is(r peer, p *pod, home string) bool {
	if r.NamespaceSelector == nil && p.Metadata.Namespace != home {
		return false
	}
	if r.NamespaceSelector != nil && !r.NamespaceSelector.matches(c.namespaces[p.Metadata.Namespace]) {
		return false
	}
	return r.PodSelector == nil || r.PodSelector.matches(p.Metadata.Labels)
}

// lines let through packets of an address to ports; no port means all.
func lines(address string, ports []policyPort, target *pod) string {
	if len(ports) == 0 {
		return "\t" + address + "return\n"
	}
	var s string
	for _, p := range ports {
		proto := strings.ToLower(p.Protocol)
		switch v := p.Port.(type) {
		case nil:
			s += "\t" + address + "meta l4proto " + proto + " return\n"
		case float64:
			s += fmt.Sprintf("\t%s%s dport %d-%d return\n", address, proto, int(v), max(int(v), p.EndPort))
		case string:
			for _, n := range target.named(v, p.Protocol) {
				s += fmt.Sprintf("\t%s%s dport %d return\n", address, proto, n)
			}
		}
	}
	return s
}

// named are a pod's ports of that name.
func (p *pod) named(name, protocol string) []int {
	var out []int
	if p == nil {
		return nil
	}
	for _, c := range p.Spec.Containers {
		for _, port := range c.Ports {
			if port.Name == name && port.Protocol == protocol {
				out = append(out, port.ContainerPort)
			}
		}
	}
	return out
}
