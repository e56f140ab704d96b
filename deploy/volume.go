package deploy

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/docker/cli/opts"
)

// mount adds a volume with the given source and its mount.
func (p *Pod) mount(kind, target string, source map[string]any, more map[string]any) {
	name := fmt.Sprintf("%s-%d", kind, len(p.Volumes))
	p.Volumes = append(p.Volumes, union(map[string]any{"name": name}, source))
	p.VolumeMounts = append(p.VolumeMounts, union(map[string]any{"name": name, "mountPath": target}, more))
}

func hostPath(source string) map[string]any {
	return map[string]any{"hostPath": map[string]any{"path": path.Clean(source)}}
}

func emptyDir(of map[string]any) map[string]any { return map[string]any{"emptyDir": of} }

var errTarget = errors.New("must have an absolute path in the container, other than / and /dev/shm")

func badTarget(target string) bool {
	return !strings.HasPrefix(target, "/") || path.Clean(target) == "/" || path.Clean(target) == "/dev/shm"
}

// volume is [SOURCE:]TARGET[:OPTIONS]. A path of the machine must be absolute;
// docker's own named volumes are on no Kubernetes node.
func volume(p *Pod, value string) error {
	parts := strings.Split(value, ":")
	switch {
	case len(parts) > 3:
		return errors.New("must be SOURCE:TARGET or SOURCE:TARGET:OPTIONS")
	case len(parts) == 1 && badTarget(value) || len(parts) > 1 && badTarget(parts[1]):
		return errTarget
	case len(parts) == 1:
		p.mount("docker", value, emptyDir(map[string]any{}), nil)
		return nil
	case !strings.HasPrefix(parts[0], "/"):
		return errors.New("must have an absolute path of the node as its source: there are no named volumes, and no home")
	}
	more := map[string]any{}
	if len(parts) == 3 {
		for o := range strings.SplitSeq(parts[2], ",") {
			if err := volumeOption(more, o); err != nil {
				return err
			}
		}
	}
	p.mount("docker", parts[1], hostPath(parts[0]), more)
	return nil
}

// propagations are docker's words and Kubernetes'.
var propagations = map[string]string{
	"private": "None", "rprivate": "None", "slave": "HostToContainer", "rslave": "HostToContainer", "shared": "Bidirectional", "rshared": "Bidirectional",
}

func volumeOption(mount map[string]any, o string) error {
	switch {
	case o == "ro":
		mount["readOnly"] = true
	case propagations[o] != "":
		mount["mountPropagation"] = propagations[o]
	case !slices.Contains([]string{"rw", "cached", "consistent", "delegated"}, o):
		return fmt.Errorf("must have ro, rw or a propagation as options, not %q", o)
	}
	return nil
}

// mountOption is docker's long form: type=bind, tmpfs or volume.
func mountOption(p *Pod, value string) error {
	var v opts.MountOpt
	if err := v.Set(value); err != nil {
		return errors.New("must be type=bind|tmpfs|volume,source=…,target=…: " + err.Error())
	}
	m := v.Value()[0]
	more := map[string]any{}
	if m.ReadOnly {
		more["readOnly"] = true
	}
	switch {
	case badTarget(m.Target):
		return errTarget
	case m.Type == "tmpfs":
		dir := map[string]any{"medium": "Memory"}
		if o := m.TmpfsOptions; o != nil && o.SizeBytes > 0 {
			dir["sizeLimit"] = fmt.Sprint(o.SizeBytes)
		}
		p.mount("docker", m.Target, emptyDir(dir), more)
	case m.Type == "volume" && m.Source == "" && m.VolumeOptions == nil:
		p.mount("docker", m.Target, emptyDir(map[string]any{}), more)
	case m.Type == "bind" && strings.HasPrefix(m.Source, "/"):
		if o := m.BindOptions; o != nil && propagations[string(o.Propagation)] != "" {
			more["mountPropagation"] = propagations[string(o.Propagation)]
		}
		p.mount("docker", m.Target, hostPath(m.Source), more)
	default:
		return errors.New("must be a bind of an absolute path, a tmpfs, or a volume without a source")
	}
	return nil
}

// temporary is TARGET[:size=SIZE].
func temporary(p *Pod, value string) error {
	target, rest, _ := strings.Cut(value, ":")
	if badTarget(target) {
		return errTarget
	}
	dir := map[string]any{"medium": "Memory"}
	for o := range strings.SplitSeq(rest, ",") {
		name, v, _ := strings.Cut(o, "=")
		switch {
		case name == "size":
			size, err := byteCount(v)
			if err != nil {
				return err
			}
			dir["sizeLimit"] = size
		case name != "" && name != "rw":
			return fmt.Errorf("must have size as its only option, not %q", o)
		}
	}
	p.mount("docker", target, emptyDir(dir), nil)
	return nil
}

// device is SOURCE[:TARGET[:PERMISSIONS]].
func device(p *Pod, value string) error {
	parts := strings.Split(value, ":")
	if len(parts) > 3 || !strings.HasPrefix(parts[0], "/dev/") {
		return errors.New("must be a path within /dev: others need a device plugin, and a resource of the type")
	}
	target := parts[0]
	if len(parts) > 1 && strings.HasPrefix(parts[1], "/") {
		target = parts[1]
	}
	if badTarget(target) {
		return errTarget
	}
	p.mount("device", target, hostPath(parts[0]), nil)
	return nil
}
