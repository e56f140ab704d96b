package kuberay

import (
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/rayburst/rayburst/deploy"
)

// cluster is a RayCluster's spec.
type cluster struct {
	speed    float64
	suspend  bool
	scaled   bool // by KubeRay's autoscaler
	auth     map[string]any
	headPod  deploy.Pod
	headCPUs float64
	groups   []workers
}

// The idle timeout that KubeRay's autoscaler has by default, and the speeds of
// its upscaling modes.
const (
	defaultIdle = 60
	conservative,
	aggressive = 1.0, 1000.0
)

func (s section) cluster(name string) cluster {
	out := cluster{scaled: s.boolean("enableInTreeAutoscaling"), suspend: s.boolean("suspend"), auth: s.auth()}
	version := s.text("rayVersion")
	idle := s.autoscaler(&out)
	if s.fields["headGroupSpec"] == nil {
		s.fail("spec.headGroupSpec", "must be given", nil)
		return out
	}
	s.section("headGroupSpec").head(&out)
	if out.headPod.Image.Repository == "" && version != "" {
		out.headPod.Image.Repository, out.headPod.Image.Tag = "rayproject/ray", version
	}
	if redis := s.section("gcsFaultToleranceOptions"); len(redis.fields) > 0 {
		redis.redis(&out.headPod, name)
	}
	names := map[string]bool{}
	for _, g := range s.sections("workerGroupSpecs") {
		if w, ok := g.workers(out.scaled, idle); ok {
			if names[w.Name] {
				s.fail(g.key("groupName"), "must not have the name of another group", w.Name)
			}
			names[w.Name] = true
			out.groups = append(out.groups, w)
		}
	}
	if v := s.text("managedBy"); v != "" && v != "ray.io/kuberay-operator" {
		s.lose("spec.managedBy", v, adviceFor("spec.managedBy"))
	}
	s.rest()
	return out
}

// auth is authOptions as the chart's auth; nil: its default, a token.
func (s section) auth() map[string]any {
	o := s.section("authOptions")
	var out map[string]any
	switch mode := o.text("mode"); mode {
	case "", "token":
	case "disabled":
		out = map[string]any{"enabled": false}
	default:
		s.fail(o.key("mode"), "must be token or disabled", mode)
	}
	if secret := o.text("secretName"); secret != "" && out == nil {
		out = map[string]any{"enabled": true, "existingSecret": secret}
	}
	if v := o.take("enableK8sTokenAuth"); v == true {
		s.lose(o.key("enableK8sTokenAuth"), v, adviceFor(o.key("enableK8sTokenAuth")))
	}
	o.rest()
	return out
}

// autoscaler reads autoscalerOptions; it returns the idle timeout in seconds.
func (s section) autoscaler(c *cluster) int {
	o := s.section("autoscalerOptions")
	switch mode := o.text("upscalingMode"); mode {
	case "Conservative":
		c.speed = conservative
	case "", "Default", "Aggressive":
		c.speed = aggressive
	default:
		s.fail(o.key("upscalingMode"), "must be Default, Aggressive or Conservative", mode)
	}
	if v := o.text("version"); v != "" && v != "v2" {
		s.lose(o.key("version"), v, adviceFor(o.key("version")))
	}
	idle := o.integer("idleTimeoutSeconds", 0, defaultIdle)
	o.rest()
	return idle
}

func (s section) head(c *cluster) {
	p := s.startParams()
	pod := s.pod()
	if v := s.text("serviceType"); v != "" && v != "ClusterIP" {
		s.lose(s.key("serviceType"), v, adviceFor(s.key("serviceType")))
	}
	if v := s.take("enableIngress"); v != nil && v != false {
		s.lose(s.key("enableIngress"), v, adviceFor(s.key("enableIngress")))
	}
	s.rest()
	seen := pod.Seen()
	c.headCPUs = seen["CPU"]
	more := p.more
	custom := map[string]float64{}
	if seen["GPU"] > 0 {
		more["num-gpus"] = number(seen["GPU"])
	}
	for name, v := range p.resources {
		switch name {
		case "CPU":
			c.headCPUs = v
		case "GPU":
			more["num-gpus"] = number(v)
		case "memory":
			more["memory"] = number(v)
		default:
			custom[name] = v
		}
	}
	if len(custom) > 0 {
		more["resources"] = string(asText(custom))
	}
	if len(p.labels) > 0 {
		more["labels"] = joined(p.labels)
	}
	if len(more) > 0 {
		pod.RayStartParams = more
	}
	c.headPod = pod
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// redis is gcsFaultToleranceOptions as what Ray itself reads.
func (s section) redis(head *deploy.Pod, name string) {
	address := s.text("redisAddress")
	namespace := s.text("externalStorageNamespace")
	if address != "" {
		if namespace == "" {
			namespace = name
		}
		head.Env = append(slices.Clip(head.Env),
			map[string]any{"name": "RAY_REDIS_ADDRESS", "value": address},
			map[string]any{"name": "RAY_external_storage_namespace", "value": namespace})
		s.credential(head, "redisUsername", "REDIS_USERNAME", "redis-username")
		s.credential(head, "redisPassword", "REDIS_PASSWORD", "redis-password")
	}
	s.rest()
}

// credential is a variable, and an option of ray start that Kubernetes fills in
// from it.
func (s section) credential(head *deploy.Pod, key, variable, option string) {
	v := s.object(key)
	if len(v) == 0 {
		return
	}
	env := maps.Clone(v)
	env["name"] = variable
	head.Env = append(head.Env, env)
	params := maps.Clone(head.RayStartParams)
	if params == nil {
		params = map[string]string{}
	}
	params[option] = "$(" + variable + ")"
	head.RayStartParams = params
}

// mostWorkers is what no limit is taken for.
const mostWorkers = 10_000

func bounded(n int) int { return int(math.Min(float64(n), mostWorkers)) }
