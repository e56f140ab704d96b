package kuberay

import (
	"slices"
	"strconv"

	"github.com/rayburst/rayburst/deploy"
)

// pod is a group's pod as the chart has it. Ray's container is the first.
func (s section) pod() deploy.Pod {
	template := s.section("template")
	var out deploy.Pod
	meta, spec := template.section("metadata"), template.section("spec")
	template.rest()
	out.Labels, out.Annotations = meta.labels(), meta.annotations()
	meta.take("creationTimestamp")
	meta.rest()
	out.Priority, out.RuntimeClassName = spec.text("priorityClassName"), spec.text("runtimeClassName")
	out.NodeSelector, out.Affinity = spec.scalars("nodeSelector"), spec.object("affinity")
	out.Tolerations, out.Spread = spec.objects("tolerations"), spec.objects("topologySpreadConstraints")
	out.Volumes = spec.objects("volumes")
	for _, secret := range spec.sections("imagePullSecrets") {
		out.PullSecrets = append(out.PullSecrets, secret.text("name"))
	}
	containers := spec.sections("containers")
	if len(containers) == 0 {
		s.fail(spec.key("containers"), "must have Ray's container", nil)
		return out
	}
	containers[0].container(&out)
	for _, c := range containers[1:] {
		s.lose(c.path, c.fields["name"], "a pod has Ray's container and the agent: run it in a Deployment of its own")
	}
	out.TakeSharedMemory()
	spec.further(&out)
	spec.rest()
	return out
}

// labels are those that the chart does not set itself.
func (s section) labels() map[string]string {
	var out map[string]string
	all := s.scalars("labels")
	for _, k := range sortedKeys(all) {
		if deploy.ChartLabel(k) {
			s.lose(s.key("labels")+"."+k, all[k], "the chart sets its own")
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[k] = all[k]
	}
	return out
}

// overwritten is KubeRay's annotation of pods that start Ray themselves.
const overwritten = "ray.io/overwrite-container-cmd"

func (s section) annotations() map[string]string {
	out := s.scalars("annotations")
	if v, ok := out[overwritten]; ok {
		s.lose(s.key("annotations")+"."+overwritten, v, "the chart's own command is run: see startCommands and setupCommands")
		delete(out, overwritten)
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// further are fields of a pod's spec that go into podSpec as they are.
func (s section) further(p *deploy.Pod) {
	for _, k := range []string{
		"dnsConfig", "dnsPolicy", "hostAliases", "hostIPC", "hostNetwork", "hostPID", "hostUsers", "hostname", "os", "overhead",
		"preemptionPolicy", "priority", "readinessGates", "resourceClaims", "schedulerName", "schedulingGates", "securityContext",
		"serviceAccount", "serviceAccountName", "setHostnameAsFQDN", "shareProcessNamespace", "subdomain",
	} {
		if v := s.take(k); v != nil {
			if p.Spec == nil {
				p.Spec = map[string]any{}
			}
			p.Spec[k] = v
		}
	}
}

// chartPorts are open in every pod of the chart, or of Ray itself.
var chartPorts = []int{6379, 8265, 10001, 8080, 52365}

func (s section) container(p *deploy.Pod) {
	s.take("name")
	if image := s.text("image"); image != "" {
		p.Image = deploy.ParseImage(image)
	}
	p.Image.PullPolicy = s.text("imagePullPolicy")
	p.WorkingDir = s.text("workingDir")
	p.Env, p.VolumeMounts = s.objects("env"), s.objects("volumeMounts")
	p.SecurityContext = s.object("securityContext")
	resources := s.section("resources")
	p.Resources = deploy.Requirements{Requests: resources.scalars("requests"), Limits: resources.scalars("limits")}
	resources.rest()
	requested(&p.Resources)
	for _, port := range s.sections("ports") {
		if n := port.integer("containerPort", 0, 0); !slices.Contains(chartPorts, n) {
			s.lose(port.path, strconv.Itoa(n), adviceFor(s.key("ports")))
		}
	}
	s.rest()
}

// requested makes the limits requests where there are none, as Kubernetes does:
// else what a cluster YAML asks for could be above them.
func requested(r *deploy.Requirements) {
	for _, name := range []string{"cpu", "memory"} {
		limit, ok := r.Limits[name]
		if _, asked := r.Requests[name]; !ok || asked {
			continue
		}
		if r.Requests == nil {
			r.Requests = map[string]string{}
		}
		r.Requests[name] = limit
	}
}
