package deploy

import (
	"fmt"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// defaultHeads are the head's type in the files that Ray overlays with the
// user's, by provider.
var defaultHeads = map[string]string{
	"aws": "ray.head.default", "azure": "ray.head.default", "gcp": "ray_head_default", "vsphere": "ray.head.default",
	"spark": "ray.head.default", "readonly": "ray.head.default",
}

// defaultHead is what a file without head_node_type has for one.
func (p *parser) defaultHead(m fields) string {
	provider := p.mapping("provider", m.values["provider"], nil)
	return defaultHeads[p.text(provider, "type", "")]
}

// machinesOnly are keys of provider about machines, which are not made here.
var machinesOnly = []string{"cloudwatch", "coordinator_address", "head_ip", "worker_ips"}

// withoutEffect names what a user may have hoped for.
func (p *parser) withoutEffect(c *Cluster, m fields) {
	provider := p.mapping("provider", m.values["provider"], nil)
	for _, key := range machinesOnly {
		if n := provider.values[key]; given(provider, key) && (n.Kind == yaml.ScalarNode || len(n.Content) > 0) {
			c.warnf("%s: has no effect: the head and workers are pods", provider.path(key))
		}
	}
}

// placeholder is what Ray's examples have for the user to replace.
var placeholder = regexp.MustCompile(`<[A-Za-z][A-Za-z0-9_ -]+>|\bYOUR_[A-Z_]+\b|/YOUR/[A-Z/]+`)

// placeholders names those in what has an effect here.
func (p *parser) placeholders(c *Cluster, m fields) {
	for _, key := range m.order {
		if key != "provider" && key != "auth" && key != "metadata" {
			p.placeholdersIn(c, key, m.values[key], map[*yaml.Node]bool{})
		}
	}
}

// placeholdersIn looks at every text once, whatever refers to it.
func (p *parser) placeholdersIn(c *Cluster, key string, n *yaml.Node, seen map[*yaml.Node]bool) {
	if n = resolve(n); n == nil || seen[n] || p.err != nil {
		return
	}
	seen[n] = true
	switch n.Kind {
	case yaml.ScalarNode:
		if found := placeholder.FindString(n.Value); found != "" {
			c.warnf("%s: has a placeholder (%s)", key, strconv.Quote(found))
		}
	case yaml.SequenceNode:
		for i, e := range n.Content {
			p.placeholdersIn(c, fmt.Sprintf("%s[%d]", key, i), e, seen)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			p.placeholdersIn(c, key+"."+n.Content[i].Value, n.Content[i+1], seen)
		}
	}
}
