package deploy

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// rule holds the value of one key against its type.
type rule func(p *parser, m fields, key string)

// rules are the keys of a mapping; no other is allowed.
type rules map[string]rule

// strict reads a mapping and holds every key against its rule.
func (p *parser) strict(key string, n *yaml.Node, known rules) fields {
	m := p.mapping(key, n, slices.Sorted(maps.Keys(known)))
	for _, k := range m.order {
		if check := known[k]; check != nil {
			check(p, m, k)
		}
	}
	return m
}

// section is a mapping under a key of another one, read strictly.
func (p *parser) section(m fields, key string, known rules) fields {
	return p.strict(m.path(key), m.values[key], known)
}

func anything(*parser, fields, string) {}

func aText(p *parser, m fields, key string)    { p.text(m, key, "") }
func aBoolean(p *parser, m fields, key string) { p.boolean(m, key, false) }
func aPriority(p *parser, m fields, key string) {
	p.signed(m, key)
}

func aNumber(most float64) rule {
	return func(p *parser, m fields, key string) { p.number(m, key, 0, most) }
}

func anInteger(most int) rule {
	return func(p *parser, m fields, key string) { p.integer(m, key, 0, most) }
}

func texts(p *parser, m fields, key string) { p.texts(m, key) }

func aList(p *parser, m fields, key string) { p.list(m, key) }

// aMapping may have any keys.
func aMapping(p *parser, m fields, key string) { p.mapping(m.path(key), m.values[key], nil) }

// textMap has texts for values.
func textMap(p *parser, m fields, key string) {
	inner := p.mapping(m.path(key), m.values[key], nil)
	for _, k := range inner.order {
		p.text(inner, k, "")
	}
}

// object has these keys only.
func object(known rules) rule {
	return func(p *parser, m fields, key string) { p.section(m, key, known) }
}

// open has keys of these types, and others.
func open(known rules) rule {
	return func(p *parser, m fields, key string) {
		inner := p.mapping(m.path(key), m.values[key], nil)
		for _, k := range inner.order {
			if check := known[k]; check != nil {
				check(p, inner, k)
			}
		}
	}
}

// oneOf is a text of a closed set.
func oneOf(allowed ...string) rule {
	return func(p *parser, m fields, key string) {
		v := p.text(m, key, allowed[0])
		if p.err == nil && !slices.Contains(allowed, v) {
			p.failf(m, key, "must be one of "+strings.Join(allowed, ", "), strconv.Quote(v))
		}
	}
}

// The keys of Ray 2.60's cluster YAML (ray-schema.json), and of older files.
var (
	topKeys = rules{
		"auth":                          auth,
		"available_node_types":          nil, // types reads them
		"cluster_name":                  aText,
		"cluster_synced_files":          texts,
		"docker":                        object(dockerKeys),
		"file_mounts":                   textMap,
		"file_mounts_sync_continuously": aBoolean,
		"head_node_type":                aText,
		"head_setup_commands":           texts,
		"head_start_ray_commands":       texts,
		"idle_timeout_minutes":          aNumber(1e6),
		"initialization_commands":       texts,
		"max_workers":                   anInteger(maxWorkersLimit),
		"metadata":                      aMapping,
		"no_restart":                    anything,
		"provider":                      provider,
		"rsync_exclude":                 texts,
		"rsync_filter":                  texts,
		"setup_commands":                texts,
		"upscaling_speed":               aNumber(math.Inf(1)),
		"worker_setup_commands":         texts,
		"worker_start_ray_commands":     texts,

		"autoscaling_mode":            oneOf("default", "aggressive"),
		"head_node":                   aMapping,
		"initial_workers":             anInteger(maxWorkersLimit),
		"min_workers":                 anInteger(maxWorkersLimit),
		"target_utilization_fraction": aNumber(1),
		"worker_default_node_type":    aText,
		"worker_nodes":                aMapping,
	}
	dockerKeys = rules{
		"container_name": aText, "disable_automatic_runtime_detection": aBoolean, "disable_shm_size_detection": aBoolean,
		"head_image": aText, "head_run_options": texts, "image": aText, "pull_before_run": aBoolean, "run_options": texts,
		"use_podman": aBoolean, "worker_image": aText, "worker_run_options": texts,
	}
	// typeKeys are a type's; the last ones were its own before it had docker.
	typeKeys = rules{
		"docker":         object(rules{"pull_before_run": aBoolean, "worker_image": aText, "worker_run_options": texts}),
		"idle_timeout_s": aNumber(1e9), "initialization_commands": texts, "labels": textMap, "max_workers": anInteger(maxWorkersLimit),
		"min_workers": anInteger(maxWorkersLimit), "node_config": aMapping, "priority": aPriority, "resources": aMapping,
		"worker_setup_commands": texts,

		"head_image": oneImage, "object_store_memory": anInteger(math.MaxInt64), "pull_before_run": aBoolean, "worker_image": oneImage,
		"worker_run_options": texts,
	}
	providerKeys = rules{
		"autoscaler_role": aMapping, "autoscaler_role_binding": aMapping, "autoscaler_service_account": aMapping, "availability_zone": aText,
		"cache_stopped_nodes": aBoolean, "cloudwatch": aMapping, "disable_node_updaters": aBoolean,
		"gcp_credentials": object(rules{"credentials": aText, "type": oneOf("credentials_token", "service_account")}),
		"head_ip":         aText, "location": aText, "module": aText, "msi_identity_id": aText, "msi_identity_principal_id": aText, "namespace": aText,
		"project_id": aText, "region": aText, "resource_group": aText, "security_group": object(rules{"GroupName": aText, "IpPermissions": aList}),
		"subnet_id": aText, "subscription_id": aText, "tags": aMapping, "use_internal_ips": aBoolean, "worker_ips": aList,
		"type": oneOf("kubernetes", "kuberay", "aws", "gcp", "azure", "vsphere", "aliyun", "spark", "local", "external", "readonly",
			"fake_multinode", "fake_multinode_docker"),
	}
	authKeys = rules{
		"ssh_private_key": aText, "ssh_proxy_command": aText, "ssh_proxy_use_node_id": aBoolean, "ssh_public_key": aText, "ssh_user": aText,
	}
)

// provider may have any further key, but must have a type.
func provider(p *parser, m fields, key string) {
	open(providerKeys)(p, m, key)
	inner := p.mapping(m.path(key), m.values[key], nil)
	p.require(inner, "type")
	if inner.values["gcp_credentials"] != nil {
		p.require(p.mapping(inner.path("gcp_credentials"), inner.values["gcp_credentials"], nil), "type")
	}
}

func (p *parser) require(m fields, key string) {
	if m.values[key] == nil && m.node != nil && m.node.Tag != "!!null" {
		p.fail(m.node, m.path(key), "must be given", "nothing")
	}
}

func auth(p *parser, m fields, key string) {
	inner := p.section(m, key, authKeys)
	if p.boolean(inner, "ssh_proxy_use_node_id", false) && inner.values["ssh_proxy_command"] == nil {
		p.failf(inner, "ssh_proxy_use_node_id", "must come with ssh_proxy_command", true)
	}
}

// oneImage is a text, or a list of one as Ray's old examples have it.
func oneImage(p *parser, m fields, key string) {
	n := m.values[key]
	if n.Kind != yaml.SequenceNode {
		p.text(m, key, "")
	} else if list := p.texts(m, key); len(list) != 1 && p.err == nil {
		p.failf(m, key, "must be one image", strconv.Itoa(len(list))+" of them")
	}
}
