package rules

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/demandpb"
	"github.com/rayburst/rayburst/deploy"
	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/nodetypes/plancase"
	"github.com/rayburst/rayburst/scaler/record"
)

// bad is an input that must be refused, and what the error must name.
type bad struct {
	read             func() error
	key, rule, value string
}

func clusterYAML(text string) func() error {
	return func() error { _, err := deploy.ParseCluster([]byte(text)); return err }
}

// workerYAML is a cluster YAML whose worker type says more.
func workerYAML(more string) func() error {
	return clusterYAML("head_node_type: h\navailable_node_types: {h: {}, w: {" + more + "}}")
}

// trigger is a trigger's metadata with one key changed; without a value it is
// left out.
func trigger(key string, value ...string) func() error {
	m := map[string]string{"scalerAddress": "rayburst:9090", "rayCluster": "c", "nodeType": "gpu"}
	delete(m, key)
	for _, v := range value {
		m[key] = v
	}
	return func() error { _, err := nodetypes.ParseTrigger(m); return err }
}

func planCase(text string) func() error {
	return func() error { _, err := plancase.Decode([]byte(text)); return err }
}

// recording is a recording whose header has something changed, with a line more.
func recording(old, changed, more string) func() error {
	const header = `{"header":{"format":"rayburst-recording","version":1,"rayburst":"dev","namespace":"ml","cluster":"c","start":"2026-01-01T00:00:00Z","windows":{}}}`
	return func() error {
		p, err := record.Open(strings.NewReader(strings.Replace(header, old, changed, 1)+"\n"+more+"\n"), demandpb.UnmarshalReport)
		if err == nil {
			_, err = p.Next()
		}
		return err
	}
}

const someNode = "0123456789abcdef0123456789abcdef0123456789abcdef01234567"

// report is a valid report with something changed.
func report(change func(*demandpb.Report)) func() error {
	return func() error {
		m := &demandpb.Report{
			NodeId: someNode, Incarnation: 1, Sequence: 1, InstanceId: "c-gpu-1", NodeType: "gpu",
			Raylet: &demandpb.RayletLoad{
				Total:  map[string]int64{"CPU": 80_000},
				Demand: []*demandpb.ResourceDemand{{Request: request("CPU", 10_000), Queued: 3}},
			},
			Cluster: &demandpb.ClusterState{
				Nodes: []*demandpb.Node{{NodeId: someNode, Status: demandpb.NodeStatus_NODE_STATUS_RUNNING}},
				Gangs: []*demandpb.Gang{{
					Name: "g", Strategy: demandpb.Strategy_STRATEGY_PACK,
					Bundles: []*demandpb.ResourceRequestByCount{{Request: request("CPU", 10_000), Count: 1}},
				}},
			},
		}
		if change != nil {
			change(m)
		}
		b, err := proto.Marshal(m)
		if err != nil {
			panic(err)
		}
		_, err = demandpb.UnmarshalReport(b)
		return err
	}
}

func request(name string, amount int64) *demandpb.ResourceRequest {
	return &demandpb.ResourceRequest{Resources: map[string]int64{name: amount}}
}

// badInput is every kind of wrong input by where it comes from.
var badInput = map[string]bad{
	"YAML: cluster_name":        {clusterYAML("cluster_name: a/b"), "cluster_name", "letters, digits, '-' and '_'", `"a/b"`},
	"YAML: max_workers":         {clusterYAML("max_workers: -2"), "max_workers", "whole number within 0…50000", `"-2"`},
	"YAML: upscaling_speed":     {clusterYAML("upscaling_speed: -1"), "upscaling_speed", "at least 0", `"-1"`},
	"YAML: idle_timeout":        {clusterYAML("idle_timeout_minutes: never"), "idle_timeout_minutes", "number within", `"never"`},
	"YAML: unknown":             {clusterYAML("upscaling_sped: 1"), "upscaling_sped", "nearest is upscaling_speed", "unknown"},
	"YAML: head":                {clusterYAML("head_node_type: b\navailable_node_types: {a: {}}"), "head_node_type", "one of available_node_types (a)", `"b"`},
	"YAML: a type's resources":  {workerYAML("resources: {GPU: 0.5}"), "available_node_types.w.resources.GPU", "whole numbers", "0.5"},
	"YAML: a type's labels":     {workerYAML(`labels: {zone: "a=b"}`), "available_node_types.w.labels.zone", "must not contain", `"a=b"`},
	"YAML: min over max":        {workerYAML("min_workers: 3, max_workers: 1"), "available_node_types.w.min_workers", "must not be above max_workers (1)", "got 3"},
	"YAML: a type's priority":   {workerYAML("priority: low"), "available_node_types.w.priority", "whole number", `"low"`},
	"YAML: a type's idle time":  {workerYAML("idle_timeout_s: -1"), "available_node_types.w.idle_timeout_s", "within 0…", `"-1"`},
	"YAML: a docker option":     {clusterYAML("docker: {run_options: [--net bridge]}"), "docker.run_options[0]", "--net: must be host", `"bridge"`},
	"YAML: an unknown option":   {workerYAML("docker: {worker_run_options: [-v /a:/b, --volum=/c]}"), "w.docker.worker_run_options[1]", "nearest is --volume", `"--volum=/c"`},
	"YAML: a start command":     {clusterYAML("head_start_ray_commands: ['ray start --head | tee log']"), "head_start_ray_commands[0]", "command of its own", `"ray start --head | tee log"`},
	"YAML: a machine":           {workerYAML("node_config: {InstanceType: 4}"), "w.node_config.InstanceType", "must be text", "got 4"},
	"YAML: a list for a number": {workerYAML("max_workers: [1]"), "available_node_types.w.max_workers", "whole number", "a list"},

	"trigger: no rayCluster":      {trigger("rayCluster"), "rayCluster", "is required", ""},
	"trigger: no nodeType":        {trigger("nodeType"), "nodeType", "is required", ""},
	"trigger: rayCluster":         {trigger("rayCluster", "My_Cluster"), "rayCluster", "lower-case letters, digits and '-'", `"My_Cluster"`},
	"trigger: nodeType":           {trigger("nodeType", "a b"), "nodeType", "letters, digits", `"a b"`},
	"trigger: resources":          {trigger("resources", "CPU=8"), "resources", "JSON object of name → amount", `"CPU=8"`},
	"trigger: five decimals":      {trigger("resources", `{"CPU": 0.00001}`), "resources", "more than 4 decimals", "0.00001"},
	"trigger: wrong case":         {trigger("resources", `{"gpu": 1}`), "resources", `is written "GPU"`, `\"gpu\": 1`},
	"trigger: labels":             {trigger("labels", "zone"), "labels", "key=value", `"zone"`},
	"trigger: priority":           {trigger("priority", "high"), "priority", "must be an integer", `"high"`},
	"trigger: idleTimeoutSeconds": {trigger("idleTimeoutSeconds", "5m"), "idleTimeoutSeconds", "number of seconds", `"5m"`},
	"trigger: upscalingSpeed":     {trigger("upscalingSpeed", "-1"), "upscalingSpeed", "number ≥ 0 or inf", `"-1"`},
	"trigger: clusterMaxWorkers":  {trigger("clusterMaxWorkers", "1.5"), "clusterMaxWorkers", "integer ≥ 0", `"1.5"`},
	"trigger: misspelt":           {trigger("prioritty", "3"), "prioritty", `did you mean "priority"?`, `"3"`},

	"report: node_id":        {report(func(r *demandpb.Report) { r.NodeId = "ABC" }), "node_id", "56 lower-case hex digits", `"ABC"`},
	"report: sequence":       {report(func(r *demandpb.Report) { r.Sequence = 0 }), "sequence", "at least 1", "got 0"},
	"report: says nothing":   {report(func(r *demandpb.Report) { r.Raylet, r.Cluster = nil, nil }), "raylet", "a raylet or a cluster", "neither"},
	"report: name too long":  {report(func(r *demandpb.Report) { r.NodeType = strings.Repeat("a", 2000) }), "node_type", "at most 1024 bytes", "2000"},
	"report: negative total": {report(func(r *demandpb.Report) { r.Raylet.Total["CPU"] = -10_000 }), "raylet.total.CPU", "within 0…1e14", "-1"},
	"report: beyond amounts": {report(func(r *demandpb.Report) { r.Raylet.Available = map[string]int64{"GPU": 2e18} }), "raylet.available.GPU", "within 0…1e14", "200000000000000"},
	"report: nameless":       {report(func(r *demandpb.Report) { r.Raylet.Total[""] = 1 }), "raylet.total", "must not be empty", `""`},
	"report: queued":         {report(func(r *demandpb.Report) { r.Raylet.Demand[0].Queued = 1 << 60 }), "raylet.demand.queued", "0…1000000000", "1000000001"},
	"report: backlog":        {report(func(r *demandpb.Report) { r.Raylet.Demand[0].Backlog = 2e9 }), "raylet.demand.backlog", "0…1000000000", "1000000001"},
	"report: need": {report(func(r *demandpb.Report) { r.Raylet.Demand[0].Request = request("GPU", -1) }),
		"raylet.demand.resources.GPU", "within 0…1e14", "-0.0001"},
	"report: too many shapes": {report(func(r *demandpb.Report) {
		r.Raylet.Demand = make([]*demandpb.ResourceDemand, demand.MaxShapes+1)
		for i := range r.Raylet.Demand {
			r.Raylet.Demand[i] = &demandpb.ResourceDemand{}
		}
	}), "raylet.demand", "at most 10000 entries", "10001"},
	"report: a node's id":     {report(func(r *demandpb.Report) { r.Cluster.Nodes[0].NodeId = "" }), "cluster.nodes[0].node_id", "hex digits", `""`},
	"report: a node's status": {report(func(r *demandpb.Report) { r.Cluster.Nodes[0].Status = 9 }), "cluster.nodes[0].status", "RUNNING, IDLE, DRAINING or DEAD", "9"},
	"report: strategy":        {report(func(r *demandpb.Report) { r.Cluster.Gangs[0].Strategy = 0 }), "cluster.gangs[0].strategy", "PACK, SPREAD", "STRATEGY_UNSPECIFIED"},
	"report: no bundles":      {report(func(r *demandpb.Report) { r.Cluster.Gangs[0].Bundles = nil }), "cluster.gangs[0].bundles", "must not be empty", "got 0"},
	"report: not protobuf":    {func() error { _, err := demandpb.UnmarshalReport([]byte("{}")); return err }, "message", "rayburst.v1.Report", ""},

	"recording: format":     {recording("rayburst-recording", "x", ""), "line 1: bad recording: header.format", "must be rayburst-recording", `"x"`},
	"recording: version":    {recording(`"version":1`, `"version":7`, ""), "line 1: bad recording: header.version", "must be 1", "got 7"},
	"recording: start":      {recording(`"start":"2026`, `"start":"1026`, ""), "header.start", "within 2000…2200", `"1026-`},
	"recording: at":         {recording("", "", `{"at":"now","n":1}`), "line 2: bad recording: at", "must be a time", `"now"`},
	"recording: n":          {recording("", "", `{"at":"2026-01-01T00:00:00Z","n":3}`), "line 2: bad recording: n", "must be 1", "got 3"},
	"recording: unknown":    {recording("", "", `{"report":"","repport":""}`), "line 2: bad recording: repport", "is not a known field", ""},
	"recording: report":     {recording("", "", `{"at":"2026-01-01T00:00:00Z","report":"!"}`), "line 2: bad recording: report", "must be base64", "byte 0"},
	"recording: worker":     {recording("", "", `{"at":"2026-01-01T00:00:00Z","n":1,"world":{"workers":["w"]}}`), "workers", "must name what was in the list before", `"w"`},
	"recording: checkpoint": {recording("", "", `{"checkpoint":{"state":{"nodes":{"x":{}}},"loop":{}}}`), "nodes.x", "56 lower-case hex digits", `"x"`},
	"recording: wrong type": {recording("", "", `{"drain":{"worker":3}}`), "drain.worker", "another type (string)", "number"},

	"plan: no node types": {planCase(`{}`), "nodeTypes", "is required", ""},
	"plan: unknown":       {planCase(`{"nodeTypes": [], "nodeCount": 3}`), "nodeCount", "not a known field", "nodeCount"},
	"plan: maxWorkers":    {planCase(`{"nodeTypes": [], "maxWorkers": 1.5}`), "maxWorkers", "must be an integer", "1.5"},
	"plan: speed":         {planCase(`{"nodeTypes": [], "upscalingSpeed": -2}`), "upscalingSpeed", "must not be negative", "-2"},
	"plan: minimum":       {planCase(`{"nodeTypes": [{"name": "a", "minWorkers": 3, "maxWorkers": 2}]}`), "nodeTypes[0].minWorkers", "above maxWorkers", "3 > 2"},
	"plan: amount":        {planCase(`{"nodeTypes": [{"name": "a", "resources": {"CPU": -1}}]}`), "nodeTypes[0].resources.CPU", "must not be negative", "-1"},
	"plan: two equal":     {planCase(`{"nodeTypes": [{"name": "a"}, {"name": "a"}]}`), "nodeTypes[1].name", "must be unique", `"a"`},
	"plan: status":        {planCase(`{"nodeTypes": [{"name": "a"}], "nodes": [{"id": "n", "type": "a", "status": "up"}]}`), "nodes[0].status", "running, joining or draining", `"up"`},
	"plan: count":         {planCase(`{"nodeTypes": [], "demand": {"tasks": [{"count": -1}]}}`), "demand.tasks[0].count", "at least 0", "-1"},
	"plan: strategy":      {planCase(`{"nodeTypes": [], "demand": {"gangs": [{"strategy": "TIGHT", "bundles": [{}]}]}}`), "demand.gangs[0].strategy", "PACK, SPREAD", `"TIGHT"`},
	"plan: wrong type":    {planCase(`{"nodeTypes": "gpu"}`), "nodeTypes", "must be a list", "not a string"},
}

// TestBadInput: whatever comes from outside and is wrong is refused by an
// error that names the key, the rule and the value.
func TestBadInput(t *testing.T) {
	for name, c := range badInput {
		t.Run(name, func(t *testing.T) {
			err := c.read()
			if err == nil {
				t.Fatal("was taken")
			}
			for _, want := range []string{c.key, c.rule, c.value} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not name %q", err, want)
				}
			}
		})
	}
}

// TestGoodInput: what the wrong inputs are made from is right.
func TestGoodInput(t *testing.T) {
	for name, read := range map[string]func() error{
		"YAML": workerYAML("max_workers: 1"), "trigger": trigger("priority", "1"), "report": report(nil), "plan": planCase(`{"nodeTypes": []}`),
	} {
		if err := read(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
