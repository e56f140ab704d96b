package deploy_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/deploy"
)

// FuzzParseCluster: whatever the file is, it is refused by name, or is a
// cluster within its own limits, the same each time.
func FuzzParseCluster(f *testing.F) {
	files, err := filepath.Glob("../examples/*/*.yaml")
	if err != nil || len(files) < 5 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("a: &a [*a, {<<: *a}]"))
	f.Add([]byte("available_node_types: &x {head: *x}\nhead_node_type: head"))
	f.Add([]byte(withType("{resources: {CPU: 0x10, GPU: 1e3}, labels: {a: ~}, idle_timeout_s: .1}")))
	f.Add([]byte("docker: {run_options: [\"-v /a:/b:ro --mount type=tmpfs,target=/c -e 'A=b c'\", --gpus, all, --ulimit=nofile=1:2, -itu 1:2]}"))
	f.Add([]byte("head_start_ray_commands: ['A=1 ray start --head --temp-dir \"/a b\" && ulimit -n 3; ray stop']"))
	f.Add([]byte(withType("node_config: {machineType: a/n1-custom-4-8192, scheduling: [{preemptible: yes}], guestAccelerators: [{acceleratorType: nvidia-tesla-t4}]}")))
	f.Add([]byte("worker_nodes: &p {spec: {containers: [{resources: {limits: {cpu: 1m, x/gpu: 2}}, volumeMounts: [{mountPath: /dev/shm, name: a}]}], volumes: [{name: a}]}}\nhead_node: *p"))
	for _, c := range wrongCases(f) {
		f.Add([]byte(c.YAML))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := deploy.ParseCluster(b)
		if err != nil {
			if c != nil || !errors.Is(err, deploy.ErrYAML) {
				t.Fatalf("%+v, %v", c, err)
			}
			return
		}
		least := 0
		for _, w := range c.Types {
			if least += w.MinWorkers; w.Name == "" || w.MinWorkers < 0 || w.MinWorkers > w.MaxWorkers {
				t.Errorf("type %+v", w)
			}
		}
		if c.Name == "" || c.Head.Name == "" || c.MaxWorkers < least || c.IdleTimeout < 0 || !(c.UpscalingSpeed >= 0) {
			t.Errorf("%+v", c)
		}
		if v, err := c.Values(deploy.Surroundings{}); err == nil && (v["head"] == nil || v["workers"] == nil) || err != nil && !errors.Is(err, deploy.ErrYAML) {
			t.Errorf("values %v, %v", v, err)
		}
		again, err := deploy.ParseCluster(b)
		if d := cmp.Diff(c, again, sameResources); d != "" || err != nil {
			t.Errorf("not the same twice: %v %s", err, d)
		}
	})
}
