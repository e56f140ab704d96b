package deploy

import "slices"

// common is what the file says of all its nodes.
type common struct {
	docker  fields
	first   []string // initialization_commands
	setup   []string // of workers: the common ones and their own
	head    Pod      // commands only
	start   Pod      // of workers: start commands only
	updates bool     // whether workers run commands at all
}

func (p *parser) common(c *Cluster, m fields) common {
	provider := p.mapping("provider", m.values["provider"], nil)
	own := p.commands(m, "setup_commands")
	out := common{
		docker: p.mapping("docker", m.values["docker"], nil), first: p.commands(m, "initialization_commands"),
		setup:   slices.Concat(own, p.commands(m, "worker_setup_commands")),
		head:    p.startCommands(c, m, "head_start_ray_commands"),
		start:   p.startCommands(c, m, "worker_start_ray_commands"),
		updates: !p.boolean(provider, "disable_node_updaters", false),
	}
	out.head.SetupCommands = slices.Concat(out.first, own, p.commands(m, "head_setup_commands"))
	return out
}

func (p *parser) commands(m fields, key string) []string {
	var out []string
	for _, e := range p.texts(m, key) {
		out = append(out, e.text)
	}
	return out
}

// headPod is the head's pod. Ray's head knows its type's node_config, but
// neither its type's docker nor its commands.
func (p *parser) headPod(n node, c common) Pod {
	out := p.container(c.docker, "head_image", "head_run_options", c.docker)
	out.SetupCommands = c.head.SetupCommands
	out.StartCommands = slices.Concat(out.StartCommands, c.head.StartCommands)
	out.RayStartParams = c.head.RayStartParams
	return n.pod.over(out)
}

// workerPod is a pod of the type whose own fields are m: its commands take the
// place of the cluster's, and its docker overlays the cluster's.
func (p *parser) workerPod(m fields, n node, c common) Pod {
	docker := p.mapping(m.path("docker"), m.values["docker"], nil)
	out := p.container(c.docker, "worker_image", "worker_run_options", docker, m, c.docker)
	out.RayStartParams = c.start.RayStartParams
	if c.updates {
		first, setup := c.first, c.setup
		if given(m, "initialization_commands") {
			first = p.commands(m, "initialization_commands")
		}
		if given(m, "worker_setup_commands") {
			setup = p.commands(m, "worker_setup_commands")
		}
		out.SetupCommands = slices.Concat(first, setup)
		out.StartCommands = slices.Concat(out.StartCommands, c.start.StartCommands)
	}
	return n.pod.over(out)
}

// container is what docker says of a pod: image and options are those of the
// first level that has them, after the cluster's common ones.
func (p *parser) container(cluster fields, image, options string, levels ...fields) Pod {
	list := p.texts(cluster, "run_options")
	if at := firstGiven(options, levels); at != nil {
		list = slices.Concat(list, p.texts(*at, options))
	}
	out := p.runOptions(list)
	out.NoRuntime = p.boolean(cluster, "disable_automatic_runtime_detection", false)
	name := ""
	if at := firstGiven(image, levels); at != nil {
		name = p.image(*at, image)
	} else {
		name = p.text(cluster, "image", "")
	}
	pull := firstGiven("pull_before_run", levels)
	if name == "" {
		return out
	}
	out.Image = ParseImage(name)
	out.Image.PullPolicy = "Always" // Ray pulls unless told not to
	if pull != nil && !p.boolean(*pull, "pull_before_run", true) {
		out.Image.PullPolicy = "IfNotPresent"
	}
	return out
}

func firstGiven(key string, levels []fields) *fields {
	for i := range levels {
		if given(levels[i], key) {
			return &levels[i]
		}
	}
	return nil
}

// image is a text, or a list of one.
func (p *parser) image(m fields, key string) string {
	if list := m.values[key]; len(list.Content) == 1 {
		return resolve(list.Content[0]).Value
	}
	return p.text(m, key, "")
}
