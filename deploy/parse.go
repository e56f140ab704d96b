package deploy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

// ErrYAML is wrapped by every error about a cluster YAML.
var ErrYAML = errors.New("bad cluster YAML")

// The defaults of Ray's cluster YAML.
const (
	defaultIdleMinutes = 5
	defaultSpeed       = 1.0
	defaultTypeMax     = 2
	maxWorkersLimit    = 50_000
)

var clusterName = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9_-]*[a-zA-Z0-9])?$`)

// ParseCluster reads a Ray cluster YAML. It fails with ErrYAML, naming the
// line, the key, the rule and the value.
func ParseCluster(b []byte) (*Cluster, error) {
	doc, err := document(b)
	if err != nil {
		return nil, err
	}
	p := &parser{}
	c := p.cluster(p.strict("", doc, topKeys))
	if p.err != nil {
		return nil, p.err
	}
	return c, nil
}

// document is the file's only YAML document.
func document(b []byte) (*yaml.Node, error) {
	d := yaml.NewDecoder(bytes.NewReader(b))
	var doc, next yaml.Node
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0:
		return nil, fmt.Errorf("%w: the file is empty", ErrYAML)
	case err != nil:
		return nil, fmt.Errorf("%w: %s", ErrYAML, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	switch err := d.Decode(&next); {
	case err == nil:
		return nil, fmt.Errorf("%w: line %d: must be one YAML document (got another one)", ErrYAML, next.Line)
	case !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%w: %s", ErrYAML, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	return doc.Content[0], nil
}

func (p *parser) cluster(m fields) *Cluster {
	c := &Cluster{
		Name: p.clusterName(m), UpscalingSpeed: p.speed(m),
		MaxWorkers:  p.integer(m, "max_workers", -1, maxWorkersLimit),
		IdleTimeout: minutes(p.number(m, "idle_timeout_minutes", defaultIdleMinutes, 1e6)),
		Pods:        map[string]Pod{}, FileMounts: p.textMap(m, "file_mounts"),
		RsyncExclude: p.commands(m, "rsync_exclude"), RsyncFilter: p.commands(m, "rsync_filter"),
		Namespace: p.text(p.mapping("provider", m.values["provider"], nil), "namespace", ""),
	}
	common := p.common(c, m)
	p.types(c, m, common)
	p.oldMinimum(c, m)
	p.limits(c, m)
	p.withoutEffect(c, m)
	p.placeholders(c, m)
	return c
}

func (p *parser) clusterName(m fields) string {
	name := p.text(m, "cluster_name", "default")
	if p.err == nil && (!clusterName.MatchString(name) || len(name) > 63) {
		p.failf(m, "cluster_name", "must be 1…63 letters, digits, '-' and '_', with a letter or digit at both ends", strconv.Quote(name))
	}
	return name
}

func minutes(n float64) time.Duration { return time.Duration(n * float64(time.Minute)) }

// types reads available_node_types; without it there are the head and one type.
func (p *parser) types(c *Cluster, m fields, common common) {
	node, ok := m.values["available_node_types"]
	if !ok {
		p.oldTypes(c, m, common)
		return
	}
	types := p.mapping("available_node_types", node, nil)
	head := p.text(m, "head_node_type", p.defaultHead(m))
	if _, ok := types.values[head]; !ok && p.err == nil {
		p.failf(m, "head_node_type", "must be one of available_node_types ("+strings.Join(types.order, ", ")+")", strconv.Quote(head))
		return
	}
	for _, name := range types.order {
		t, node, pod := p.nodeType(c, types, name, name == head, common)
		if _, ok := t.Resources.Get("GPU"); pod.AllGPUs && !ok {
			c.warnf("%s: has no GPU in its resources; with --gpus all its pods get none", types.path(name))
		}
		if name == head {
			c.Head, c.HeadPod = t, p.headPod(node, common)
		}
		if name != head || t.MaxWorkers > 0 {
			c.Types, c.Pods[name] = append(c.Types, t), pod
		}
	}
}

var typeName = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9._-]*[a-zA-Z0-9])?$`)

func (p *parser) nodeType(c *Cluster, types fields, name string, head bool, common common) (nodetypes.NodeType, node, Pod) {
	key := types.path(name)
	if !typeName.MatchString(name) || len(name) > 63 {
		p.fail(types.values[name], key, "a type's name must be 1…63 letters, digits, '.', '-' and '_'", strconv.Quote(name))
	}
	m := p.strict(key, types.values[name], typeKeys)
	t := nodetypes.NodeType{
		Name: name, Labels: p.labels(m), Priority: p.signed(m, "priority"),
		MinWorkers: p.integer(m, "min_workers", 0, maxWorkersLimit), MaxWorkers: p.integer(m, "max_workers", typeMax(c, head), maxWorkersLimit),
	}
	if _, ok := m.values["idle_timeout_s"]; ok {
		d := time.Duration(p.number(m, "idle_timeout_s", 0, 1e9) * float64(time.Second))
		t.IdleTimeout = &d
	}
	if p.err == nil && t.MinWorkers > t.MaxWorkers {
		p.failf(m, "min_workers", fmt.Sprintf("must not be above max_workers (%d)", t.MaxWorkers), t.MinWorkers)
	}
	node := p.nodeConfig(m.path("node_config"), m.values["node_config"])
	t.Resources = p.filled(c, m, node, head)
	if len(t.Resources) == 0 && (!head || t.MaxWorkers > 0) {
		t.Resources = oneCPU
		c.warnf("%s.resources: not given; taken as 1 CPU", key)
	}
	return t, node, p.workerPod(m, node, common)
}

var oneCPU = demand.Resources{{Name: "CPU", Amount: demand.Unit}}

// typeMax is a type's max_workers where the file does not say: none for the
// head's type, else the cluster's.
func typeMax(c *Cluster, head bool) int {
	switch {
	case head:
		return 0
	case c.MaxWorkers >= 0:
		return c.MaxWorkers
	}
	return defaultTypeMax
}

// limits holds the cluster's maximum against its types' minimums.
func (p *parser) limits(c *Cluster, m fields) {
	least, most := 0, 0
	for _, t := range c.Types {
		least, most = least+t.MinWorkers, most+t.MaxWorkers
	}
	if c.MaxWorkers < 0 {
		c.MaxWorkers = most
	}
	if p.err == nil && least > c.MaxWorkers {
		p.failf(m, "max_workers", fmt.Sprintf("must not be below the sum of the types' min_workers (%d)", least), c.MaxWorkers)
	}
}

// filled are the resources that are given and, of the others, what is known of
// the machine or asked for by the pod.
func (p *parser) filled(c *Cluster, m fields, node node, head bool) demand.Resources {
	units := p.units(c, m)
	if p.err != nil {
		return nil
	}
	if node.known() {
		node.machine.fill(units, head)
	} else if node.kind != "" {
		c.warnf("%s: %s is not known; what it has is not filled in", m.path("node_config"), node.kind)
		if _, ok := units["CPU"]; !ok && len(units) > 0 {
			units["CPU"] = 1
		}
	}
	if node.tpu {
		c.warnf("%s: which TPU it is has no effect: its nodes need a nodeSelector (node_config may be a pod), and slices of several hosts are not kept together", m.path("node_config"))
	}
	for name, v := range node.units {
		if _, given := units[name]; !given {
			units[name] = v
		}
	}
	out, err := demand.NewResources(units)
	if err != nil {
		p.fail(m.node, m.path("resources"), err.Error(), "")
	}
	return out.NonZero()
}

// rayNames are resources that Ray knows itself.
var rayNames = []string{"CPU", "GPU", "TPU", "memory", "object_store_memory"}

// misspelt is Ray's own name of a resource that differs in its case only.
func misspelt(name string) string {
	for _, own := range rayNames {
		if name != own && strings.EqualFold(name, own) {
			return own
		}
	}
	return ""
}

// units are whole numbers, as Ray's totals are. One with a name that the scaler
// would take for a slip of Ray's own is left out, as vSphere's Memory (in MB).
func (p *parser) units(c *Cluster, m fields) map[string]float64 {
	units := map[string]float64{}
	if n := p.integer(m, "object_store_memory", 0, math.MaxInt64); n > 0 {
		units["object_store_memory"] = float64(min(int64(n), int64(demand.MaxAmount/demand.Unit)))
	}
	node := m.values["resources"]
	r := p.mapping(m.path("resources"), node, nil)
	for _, name := range r.order {
		v := p.number(r, name, 0, float64(demand.MaxAmount/demand.Unit))
		if p.err == nil && v != math.Trunc(v) {
			p.failf(r, name, "a node's resources must be whole numbers", v)
		}
		if name == "" {
			p.fail(node, r.key, "a resource's name must not be empty", `""`)
		}
		if own := misspelt(name); own != "" {
			c.warnf("%s: is left out: Ray's own resource is %s", r.path(name), own)
			continue
		}
		units[name] = v
	}
	return units
}

// textMap is a mapping of texts; nil if it is absent.
func (p *parser) textMap(m fields, key string) map[string]string {
	l := p.mapping(m.path(key), m.values[key], nil)
	if len(l.order) == 0 {
		return nil
	}
	out := make(map[string]string, len(l.order))
	for _, name := range l.order {
		out[name] = p.text(l, name, "")
	}
	return out
}

func (p *parser) labels(m fields) map[string]string {
	node, ok := m.values["labels"]
	if !ok {
		return nil
	}
	l := p.mapping(m.path("labels"), node, nil)
	out := make(map[string]string, len(l.order))
	for _, name := range l.order {
		out[name] = p.text(l, name, "")
		if strings.ContainsAny(name+out[name], ",=") {
			p.failf(l, name, "labels must not contain ',' or '='", strconv.Quote(out[name]))
		}
	}
	return out
}
