package deploy

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/cli/opts"
)

// What docker run's options are to a pod. Each returns the rule that a value
// breaks.

func environment(p *Pod, value string) error {
	name, v, ok := strings.Cut(value, "=")
	if !ok || name == "" {
		return errors.New("must be NAME=VALUE: the variables of the machine that runs this are not known to pods")
	}
	p.Env = append(p.Env, variable(name, v))
	return nil
}

// variable is an environment variable. Kubernetes itself reads $( and $$ in its
// value, so that a $ is doubled.
func variable(name, value string) map[string]any {
	return map[string]any{"name": name, "value": strings.ReplaceAll(value, "$", "$$")}
}

func environmentFile(p *Pod, value string) error {
	p.EnvFiles = append(p.EnvFiles, value)
	return nil
}

// byteCount is a size in docker's units as a number of bytes.
func byteCount(value string) (string, error) {
	var v opts.MemBytes
	if err := v.Set(value); err != nil || v.Value() <= 0 {
		return "", errors.New("must be a size such as 512m or 8g")
	}
	return strconv.FormatInt(v.Value(), 10), nil
}

func sharedMemory(p *Pod, value string) (err error) {
	p.ShmSize, err = byteCount(value)
	return err
}

func limitMemory(p *Pod, value string) error {
	size, err := byteCount(value)
	p.limit("memory", size)
	return err
}

func limitCPUs(p *Pod, value string) error {
	var v opts.NanoCPUs
	if err := v.Set(value); err != nil || v.Value() < 1e6 {
		return errors.New("must be a number of CPUs, 0.001 or more")
	}
	p.limit("cpu", strconv.FormatInt(v.Value()/1e6, 10)+"m")
	return nil
}

func gpus(p *Pod, value string) error {
	var v opts.GpuOpts
	if err := v.Set(value); err != nil {
		return errors.New("must be all or a number of GPUs")
	}
	switch r := v.Value()[0]; {
	case len(r.DeviceIDs) > 0:
		return errors.New("must not name devices: Kubernetes chooses them")
	case r.Count < 0:
		p.AllGPUs = true
	case r.Count > 0:
		p.limit("nvidia.com/gpu", strconv.Itoa(r.Count))
	}
	return nil
}

// containerRuntime takes a runtime for the RuntimeClass of its name; runc is
// the usual one.
func containerRuntime(p *Pod, value string) error {
	if !dnsName.MatchString(value) {
		return errors.New("must be the name of a RuntimeClass: lower-case letters, digits and '-'")
	}
	if value != "runc" {
		p.RuntimeClassName = value
	}
	return nil
}

var dnsName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)

// limits are bash's letters for docker's ulimits, and how many of docker's
// units make one of bash's.
var limits = map[string]struct {
	letter string
	unit   int64
}{
	"core": {"c", 1024}, "cpu": {"t", 1}, "data": {"d", 1024}, "fsize": {"f", 1024}, "locks": {"x", 1}, "memlock": {"l", 1024},
	"msgqueue": {"q", 1}, "nice": {"e", 1}, "nofile": {"n", 1}, "nproc": {"u", 1}, "rss": {"m", 1024}, "rtprio": {"r", 1},
	"sigpending": {"i", 1}, "stack": {"s", 1024},
}

// ulimit is a command before Ray: a pod has no field for it.
func ulimit(p *Pod, value string) error {
	v := opts.NewUlimitOpt(nil)
	if err := v.Set(value); err != nil {
		return errors.New("must be NAME=SOFT[:HARD], as nofile=65536:65536")
	}
	for _, u := range v.GetList() {
		l, ok := limits[u.Name]
		if !ok {
			return errors.New("must be a limit that bash has")
		}
		amount := func(n int64) string {
			if n < 0 {
				return "unlimited"
			}
			return strconv.FormatInt(n/l.unit, 10)
		}
		p.StartCommands = append(p.StartCommands,
			fmt.Sprintf("ulimit -S%s %s && ulimit -H%s %s", l.letter, amount(u.Soft), l.letter, amount(u.Hard)))
	}
	return nil
}

func capability(list string) func(*Pod, string) error {
	return func(p *Pod, value string) error {
		c, _ := p.SecurityContext["capabilities"].(map[string]any)
		c = union(c, nil)
		if c == nil {
			c = map[string]any{}
		}
		old, _ := c[list].([]any)
		c[list] = append(old, strings.TrimPrefix(opts.NormalizeCapability(value), "CAP_"))
		p.security("capabilities", c)
		return nil
	}
}

func secured(key string, value any) func(*Pod, string) error {
	return func(p *Pod, _ string) error {
		p.security(key, value)
		return nil
	}
}

func network(p *Pod, value string) error {
	var v opts.NetworkOpt
	if err := v.Set(value); err != nil || v.NetworkMode() != "host" {
		return errors.New("must be host, or not given: a pod has Kubernetes' network")
	}
	p.spec("hostNetwork", true)
	p.spec("dnsPolicy", "ClusterFirstWithHostNet")
	return nil
}

func interprocess(p *Pod, value string) error {
	switch value {
	case "host":
		p.spec("hostIPC", true)
	case "private", "":
	default:
		return errors.New("must be host or private")
	}
	return nil
}

// user needs numbers: which user a name is, only the image knows.
func user(p *Pod, value string) error {
	if value == "root" {
		value = "0"
	}
	name, group, grouped := strings.Cut(value, ":")
	uid, err := strconv.ParseInt(name, 10, 32)
	if err != nil || uid < 0 {
		return errors.New("must be a number, as UID or UID:GID: Kubernetes takes no names")
	}
	p.security("runAsUser", uid)
	if !grouped {
		return nil
	}
	gid, err := strconv.ParseInt(group, 10, 32)
	if err != nil || gid < 0 {
		return errors.New("must be a number, as UID or UID:GID: Kubernetes takes no names")
	}
	p.security("runAsGroup", gid)
	return nil
}

func workingDir(p *Pod, value string) error {
	if !strings.HasPrefix(value, "/") {
		return errors.New("must be an absolute path")
	}
	p.WorkingDir = value
	return nil
}

var (
	labelName  = regexp.MustCompile(`^([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)
	labelValue = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$`)
)

func label(p *Pod, value string) error {
	name, v, _ := strings.Cut(value, "=")
	switch {
	case !labelName.MatchString(name) || !labelValue.MatchString(v):
		return errors.New("must be a label as Kubernetes has them: at most 63 letters, digits, '.', '-' and '_'")
	case ChartLabel(name):
		return errors.New("must not be one of the chart's own")
	}
	p.Labels = union(p.Labels, map[string]string{name: v})
	return nil
}

// ChartLabel tells whether the chart sets the label itself.
func ChartLabel(name string) bool {
	return strings.HasPrefix(name, "ray.io/") || strings.HasPrefix(name, "app.kubernetes.io/")
}

func addHost(p *Pod, value string) error {
	v, err := opts.ValidateExtraHost(value)
	host, ip, _ := strings.Cut(v, ":")
	if err != nil || ip == "host-gateway" {
		return errors.New("must be HOST:IP")
	}
	old, _ := p.Spec["hostAliases"].([]any)
	p.spec("hostAliases", append(slices.Clip(old), map[string]any{"ip": ip, "hostnames": []any{host}}))
	return nil
}

// nameserver is asked besides the cluster's own, which finds the head.
func nameserver(p *Pod, value string) error {
	ip, err := opts.ValidateIPAddress(value)
	config, _ := p.Spec["dnsConfig"].(map[string]any)
	old, _ := config["nameservers"].([]any)
	if err != nil || len(old) == 3 {
		return errors.New("must be the IP address of a name server, at most three of them")
	}
	p.spec("dnsConfig", map[string]any{"nameservers": append(slices.Clip(old), ip)})
	return nil
}

// securityOption reads KEY=VALUE or, as docker once had it, KEY:VALUE.
func securityOption(p *Pod, value string) error {
	key, v, _ := strings.Cut(value, "=")
	if !strings.Contains(value, "=") {
		key, v, _ = strings.Cut(value, ":")
	}
	switch {
	case key == "no-new-privileges" && (v == "" || v == "true"):
		p.security("allowPrivilegeEscalation", false)
	case key == "no-new-privileges" && v == "false":
	case key == "seccomp" && v == "unconfined":
		p.security("seccompProfile", map[string]any{"type": "Unconfined"})
	case key == "apparmor" && v == "unconfined":
		p.security("appArmorProfile", map[string]any{"type": "Unconfined"})
	case key == "apparmor" && v != "":
		p.security("appArmorProfile", map[string]any{"type": "Localhost", "localhostProfile": v})
	case key == "label":
		return p.selinux(v)
	default:
		return errors.New("must be no-new-privileges, seccomp=unconfined, apparmor=PROFILE or label=user|role|type|level:VALUE")
	}
	return nil
}

func (p *Pod) selinux(value string) error {
	key, v, _ := strings.Cut(value, ":")
	if v == "" || !slices.Contains([]string{"user", "role", "type", "level"}, key) {
		return errors.New("must be label=user:, role:, type: or level: and a value")
	}
	old, _ := p.SecurityContext["seLinuxOptions"].(map[string]any)
	p.security("seLinuxOptions", union(old, map[string]any{key: v}))
	return nil
}
