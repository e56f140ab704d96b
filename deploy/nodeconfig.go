package deploy

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The clouds whose machines are known.
const (
	aws   = "aws"
	gcp   = "gcp"
	azure = "azure"
)

// node is what a node_config says: a machine of a cloud, or a pod.
type node struct {
	kind    string // the machine's type as its cloud calls it
	machine machine
	tpu     bool               // one of Google's, of one or several machines
	units   map[string]float64 // resources that a pod asks for
	pod     Pod
}

func (n node) known() bool { return n.machine.cpus > 0 }

// nodeConfig reads the node_config at key. Which cloud it is for is seen from
// its keys; those of the cloud that say nothing here are left alone.
func (p *parser) nodeConfig(key string, at *yaml.Node) node {
	m := p.mapping(key, at, nil)
	switch {
	case given(m, "InstanceType"):
		market := p.mapping(m.path("InstanceMarketOptions"), m.values["InstanceMarketOptions"], nil)
		return newNode(aws, p.text(m, "InstanceType", ""), p.text(market, "MarketType", "") == "spot")
	case given(m, "machineType"):
		return p.gcpNode(m)
	case given(m, "azure_arm_parameters"):
		arm := p.mapping(m.path("azure_arm_parameters"), m.values["azure_arm_parameters"], nil)
		if !given(arm, "vmSize") {
			return node{}
		}
		return newNode(azure, p.text(arm, "vmSize", ""), strings.EqualFold(p.text(arm, "priority", ""), "Spot"))
	case given(m, "spec") || given(m, "kind"):
		return p.podNode(key, at)
	}
	return node{tpu: given(m, "acceleratorType") || given(m, "acceleratorConfig")}
}

// machineShare is how much of a machine's CPUs its one pod asks for: what is
// left is the kubelet's and the daemons', and no second pod fits beside it.
const machineShare = 0.8

func newNode(cloud, kind string, spot bool) node {
	n := node{kind: kind}
	n.pod.selectNodes("node.kubernetes.io/instance-type", kind)
	if m, ok := lookUp(cloud, kind); ok {
		n.machine = m
		n.pod.request("cpu", strconv.Itoa(int(float64(m.cpus)*1000*machineShare))+"m")
	}
	if spot {
		n.pod.Affinity = spotAffinity(cloud)
		if taint := spotTaints[cloud]; taint != "" {
			n.pod.Tolerations = []map[string]any{{"key": taint, "operator": "Exists"}}
		}
	}
	return n
}

func (p *parser) gcpNode(m fields) node {
	n := newNode(gcp, lastSegment(p.text(m, "machineType", "")), p.preemptible(m))
	for i, a := range p.list(m, "guestAccelerators") {
		g := p.mapping(fmt.Sprintf("%s[%d]", m.path("guestAccelerators"), i), a, nil)
		kind := lastSegment(p.text(g, "acceleratorType", ""))
		n.machine.resource, n.machine.model = "GPU", gcpModel(kind)
		n.machine.count = p.integer(g, "acceleratorCount", 1, maxWorkersLimit)
		n.pod.selectNodes("cloud.google.com/gke-accelerator", kind)
	}
	return n
}

// preemptible reads scheduling, which is a mapping or, as in Ray's examples, a
// list of them.
func (p *parser) preemptible(m fields) bool {
	n := m.values["scheduling"]
	if n == nil {
		return false
	}
	parts := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		parts = p.list(m, "scheduling")
	}
	for _, part := range parts {
		s := p.mapping(m.path("scheduling"), part, nil)
		if p.boolean(s, "preemptible", false) || p.text(s, "provisioningModel", "") == "SPOT" {
			return true
		}
	}
	return false
}

// spotLabels are the labels by which a cloud's spot nodes are known, whoever
// made the nodes: any one of them will do.
var spotLabels = map[string][][2]string{
	aws:   {{"karpenter.sh/capacity-type", "spot"}, {"eks.amazonaws.com/capacityType", "SPOT"}},
	gcp:   {{"cloud.google.com/gke-spot", "true"}, {"cloud.google.com/gke-preemptible", "true"}, {"karpenter.sh/capacity-type", "spot"}},
	azure: {{"kubernetes.azure.com/scalesetpriority", "spot"}, {"karpenter.sh/capacity-type", "spot"}},
}

// spotTaints are what clouds keep other pods from their spot machines with.
var spotTaints = map[string]string{gcp: "cloud.google.com/gke-spot", azure: "kubernetes.azure.com/scalesetpriority"}

func spotAffinity(cloud string) map[string]any {
	var terms []any
	for _, l := range spotLabels[cloud] {
		terms = append(terms, map[string]any{"matchExpressions": []any{
			map[string]any{"key": l[0], "operator": "In", "values": []any{l[1]}},
		}})
	}
	return map[string]any{"nodeAffinity": map[string]any{
		"requiredDuringSchedulingIgnoredDuringExecution": map[string]any{"nodeSelectorTerms": terms},
	}}
}
