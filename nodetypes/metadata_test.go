package nodetypes_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

// triggerMetadata is a complete trigger with the given keys replaced; an empty
// replacement removes the key.
func triggerMetadata(change ...string) map[string]string {
	m := map[string]string{
		"scalerAddress": "rayburst.keda.svc:9090", "enableTLS": "true",
		"rayCluster": "train", "nodeType": "gpu", "resources": `{"CPU": 8, "GPU": 1}`,
	}
	for i := 0; i < len(change); i += 2 {
		m[change[i]] = change[i+1]
		if change[i+1] == "" {
			delete(m, change[i])
		}
	}
	return m
}

func TestParseTrigger(t *testing.T) {
	minimal := nodetypes.Trigger{Cluster: "train", NodeType: "gpu",
		Resources: demand.MustResources(map[string]float64{"CPU": 8, "GPU": 1})}
	with := func(f func(*nodetypes.Trigger)) nodetypes.Trigger { t := minimal; f(&t); return t }
	resources := func(units map[string]float64) nodetypes.Trigger {
		return with(func(t *nodetypes.Trigger) { t.Resources = demand.MustResources(units) })
	}
	tests := map[string]struct {
		metadata map[string]string
		want     nodetypes.Trigger
	}{
		"the documented one": {triggerMetadata(), minimal},
		"every key": {
			triggerMetadata("labels", `{"ray.io/accelerator-type": "H100", "zone": ""}`, "priority", "-3",
				"idleTimeoutSeconds", "0.5", "upscalingSpeed", "1.5", "clusterMaxWorkers", "0"),
			with(func(t *nodetypes.Trigger) {
				t.Labels = map[string]string{"ray.io/accelerator-type": "H100", "zone": ""}
				t.Priority, t.IdleTimeout = -3, new(500*time.Millisecond)
				t.UpscalingSpeed, t.ClusterMaxWorkers = new(1.5), new(0)
			})},
		"labels as pairs": {triggerMetadata("labels", "a=1, b = x.y"), with(func(t *nodetypes.Trigger) {
			t.Labels = map[string]string{"a": "1", "b": "x.y"}
		})},
		"no resources":       {triggerMetadata("resources", ""), with(func(t *nodetypes.Trigger) { t.Resources = nil })},
		"empty resources":    {triggerMetadata("resources", "{}"), with(func(t *nodetypes.Trigger) { t.Resources = demand.Resources{} })},
		"four decimals":      {triggerMetadata("resources", `{"GPU":0.2500,"x":1e-4,"y":12.30e-1}`), resources(map[string]float64{"GPU": .25, "x": .0001, "y": 1.23})},
		"bytes":              {triggerMetadata("resources", `{"memory":1e12}`), resources(map[string]float64{"memory": 1e12})},
		"zero is an amount":  {triggerMetadata("resources", `{"CPU":0.00000}`), resources(map[string]float64{"CPU": 0})},
		"infinite speed":     {triggerMetadata("upscalingSpeed", "Inf"), with(func(t *nodetypes.Trigger) { t.UpscalingSpeed = new(math.Inf(1)) })},
		"huge speed":         {triggerMetadata("upscalingSpeed", "1e999"), with(func(t *nodetypes.Trigger) { t.UpscalingSpeed = new(math.Inf(1)) })},
		"speed 0":            {triggerMetadata("upscalingSpeed", "0"), with(func(t *nodetypes.Trigger) { t.UpscalingSpeed = new(0.) })},
		"other unknown keys": {triggerMetadata("team", "vision", "tlsCertFile", "x", "priorityFromEnv", "P", "unsafeSsl", "y"), minimal},
		"Ray's type names":   {triggerMetadata("nodeType", "ray.worker_2-x"), with(func(t *nodetypes.Trigger) { t.NodeType = "ray.worker_2-x" })},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := nodetypes.ParseTrigger(tc.metadata)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseTriggerRefuses(t *testing.T) {
	const resources = `"resources": must be a JSON object of name → amount`
	tests := map[string]struct {
		change []string
		want   string // the error after "trigger metadata key "
	}{
		"no cluster":         {[]string{"rayCluster", ""}, `"rayCluster": is required`},
		"no type":            {[]string{"nodeType", ""}, `"nodeType": is required`},
		"foreign namespace":  {[]string{"rayCluster", "other/train"}, `"rayCluster": must be lower-case letters, digits and '-', 63 characters at most (got "other/train")`},
		"wildcard":           {[]string{"rayCluster", "*"}, `"rayCluster": must be lower-case letters, digits and '-', 63 characters at most (got "*")`},
		"type with blank":    {[]string{"nodeType", "big gpu"}, `"nodeType": must be letters, digits, '-', '_' and '.', 63 characters at most (got "big gpu")`},
		"type too long":      {[]string{"nodeType", strings.Repeat("n", 64)}, `"nodeType": must be letters, digits, '-', '_' and '.', 63 characters at most (got "` + strings.Repeat("n", 64) + `")`},
		"resources a list":   {[]string{"resources", "[]"}, resources + ` (got "[]")`},
		"resources not JSON": {[]string{"resources", "CPU: 8"}, resources + ` (got "CPU: 8")`},
		"resources cut":      {[]string{"resources", `{"CPU": 8`}, resources + ` (got "{\"CPU\": 8")`},
		"resources and more": {[]string{"resources", `{} {}`}, resources + ` (got "{} {}")`},
		"amount a string":    {[]string{"resources", `{"CPU":"8"}`}, resources + ` (got "{\"CPU\":\"8\"}")`},
		"amount an object":   {[]string{"resources", `{"CPU":{}}`}, resources + ` (got "{\"CPU\":{}}")`},
		"amount null":        {[]string{"resources", `{"CPU":null}`}, resources + ` (got "{\"CPU\":null}")`},
		"amount negative":    {[]string{"resources", `{"CPU":-1}`}, resources + `: resource "CPU" must be a number ≥ 0 (got "{\"CPU\":-1}")`},
		"amount too fine":    {[]string{"resources", `{"GPU":0.00001}`}, resources + `: resource "GPU" has more than 4 decimals (got "{\"GPU\":0.00001}")`},
		"fine by exponent":   {[]string{"resources", `{"GPU":25e-5}`}, resources + `: resource "GPU" has more than 4 decimals (got "{\"GPU\":25e-5}")`},
		"amount too large":   {[]string{"resources", `{"x":1e15}`}, resources + `: resource "x" bad resource amount: 1e+15 is not within 0…1e14 (got "{\"x\":1e15}")`},
		"amount infinite":    {[]string{"resources", `{"x":1e999}`}, resources + `: resource "x" is too large (got "{\"x\":1e999}")`},
		"amount twice":       {[]string{"resources", `{"x":1,"x":2}`}, resources + `: "x" is there twice (got "{\"x\":1,\"x\":2}")`},
		"amount of nothing":  {[]string{"resources", `{"":1}`}, resources + `: a name is empty (got "{\"\":1}")`},
		"cpu":                {[]string{"resources", `{"cpu":1}`}, resources + `: resource "cpu" is written "CPU" (got "{\"cpu\":1}")`},
		"label without =":    {[]string{"labels", "a"}, `"labels": must be a JSON object of strings or key=value,key=value (got "a")`},
		"label twice":        {[]string{"labels", "a=1,a=2"}, `"labels": must be a JSON object of strings or key=value,key=value: "a" is there twice (got "a=1,a=2")`},
		"label a number":     {[]string{"labels", `{"a":1}`}, `"labels": must be a JSON object of strings or key=value,key=value (got "{\"a\":1}")`},
		"label's key":        {[]string{"labels", "=1"}, `"labels": must be a JSON object of strings or key=value,key=value: "" is not a label's key (got "=1")`},
		"label's value":      {[]string{"labels", "a=b=c"}, `"labels": must be a JSON object of strings or key=value,key=value: "b=c" is not a label's value (got "a=b=c")`},
		"priority a word":    {[]string{"priority", "high"}, `"priority": must be an integer (got "high")`},
		"priority broken":    {[]string{"priority", "1.5"}, `"priority": must be an integer (got "1.5")`},
		"priority blank":     {[]string{"priority", " "}, `"priority": must be an integer (got " ")`},
		"negative timeout":   {[]string{"idleTimeoutSeconds", "-1"}, `"idleTimeoutSeconds": must be a number of seconds ≥ 0 (got "-1")`},
		"timeout in minutes": {[]string{"idleTimeoutSeconds", "5m"}, `"idleTimeoutSeconds": must be a number of seconds ≥ 0 (got "5m")`},
		"endless timeout":    {[]string{"idleTimeoutSeconds", "1e10"}, `"idleTimeoutSeconds": must be a number of seconds ≥ 0: must be less than 9223372036 (got "1e10")`},
		"negative speed":     {[]string{"upscalingSpeed", "-inf"}, `"upscalingSpeed": must be a number ≥ 0 or inf (got "-inf")`},
		"speed not a number": {[]string{"upscalingSpeed", "NaN"}, `"upscalingSpeed": must be a number ≥ 0 or inf (got "NaN")`},
		"hexadecimal speed":  {[]string{"upscalingSpeed", "0x1p4"}, `"upscalingSpeed": must be a number ≥ 0 or inf (got "0x1p4")`},
		"negative maximum":   {[]string{"clusterMaxWorkers", "-1"}, `"clusterMaxWorkers": must be an integer ≥ 0 (got "-1")`},
		"maximum too large":  {[]string{"clusterMaxWorkers", "99999999999"}, `"clusterMaxWorkers": must be an integer ≥ 0 (got "99999999999")`},
		"key in other case":  {[]string{"raycluster", "train"}, `"raycluster": is unknown, did you mean "rayCluster"? (got "train")`},
		"key without s":      {[]string{"label", "a=b"}, `"label": is unknown, did you mean "labels"? (got "a=b")`},
		"key turned round":   {[]string{"priorty", "1"}, `"priorty": is unknown, did you mean "priority"? (got "1")`},
		"first of two":       {[]string{"resource", "x", "nodetype", "y"}, `"nodetype": is unknown, did you mean "nodeType"? (got "y")`},
		"long value":         {[]string{"priority", strings.Repeat("ü", 500)}, `"priority": must be an integer (got "` + strings.Repeat("ü", 64) + `"…)`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := nodetypes.ParseTrigger(triggerMetadata(tc.change...))
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff("trigger metadata key "+tc.want, err.Error()); diff != "" {
				t.Error(diff)
			}
			if !errors.As(err, new(*nodetypes.MetadataError)) {
				t.Errorf("%T is not a *MetadataError", err)
			}
		})
	}
}

// FuzzParseTrigger: never a panic, an error is a *MetadataError, and what
// passes keeps the promises of Trigger's fields.
func FuzzParseTrigger(f *testing.F) {
	f.Add("train", "gpu", `{"CPU":1}`, "a=b", "1", "inf", "60", "resources2")
	f.Add("train", "gpu", `{"x":1e-4}`, `{"a":"b"}`, "-1", "1e999", "1e9", "")
	f.Fuzz(func(t *testing.T, cluster, nodeType, resources, labels, priority, speed, timeout, other string) {
		got, err := nodetypes.ParseTrigger(map[string]string{"rayCluster": cluster, "nodeType": nodeType, "resources": resources,
			"labels": labels, "priority": priority, "upscalingSpeed": speed, "idleTimeoutSeconds": timeout, other: "1"})
		if err != nil {
			if !errors.As(err, new(*nodetypes.MetadataError)) {
				t.Fatalf("%T is not a *MetadataError", err)
			}
			return
		}
		for _, r := range got.Resources {
			if r.Amount < 0 || r.Amount > demand.MaxAmount || r.Name == "" {
				t.Errorf("resource %q: %v", r.Name, r.Amount)
			}
		}
		if got.Cluster == "" || got.NodeType == "" || got.IdleTimeout != nil && *got.IdleTimeout < 0 ||
			got.UpscalingSpeed != nil && !(*got.UpscalingSpeed >= 0) {
			t.Errorf("%+v", got)
		}
	})
}
