package deploy_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRunOptions: what each of docker run's options is to a pod, as the chart's
// values.
func TestRunOptions(t *testing.T) {
	mounted := func(volume, mount string) string {
		return fmt.Sprintf(`{"volumes":[{"name":"docker-0",%s}],"volumeMounts":[{"mountPath":%s,"name":"docker-0"}]}`, volume, mount)
	}
	for options, want := range map[string]string{
		`[]`:                            `{}`,
		`["-v /home:/home"]`:            mounted(`"hostPath":{"path":"/home"}`, `"/home"`),
		`["-v", "/home:/home"]`:         mounted(`"hostPath":{"path":"/home"}`, `"/home"`),
		`["--volume=/a/:/b:ro,rslave"]`: `{"volumes":[{"hostPath":{"path":"/a"},"name":"docker-0"}],"volumeMounts":[{"mountPath":"/b","mountPropagation":"HostToContainer","name":"docker-0","readOnly":true}]}`,
		`["-v /scratch"]`:               mounted(`"emptyDir":{}`, `"/scratch"`),
		`["-v '/a b:/c'"]`:              mounted(`"hostPath":{"path":"/a b"}`, `"/c"`),
		`["--mount type=bind,source=/a,target=/b"]`:      mounted(`"hostPath":{"path":"/a"}`, `"/b"`),
		`["--mount type=tmpfs,target=/b,tmpfs-size=1m"]`: mounted(`"emptyDir":{"medium":"Memory","sizeLimit":"1048576"}`, `"/b"`),
		`["--mount type=volume,target=/b"]`:              mounted(`"emptyDir":{}`, `"/b"`),
		`["--tmpfs /run:size=64m,rw"]`:                   mounted(`"emptyDir":{"medium":"Memory","sizeLimit":"67108864"}`, `"/run"`),
		`["-e A=1 --env 'B=x y'"]`:                       `{"env":[{"name":"A","value":"1"},{"name":"B","value":"x y"}]}`,
		`["-e 'A=$(b) $c'"]`:                             `{"env":[{"name":"A","value":"$$(b) $$c"}]}`,
		`["--shm-size=8g"]`:                              `{"shmSize":"8589934592"}`,
		`["--gpus 2"]`:                                   `{"resources":{"limits":{"nvidia.com/gpu":"2"}}}`,
		`["--gpus all"]`:                                 `{}`,
		`["--gpus", "count=1"]`:                          `{"resources":{"limits":{"nvidia.com/gpu":"1"}}}`,
		`["--runtime=nvidia"]`:                           `{"runtimeClassName":"nvidia"}`,
		`["--runtime=runc"]`:                             `{}`,
		`["--ulimit nofile=65536:65537"]`:                `{"startCommands":["ulimit -Sn 65536 \u0026\u0026 ulimit -Hn 65537"]}`,
		`["--ulimit memlock=-1"]`:                        `{"startCommands":["ulimit -Sl unlimited \u0026\u0026 ulimit -Hl unlimited"]}`,
		`["--cap-add SYS_PTRACE --cap-add=net_admin --cap-drop CAP_MKNOD"]`: `{"securityContext":{"capabilities":{"add":["SYS_PTRACE","NET_ADMIN"],"drop":["MKNOD"]}}}`,
		`["--privileged"]`:                       `{"securityContext":{"privileged":true}}`,
		`["--privileged=false"]`:                 `{}`,
		`["--network host"]`:                     `{"podSpec":{"dnsPolicy":"ClusterFirstWithHostNet","hostNetwork":true}}`,
		`["--net=host"]`:                         `{"podSpec":{"dnsPolicy":"ClusterFirstWithHostNet","hostNetwork":true}}`,
		`["--ipc=host"]`:                         `{"podSpec":{"hostIPC":true}}`,
		`["--ipc private"]`:                      `{}`,
		`["--device /dev/fuse --privileged"]`:    `{"securityContext":{"privileged":true},"volumes":[{"hostPath":{"path":"/dev/fuse"},"name":"device-0"}],"volumeMounts":[{"mountPath":"/dev/fuse","name":"device-0"}]}`,
		`["-u 1000:100"]`:                        `{"securityContext":{"runAsGroup":100,"runAsUser":1000}}`,
		`["--user root"]`:                        `{"securityContext":{"runAsUser":0}}`,
		`["-w /work"]`:                           `{"workingDir":"/work"}`,
		`["-m 4g --cpus 1.5"]`:                   `{"resources":{"limits":{"cpu":"1500m","memory":"4294967296"}}}`,
		`["--label team=ml -l on"]`:              `{"podLabels":{"on":"","team":"ml"}}`,
		`["--add-host db:10.0.0.1"]`:             `{"podSpec":{"hostAliases":[{"hostnames":["db"],"ip":"10.0.0.1"}]}}`,
		`["--dns 1.1.1.1 --dns 8.8.8.8"]`:        `{"podSpec":{"dnsConfig":{"nameservers":["1.1.1.1","8.8.8.8"]}}}`,
		`["--read-only"]`:                        `{"securityContext":{"readOnlyRootFilesystem":true}}`,
		`["--security-opt no-new-privileges"]`:   `{"securityContext":{"allowPrivilegeEscalation":false}}`,
		`["--security-opt seccomp=unconfined"]`:  `{"securityContext":{"seccompProfile":{"type":"Unconfined"}}}`,
		`["--security-opt apparmor:unconfined"]`: `{"securityContext":{"appArmorProfile":{"type":"Unconfined"}}}`,
		`["--security-opt label=type:spc_t"]`:    `{"securityContext":{"seLinuxOptions":{"type":"spc_t"}}}`,
		`["-itd --rm"]`:                          `{}`,
	} {
		c := parsed(t, "docker: {worker_run_options: "+options+"}")
		got, err := json.Marshal(c.Pods["worker"])
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(sorted(t, want), sorted(t, string(got))); d != "" {
			t.Errorf("%s: %s", options, d)
		}
	}
}

func sorted(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// TestDockerLevels: which image and which options a head and a type have.
func TestDockerLevels(t *testing.T) {
	const docker = "docker: {image: a:1, %s}\n"
	const file = docker + "head_node_type: h\navailable_node_types: {h: {%s}, w: {%s}}"
	for name, c := range map[string]struct{ docker, head, worker, want string }{
		"the cluster's":    {"run_options: [-e A=1]", "", "", "a:1 Always A; a:1 Always A"},
		"head and workers": {"head_image: b:2, worker_image: c, head_run_options: [-e H=1], worker_run_options: [-e W=1]", "", "", "b:2 Always H; c:latest Always W"},
		"both lists":       {"run_options: [-e A=1], worker_run_options: [-e W=1]", "", "", "a:1 Always A; a:1 Always AW"},
		"the type's":       {"run_options: [-e A=1], worker_run_options: [-e W=1]", "", "docker: {worker_image: d:4, worker_run_options: [-e T=1], pull_before_run: false}", "a:1 Always A; d:4 IfNotPresent AT"},
		"old keys":         {"pull_before_run: false", "", "worker_image: [d:4], worker_run_options: [-e T=1], pull_before_run: True", "a:1 IfNotPresent ; d:4 Always T"},
		"the head's type":  {"", "docker: {worker_image: d:4}", "", "a:1 Always ; a:1 Always "},
		"a registry":       {"worker_image: 'r.io:5000/x'", "", "", "a:1 Always ; r.io:5000/x:latest Always "},
	} {
		got := parsed(t, fmt.Sprintf(file, c.docker, c.head, c.worker))
		var text []string
		for _, p := range []struct {
			repository, tag, pull string
			env                   []map[string]any
		}{
			{got.HeadPod.Image.Repository, got.HeadPod.Image.Tag, got.HeadPod.Image.PullPolicy, got.HeadPod.Env},
			{got.Pods["w"].Image.Repository, got.Pods["w"].Image.Tag, got.Pods["w"].Image.PullPolicy, got.Pods["w"].Env},
		} {
			names := ""
			for _, e := range p.env {
				names += e["name"].(string)
			}
			text = append(text, fmt.Sprintf("%s:%s %s %s", p.repository, p.tag, p.pull, names))
		}
		if d := cmp.Diff(c.want, strings.Join(text, "; ")); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// TestCommands: which commands run, in Ray's order.
func TestCommands(t *testing.T) {
	const common = "initialization_commands: [i]\nsetup_commands: [s]\nhead_setup_commands: [h]\nworker_setup_commands: [w]\n"
	const types = "head_node_type: head\navailable_node_types: {head: {}, t: {%s}}\n"
	for name, c := range map[string]struct{ top, own, head, worker string }{
		"common":       {"", "", "i s h", "i s w"},
		"replaced":     {"", "worker_setup_commands: [t]", "i s h", "i t"},
		"both":         {"", "worker_setup_commands: [t], initialization_commands: [j]", "i s h", "j t"},
		"none":         {"", "worker_setup_commands: [], initialization_commands: []", "i s h", ""},
		"not on nodes": {"provider: {type: local, disable_node_updaters: true}", "", "i s h", ""},
	} {
		got := parsed(t, common+fmt.Sprintf(types, c.own)+c.top)
		text := strings.Join(got.HeadPod.SetupCommands, " ") + "|" + strings.Join(got.Pods["t"].SetupCommands, " ")
		if d := cmp.Diff(c.head+"|"+c.worker, text); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// TestStartCommands: what is kept of the commands that start Ray.
func TestStartCommands(t *testing.T) {
	for command, want := range map[string]string{
		"ray stop": "[] map[]",
		"ulimit -c unlimited; ray start --head --port=6379":                                "[ulimit -c unlimited] map[]",
		"ulimit -n 65536 && ray start --head --object-manager-port 8076 --temp-dir='/a b'": "[ulimit -n 65536] map[object-manager-port:8076 temp-dir:/a b]",
		"RAY_x=1 ray start --head --disable-usage-stats &> /tmp/out":                       "[export RAY_x=1] map[disable-usage-stats:]",
		"ray start --head --num-cpus=$N --address=$RAY_HEAD_IP:6379":                       "[] map[]",
		"source ~/.env\nray start --head":                                                  "[source ~/.env] map[]",
	} {
		b, err := json.Marshal(command)
		if err != nil {
			t.Fatal(err)
		}
		pod := parsed(t, "head_start_ray_commands: ["+string(b)+"]").HeadPod
		if got := fmt.Sprint(pod.StartCommands, pod.RayStartParams); got != want {
			t.Errorf("%s\n got %s\nwant %s", command, got, want)
		}
	}
}
