package deploy_test

import (
	"errors"
	"math"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/deploy"
	"github.com/rayburst/rayburst/nodetypes"
)

func resources(t *testing.T, units map[string]float64) demand.Resources {
	t.Helper()
	r, err := demand.NewResources(units)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestExamples: the files that Ray's users have mean what they mean there.
func TestExamples(t *testing.T) {
	one, m4 := resources(t, map[string]float64{"CPU": 1}), resources(t, map[string]float64{"CPU": 4})
	for file, want := range map[string]deploy.Cluster{
		"ray/seed-autoscaling.yaml": {
			Name: "default", MaxWorkers: 2, Head: nodetypes.NodeType{Name: "head"},
			Types:    []nodetypes.NodeType{{Name: "worker", Resources: one, MaxWorkers: 2}},
			Warnings: []string{"available_node_types: not given; workers have 1 CPU"},
		},
		"ray/seed-basic.yaml": {
			Name: "basic-ray", MaxWorkers: 0, Head: nodetypes.NodeType{Name: "head", Resources: one},
			Types: []nodetypes.NodeType{{Name: "worker", Resources: one, MaxWorkers: 0}},
			Warnings: []string{
				"available_node_types: not given; workers have 1 CPU",
				"head_node.resources: not given; the head has 1 CPU, as there are no workers",
			},
		},
		"ray/seed-docker.yaml": {
			Name: "dockers", MaxWorkers: 2, Head: nodetypes.NodeType{Name: "head", Resources: resources(t, map[string]float64{"CPU": 2})},
			Types:    []nodetypes.NodeType{{Name: "gpu_1_ondemand", Resources: one, MaxWorkers: 2}},
			Warnings: []string{"available_node_types.gpu_1_ondemand.resources: not given; taken as 1 CPU"},
		},
		"ray/seed-types.yaml": {
			Name: "types", MaxWorkers: 21, Head: nodetypes.NodeType{Name: "cpu_4_ondemand", Resources: m4, MinWorkers: 1, MaxWorkers: 5},
			Types: []nodetypes.NodeType{
				{Name: "cpu_4_ondemand", Resources: m4, MinWorkers: 1, MaxWorkers: 5},
				{Name: "cpu_16_spot", MaxWorkers: 10, Resources: resources(t, map[string]float64{
					"CPU": 16, "Custom1": 1, "is_spot": 1, "memory": 48_103_633_715,
				})},
				{Name: "gpu_1_ondemand", MaxWorkers: 4, Resources: resources(t, map[string]float64{
					"CPU": 4, "GPU": 1, "accelerator_type:K80": 1, "Custom2": 2, "memory": 45_848_775_884,
				})},
				{Name: "gpu_8_ondemand", MaxWorkers: 2, Resources: resources(t, map[string]float64{
					"CPU": 32, "GPU": 4, "accelerator_type:V100": 1, "memory": 183_395_103_539,
				})},
			},
		},
		"local/burst.yaml": {
			Name: "burst", MaxWorkers: 10, IdleTimeout: 3 * time.Second, Head: nodetypes.NodeType{Name: "head"},
			Types: []nodetypes.NodeType{
				{Name: "gpu", Resources: resources(t, map[string]float64{"CPU": 1, "GPU": 1}), MaxWorkers: 8},
				{Name: "cpu", Resources: resources(t, map[string]float64{"CPU": 4}), MaxWorkers: 2},
			},
		},
	} {
		t.Run(file, func(t *testing.T) {
			b, err := os.ReadFile("../examples/" + file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := deploy.ParseCluster(b)
			if err != nil {
				t.Fatal(err)
			}
			want.UpscalingSpeed = 1
			if want.IdleTimeout == 0 {
				want.IdleTimeout = 5 * time.Minute
			}
			if d := cmp.Diff(&want, got, sameResources, withoutPods); d != "" {
				t.Error(d)
			}
		})
	}
}

// withoutPods leaves out what TestExamplePods compares.
var withoutPods = cmpopts.IgnoreFields(deploy.Cluster{}, "HeadPod", "Pods")

// sameResources takes no resources and an empty list of them for the same.
var sameResources = cmp.Comparer(func(a, b demand.Resources) bool { return a.String() == b.String() })

// TestDefaults has every key that may be left out.
func TestDefaults(t *testing.T) {
	const file = "head_node_type: h\navailable_node_types: {h: {resources: {CPU: 0}}, w: {"
	type values struct {
		Max, TypeMin, TypeMax int
		Speed                 float64
		Idle                  time.Duration
		TypeIdle              string
		Priority              int
		Resources, Name       string
	}
	usual := values{
		Max: 2, TypeMax: 2, Speed: 1, Idle: 5 * time.Minute, TypeIdle: "the cluster's", Resources: "{CPU: 1}", Name: "default",
	}
	for name, c := range map[string]struct {
		yaml string
		want func(*values)
	}{
		"nothing":             {file + "}}", func(*values) {}},
		"null is not given":   {file + "max_workers: null}}\nmax_workers: ~\nupscaling_speed:\n", func(*values) {}},
		"name":                {file + "}}\ncluster_name: my_Cluster-1", func(v *values) { v.Name = "my_Cluster-1" }},
		"cluster's maximum":   {file + "}}\nmax_workers: 7", func(v *values) { v.Max, v.TypeMax = 7, 7 }},
		"type's maximum":      {file + "max_workers: 9}}", func(v *values) { v.Max, v.TypeMax = 9, 9 }},
		"both":                {file + "max_workers: 9}}\nmax_workers: 4", func(v *values) { v.Max, v.TypeMax = 4, 9 }},
		"minimum":             {file + "min_workers: 2}}", func(v *values) { v.TypeMin = 2 }},
		"speed":               {file + "}}\nupscaling_speed: 0.25", func(v *values) { v.Speed = 0.25 }},
		"no bound":            {file + "}}\nupscaling_speed: .inf", func(v *values) { v.Speed = math.Inf(1) }},
		"speed of 0":          {file + "}}\nupscaling_speed: 0", func(v *values) { v.Speed = 0 }},
		"idle":                {file + "}}\nidle_timeout_minutes: 0.5", func(v *values) { v.Idle = 30 * time.Second }},
		"type's idle":         {file + "idle_timeout_s: 1.5}}", func(v *values) { v.TypeIdle = "1.5s" }},
		"type's idle of 0":    {file + "idle_timeout_s: 0}}", func(v *values) { v.TypeIdle = "0s" }},
		"priority":            {file + "priority: -3}}", func(v *values) { v.Priority = -3 }},
		"resources":           {file + "resources: {GPU: 8, memory: 1e9}}}", func(v *values) { v.Resources = "{GPU: 8, memory: 1000000000}" }},
		"resources of 0":      {file + "resources: {GPU: 8, TPU: 0}}}", func(v *values) { v.Resources = "{GPU: 8}" }},
		"anchors and aliases": {"idle_timeout_minutes: &n 2\n" + file + "max_workers: *n}}", func(v *values) { v.Idle = 2 * time.Minute }},
		"merged":              {"head_node_type: h\navailable_node_types: {h: &h {resources: {CPU: 0}, priority: 4}, w: {priority: 1, <<: *h}}", func(v *values) { v.Priority, v.Resources = 1, "{CPU: 1}" }},
		"merged from a list":  {"head_node_type: h\navailable_node_types: {h: &h {min_workers: 0, resources: {GPU: 3}}, w: {<<: [{priority: 2}, *h, {priority: 3}]}}", func(v *values) { v.Priority, v.Resources = 2, "{GPU: 3}" }},
	} {
		t.Run(name, func(t *testing.T) {
			c1, err := deploy.ParseCluster([]byte(c.yaml))
			if err != nil {
				t.Fatal(err)
			}
			w, ok := c1.Type("w")
			if !ok || len(c1.Types) != 1 || c1.Head.Name != "h" || c1.Head.MaxWorkers != 0 {
				t.Fatalf("types %+v, head %+v", c1.Types, c1.Head)
			}
			got := values{
				Max: c1.MaxWorkers, TypeMin: w.MinWorkers, TypeMax: w.MaxWorkers, Speed: c1.UpscalingSpeed, Idle: c1.IdleTimeout,
				TypeIdle: "the cluster's", Priority: w.Priority, Resources: w.Resources.String(), Name: c1.Name,
			}
			if w.IdleTimeout != nil {
				got.TypeIdle = w.IdleTimeout.String()
			}
			want := usual
			c.want(&want)
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestHeadWithWorkers(t *testing.T) {
	c, err := deploy.ParseCluster([]byte("head_node_type: h\navailable_node_types: {w: {}, h: {resources: {CPU: 2}, max_workers: 3, labels: {a: b}}}"))
	if err != nil {
		t.Fatal(err)
	}
	h := nodetypes.NodeType{Name: "h", Resources: resources(t, map[string]float64{"CPU": 2}), Labels: map[string]string{"a": "b"}, MaxWorkers: 3}
	want := []nodetypes.NodeType{{Name: "w", Resources: resources(t, map[string]float64{"CPU": 1}), MaxWorkers: 2}, h}
	if d := cmp.Diff(want, c.Types, sameResources); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(h, c.Head, sameResources); d != "" {
		t.Error(d)
	}
	if _, ok := c.Type("x"); ok {
		t.Error("there is no type x")
	}
}

// withType is a whole file whose worker type says more.
func withType(more string) string {
	return "cluster_name: c\nhead_node_type: h\navailable_node_types:\n  h: {}\n  w:\n    " + more + "\n"
}

// TestRefused has the exact message of every rule.
func TestRefused(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"empty":               {"", "the file is empty"},
		"not YAML":            {"cluster_name: [", "line 1: did not find expected node content"},
		"two documents":       {"max_workers: 1\n---\nmax_workers: 2", "line 2: must be one YAML document (got another one)"},
		"second not YAML":     {"max_workers: 1\n---\n[", "line 3: did not find expected node content"},
		"merge of text":       {"<<: a", `line 1: <<: must merge a mapping or a list of mappings (got "a")`},
		"endless merge":       {"head_node_type: h\navailable_node_types: {h: &a {<<: [*a, *a]}}", "line 2: <<: there must be at most 1000 merges in all (got more)"},
		"a list":              {"- a", "line 1: the file: must be a mapping (got a list)"},
		"text":                {"hello", `line 1: the file: must be a mapping (got "hello")`},
		"unknown":             {"a: 1", "line 1: a: is not a key of Ray's cluster YAML; the nearest is auth (got an unknown key)"},
		"misspelt":            {"cluster_name: c\nmax_worker: 3", "line 2: max_worker: is not a key of Ray's cluster YAML; the nearest is max_workers (got an unknown key)"},
		"misspelt in a type":  {withType("max_wokers: 3"), "line 6: available_node_types.w.max_wokers: is not a key of Ray's cluster YAML; the nearest is max_workers (got an unknown key)"},
		"twice":               {"max_workers: 1\nmax_workers: 2", "line 2: max_workers: must be given once (got twice)"},
		"key of two":          {"[a, b]: 1", "line 1: the file: keys must be plain text (got a list)"},
		"name of text":        {"cluster_name: {a: b}", "line 1: cluster_name: must be text (got a mapping)"},
		"name with a dot":     {"cluster_name: a.b", `line 1: cluster_name: must be 1…63 letters, digits, '-' and '_', with a letter or digit at both ends (got "a.b")`},
		"empty name":          {`cluster_name: ""`, `line 1: cluster_name: must be 1…63 letters, digits, '-' and '_', with a letter or digit at both ends (got "")`},
		"name too long":       {"cluster_name: a12345678901234567890123456789012345678901234567890123456789012345", `line 1: cluster_name: must be 1…63 letters, digits, '-' and '_', with a letter or digit at both ends (got "a12345678901234567890123456789012345678901234567890123456789012345")`},
		"maximum of text":     {"max_workers: many", `line 1: max_workers: must be a whole number within 0…50000 (got "many")`},
		"quoted maximum":      {`max_workers: "3"`, `line 1: max_workers: must be a whole number within 0…50000 (got "3")`},
		"half a worker":       {"max_workers: 1.5", `line 1: max_workers: must be a whole number within 0…50000 (got "1.5")`},
		"negative maximum":    {"max_workers: -1", `line 1: max_workers: must be a whole number within 0…50000 (got "-1")`},
		"huge maximum":        {"max_workers: 50001", `line 1: max_workers: must be a whole number within 0…50000 (got "50001")`},
		"maximum beyond ints": {"max_workers: 99999999999999999999", `line 1: max_workers: must be a whole number within 0…50000 (got "99999999999999999999")`},
		"a list as maximum":   {"max_workers: [1]", "line 1: max_workers: must be a whole number (got a list)"},
		"negative speed":      {"upscaling_speed: -0.5", `line 1: upscaling_speed: must be a number that is at least 0 (got "-0.5")`},
		"speed not a number":  {"upscaling_speed: .nan", `line 1: upscaling_speed: must be a number that is at least 0 (got ".nan")`},
		"speed of text":       {"upscaling_speed: fast", `line 1: upscaling_speed: must be a number that is at least 0 (got "fast")`},
		"negative idle":       {"idle_timeout_minutes: -5", `line 1: idle_timeout_minutes: must be a number within 0…1e+06 (got "-5")`},
		"idle beyond limits":  {"idle_timeout_minutes: 1e7", `line 1: idle_timeout_minutes: must be a number within 0…1e+06 (got "1e7")`},
		"endless idle":        {"idle_timeout_minutes: .inf", `line 1: idle_timeout_minutes: must be a number within 0…1e+06 (got ".inf")`},

		"types of a list":      {"available_node_types: [a]", "line 1: available_node_types: must be a mapping (got a list)"},
		"no head":              {"available_node_types: {a: {}, b: {}}", `line 1: head_node_type: must be one of available_node_types (a, b) (got "")`},
		"wrong head":           {"head_node_type: c\navailable_node_types: {a: {}, b: {}}", `line 1: head_node_type: must be one of available_node_types (a, b) (got "c")`},
		"no types":             {"head_node_type: c\navailable_node_types: {}", `line 1: head_node_type: must be one of available_node_types () (got "c")`},
		"type of text":         {"head_node_type: a\navailable_node_types:\n  a: {}\n  b: gpu", `line 4: available_node_types.b: must be a mapping (got "gpu")`},
		"type twice":           {"head_node_type: a\navailable_node_types:\n  a: {}\n  a: {}", "line 4: available_node_types.a: must be given once (got twice)"},
		"type's name":          {"head_node_type: a\navailable_node_types: {a: {}, \"b c\": {}}", `line 2: available_node_types.b c: a type's name must be 1…63 letters, digits, '.', '-' and '_' (got "b c")`},
		"minimum over maximum": {withType("{min_workers: 3, max_workers: 2}"), "line 6: available_node_types.w.min_workers: must not be above max_workers (2) (got 3)"},
		"negative minimum":     {withType("min_workers: -1"), `line 6: available_node_types.w.min_workers: must be a whole number within 0…50000 (got "-1")`},
		"minimums over all":    {"max_workers: 3\n" + withType("{min_workers: 4, max_workers: 5}"), "line 1: max_workers: must not be below the sum of the types' min_workers (4) (got 3)"},
		"priority":             {withType("priority: high"), `line 6: available_node_types.w.priority: must be a whole number (got "high")`},
		"priority of half":     {withType("priority: 0.5"), `line 6: available_node_types.w.priority: must be a whole number (got "0.5")`},
		"type's idle":          {withType("idle_timeout_s: soon"), `line 6: available_node_types.w.idle_timeout_s: must be a number within 0…1e+09 (got "soon")`},
		"resources of a list":  {withType("resources: [CPU]"), "line 6: available_node_types.w.resources: must be a mapping (got a list)"},
		"half a CPU":           {withType("resources: {CPU: 0.5}"), "line 6: available_node_types.w.resources.CPU: a node's resources must be whole numbers (got 0.5)"},
		"negative GPU":         {withType("resources: {GPU: -1}"), `line 6: available_node_types.w.resources.GPU: must be a number within 0…1e+14 (got "-1")`},
		"GPU of text":          {withType("resources: {GPU: one}"), `line 6: available_node_types.w.resources.GPU: must be a number within 0…1e+14 (got "one")`},
		"too much memory":      {withType("resources: {memory: 1e15}"), `line 6: available_node_types.w.resources.memory: must be a number within 0…1e+14 (got "1e15")`},
		"resource, no name":    {withType(`resources: {"": 1}`), `line 6: available_node_types.w.resources: a resource's name must not be empty (got "")`},
		"resource twice":       {withType("resources: {CPU: 1, CPU: 2}"), "line 6: available_node_types.w.resources.CPU: must be given once (got twice)"},
		"label of a list":      {withType("labels: {zone: [a, b]}"), "line 6: available_node_types.w.labels.zone: must be text (got a list)"},
		"label with a comma":   {withType(`labels: {zone: "a,b"}`), `line 6: available_node_types.w.labels.zone: labels must not contain ',' or '=' (got "a,b")`},
		"labels as text":       {withType("labels: zone=a"), `line 6: available_node_types.w.labels: must be a mapping (got "zone=a")`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := deploy.ParseCluster([]byte(c.in))
			if got != nil || !errors.Is(err, deploy.ErrYAML) {
				t.Fatalf("got %v, %v", got, err)
			}
			if want := "bad cluster YAML: " + c.want; err.Error() != want {
				t.Errorf("got  %s\nwant %s", err, want)
			}
		})
	}
}
