package plancase_test

import (
	"bufio"
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/nodetypes/plancase"
)

// TestDecodeRefuses has the exact message of every rule.
func TestDecodeRefuses(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"not JSON":           {`{"nodeTypes": [}`, `invalid character '}' looking for beginning of value`},
		"cut off":            {`{"nodeTypes": [`, `unexpected EOF`},
		"not an object":      {`[]`, `case: must be an object, not a list`},
		"null":               {`null`, `case: must be an object, not null`},
		"not UTF-8":          {"{\"nodeTypes\": [{\"name\": \"\xff\"}]}", `is not valid UTF-8`},
		"too deep":           {strings.Repeat(`{"demand":`, 40) + "1" + strings.Repeat("}", 40), strings.Repeat("demand.", 16) + `demand: must not be nested so deep (16)`},
		"no node types":      {`{}`, `nodeTypes: is required`},
		"null node types":    {`{"nodeTypes": null}`, `nodeTypes: is required`},
		"unknown":            {`{"nodeTypes": [], "Nodes": []}`, `Nodes: is not a known field`},
		"unknown, in a node": {withNode(`"memory": 1`), `nodes[0].memory: is not a known field`},
		"twice":              {`{"nodeTypes": [], "nodes": [], "nodes": []}`, `nodes: must be given once`},
		"resource twice":     {withType(`"resources": {"CPU": 1, "CPU": 2}`), `nodeTypes[1].resources.CPU: must be given once`},
		"wrong type":         {`{"nodeTypes": {}}`, `nodeTypes: must be a list, not an object`},
		"number for text":    {`{"nodeTypes": [{"name": 1}]}`, `nodeTypes[0].name: must be a string, not a number`},
		"text for number":    {withType(`"minWorkers": "1"`), `nodeTypes[1].minWorkers: must be a number, not a string`},
		"text for boolean":   {withNode(`"head": "yes"`), `nodes[0].head: must be a boolean, not a string`},
		"null amount":        {withType(`"resources": {"CPU": null}`), `nodeTypes[1].resources.CPU: must be a number, not null`},
		"number as label":    {withType(`"labels": {"a": 1}`), `nodeTypes[1].labels.a: must be a string, not a number`},
		"number as gang":     {withNode(`"gangs": [1]`), `nodes[0].gangs[0]: must be a string, not a number`},

		"cluster maximum":      {`{"nodeTypes": [], "maxWorkers": 0}`, `maxWorkers: must be at least 1 (0)`},
		"half a worker":        {`{"nodeTypes": [], "maxWorkers": 1.5}`, `maxWorkers: must be an integer (1.5)`},
		"negative timeout":     {`{"nodeTypes": [], "idleTimeoutSeconds": -1}`, `idleTimeoutSeconds: must not be negative (-1)`},
		"negative speed":       {`{"nodeTypes": [], "upscalingSpeed": -0.5}`, `upscalingSpeed: must not be negative (-0.5)`},
		"no name":              {`{"nodeTypes": [{}]}`, `nodeTypes[0].name: is required`},
		"empty name":           {`{"nodeTypes": [{"name": ""}]}`, `nodeTypes[0].name: must not be empty ("")`},
		"two equal names":      {`{"nodeTypes": [{"name": "a"}, {"name": "a"}]}`, `nodeTypes[1].name: must be unique ("a")`},
		"negative minimum":     {withType(`"minWorkers": -1`), `nodeTypes[1].minWorkers: must not be negative (-1)`},
		"huge minimum":         {withType(`"minWorkers": 1e13`), `nodeTypes[1].minWorkers: must not be above 1e12 (10000000000000)`},
		"negative maximum":     {withType(`"maxWorkers": -1`), `nodeTypes[1].maxWorkers: must not be negative (-1)`},
		"minimum over maximum": {withType(`"minWorkers": 3, "maxWorkers": 2`), `nodeTypes[1].minWorkers: must not be above maxWorkers (3 > 2)`},
		"availability":         {withType(`"cloudAvailability": 1.5`), `nodeTypes[1].cloudAvailability: must be within 0…1 (1.5)`},
		"negative amount":      {withType(`"resources": {"CPU": -1}`), `nodeTypes[1].resources.CPU: must not be negative (-1)`},
		"five decimals":        {withType(`"resources": {"CPU": 0.00001}`), `nodeTypes[1].resources.CPU: must have at most 4 decimals (0.00001)`},
		"tiny":                 {withType(`"resources": {"CPU": 1e-999999999999}`), `nodeTypes[1].resources.CPU: must have at most 4 decimals (1e-999999999999)`},
		"huge amount":          {withType(`"resources": {"CPU": 100000000000000.0001}`), `nodeTypes[1].resources.CPU: must not be above 1e14 (100000000000000.0001)`},
		"beyond numbers":       {withType(`"resources": {"CPU": 1e999999999999}`), `nodeTypes[1].resources.CPU: must not be above 1e14 (1e999999999999)`},

		"no id":                 {`{"nodeTypes": [], "nodes": [{"type": "a"}]}`, `nodes[0].id: is required`},
		"no type":               {`{"nodeTypes": [], "nodes": [{"id": "n", "status": "joining"}]}`, `nodes[0].type: is required`},
		"two equal ids":         {withNode(`"head": true}, {"id": "n", "type": "a"`), `nodes[1].id: must be unique ("n")`},
		"two heads":             {withNode(`"head": true}, {"id": "m", "type": "a", "head": true`), `nodes[1].head: must be the only head (nodes[0] is one too)`},
		"head of no type":       {`{"nodeTypes": [], "nodes": [{"id": "n", "type": "a", "head": true, "total": {}}]}`, `nodes[0].type: must be a listed type, for the node is the head ("a")`},
		"unknown status":        {withNode(`"status": "Running"`), `nodes[0].status: must be running, joining or draining ("Running")`},
		"more free than there":  {withNode(`"available": {"CPU": 4.0001}`), `nodes[0].available.CPU: must not be above total (4.0001 > 4)`},
		"free, but not there":   {withNode(`"available": {"GPU": 1}`), `nodes[0].available.GPU: must not be above total (1 > 0)`},
		"unlisted, no total":    {`{"nodeTypes": [], "nodes": [{"id": "n", "type": "a"}]}`, `nodes[0].total: is required, for "a" is not a listed type`},
		"negative idle time":    {withNode(`"idleSeconds": -1`), `nodes[0].idleSeconds: must not be negative (-1)`},
		"idle for microseconds": {withNode(`"idleSeconds": 0.0001`), `nodes[0].idleSeconds: must have at most 3 decimals (0.0001)`},

		"negative count":          {withDemand(`"tasks": [{"count": -1}]`), `demand.tasks[0].count: must be at least 0 (-1)`},
		"huge count":              {withDemand(`"tasks": [{"count": 1e30}]`), `demand.tasks[0].count: must not be above 1000000000000 (9223372036854775807)`},
		"fallback alone":          {withDemand(`"tasks": [{"labelSelector": {}, "fallback": [{"a": "b"}]}]`), `demand.tasks[0].fallback: must not be given without labelSelector`},
		"selector of numbers":     {withDemand(`"tasks": [{"labelSelector": {"a": 1}}]`), `demand.tasks[0].labelSelector.a: must be a string, not a number`},
		"fallback of a bundle":    {withDemand(`"gangs": [{"bundles": [{"labelSelector": {"a": "b"}, "fallback": []}]}]`), `demand.gangs[0].bundles[0].fallback: is not a known field`},
		"fallback, constraint":    {withDemand(`"constraints": [{"fallback": []}]`), `demand.constraints[0].fallback: is not a known field`},
		"no bundles":              {withDemand(`"gangs": [{"bundles": []}]`), `demand.gangs[0].bundles: must not be empty ([])`},
		"bundles missing":         {withDemand(`"gangs": [{}]`), `demand.gangs[0].bundles: is required`},
		"bundle of none":          {withDemand(`"gangs": [{"bundles": [{"count": 0}]}]`), `demand.gangs[0].bundles[0].count: must be at least 1 (0)`},
		"unknown strategy":        {withDemand(`"gangs": [{"strategy": "pack", "bundles": [{}]}]`), `demand.gangs[0].strategy: must be PACK, SPREAD, STRICT_PACK or STRICT_SPREAD ("pack")`},
		"two equal gangs":         {withDemand(`"gangs": [{"name": "gang-1", "bundles": [{}]}, {"bundles": [{}]}]`), `demand.gangs[1].name: must be unique ("gang-1")`},
		"negative constraint":     {withDemand(`"constraints": [{"count": -2}]`), `demand.constraints[0].count: must be at least 0 (-2)`},
		"too large a constraint":  {withDemand(`"constraints": [{"count": 1000001}]`), `demand.constraints[0].count: must not be above 1000000 (1000001)`},
		"negative need of a task": {withDemand(`"tasks": [{"resources": {"CPU": -0.5}}]`), `demand.tasks[0].resources.CPU: must not be negative (-0.5)`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := plancase.Decode([]byte(c.in))
			if err == nil {
				t.Fatalf("no error, want %q", c.want)
			}
			if err.Error() != c.want {
				t.Errorf("\n got %q\nwant %q", err, c.want)
			}
		})
	}
}

func withType(members string) string {
	return `{"nodeTypes": [{"name": "a"}, {"name": "b", ` + members + `}]}`
}

func withNode(members string) string {
	return `{"nodeTypes": [{"name": "a", "resources": {"CPU": 4}}], "nodes": [{"id": "n", "type": "a", ` + members + `}]}`
}

func withDemand(members string) string { return `{"nodeTypes": [], "demand": {` + members + `}}` }

// TestDecodeAccepts has input that is valid, and what it is the same as.
func TestDecodeAccepts(t *testing.T) {
	for name, c := range map[string]struct{ in, same string }{
		"nulls are defaults": {
			`{"nodeTypes": [{"name": "a", "resources": null, "labels": null, "minWorkers": null, "maxWorkers": null, "idleTimeoutSeconds": null,
			  "priority": null, "recoveredAvailability": null, "cloudAvailability": null}], "maxWorkers": null, "idleTimeoutSeconds": null,
			  "upscalingSpeed": null, "conserveGpuNodes": null, "nodes": null, "demand": {"tasks": [{"resources": null, "count": null,
			  "labelSelector": null, "fallback": null}], "gangs": null, "constraints": null}}`,
			`{"nodeTypes": [{"name": "a"}], "demand": {"tasks": [{}]}}`},
		"numbers as JSON has them": {
			withType(`"resources": {"CPU": 1e3, "X": 2.50000e-1, "Y": 0.0, "Z": 10E+13}, "minWorkers": 2.0, "maxWorkers": 0.3e1`),
			withType(`"resources": {"CPU": 1000, "X": 0.25, "Z": 100000000000000}, "minWorkers": 2, "maxWorkers": 3`)},
		"zeros are nothing": {
			withType(`"resources": {"CPU": 0}`) + "\n", withType(`"resources": {}`)},
		"a node's defaults": {
			withNode(`"head": false`), withNode(`"total": {"CPU": 4}, "available": {"CPU": 4}, "status": "running", "idleSeconds": 0, "gangs": []`)},
		"a joining node's own are ignored": {
			withNode(`"status": "joining", "available": {"CPU": 99}`), withNode(`"status": "joining"`)},
		"an implicit resource is available": {
			withNode(`"available": {"CPU": 4, "node:__internal_implicit_resource_x": 1}`), withNode(`"head": false`)},
		"a limit beyond numbers is none": {
			`{"nodeTypes": [{"name": "a", "maxWorkers": 1e99}], "demand": {"tasks": [{}]}}`, `{"nodeTypes": [{"name": "a"}], "demand": {"tasks": [{}]}}`},
		"a timeout beyond time is never": {
			`{"nodeTypes": [{"name": "a"}], "idleTimeoutSeconds": 1e99, "nodes": [{"id": "n", "type": "a", "idleSeconds": 1e98}]}`,
			`{"nodeTypes": [{"name": "a"}], "nodes": [{"id": "n", "type": "a", "idleSeconds": 5}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			if got, want := answer(t, []byte(c.in)), answer(t, []byte(c.same)); !bytes.Equal(got, want) {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
		})
	}
}

// TestEncode has what the examples do not show.
func TestEncode(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"nothing": {`{"nodeTypes": []}`,
			`{"launch":{},"terminate":[],"infeasible":{"tasks":[],"gangs":[],"constraints":[]}}`},
		"nothing now": {`{"nodeTypes": [], "upscalingSpeed": 1}`,
			`{"launch":{},"terminate":[],"infeasible":{"tasks":[],"gangs":[],"constraints":[]},"launchNow":{}}`},
		"tasks as first written": {
			withDemand(`"tasks": [{"resources": {"CPU": 0.5}, "count": 0, "labelSelector": {"z": "in( a )"}},
			  {"resources": {"CPU": 5e-1, "GPU": 0}, "count": 2, "labelSelector": {"z": "in(b, a)"}, "fallback": [{}, {"z": "!c"}]},
			  {"resources": {"memory": 17179869184.1234}},
			  {"resources": {"CPU": 0.50}, "count": 3, "labelSelector": {"z": "in(a,b)"}, "fallback": [{}, {"z": "!in(c)"}]}]`),
			`{"launch":{},"terminate":[],"infeasible":{"tasks":[` +
				`{"resources":{"CPU":0.5},"count":5,"labelSelector":{"z":"in(b, a)"},"fallback":[{},{"z":"!c"}]},` +
				`{"resources":{"memory":17179869184.1234},"count":1}],"gangs":[],"constraints":[]}}`},
		"constraints as written": {
			withDemand(`"constraints": [{"resources": {"CPU": 1}, "count": 2}, {"count": 0}, {"resources": {"CPU": 1}, "labelSelector": {"z": "a"}}]`),
			`{"launch":{},"terminate":[],"infeasible":{"tasks":[],"gangs":[],"constraints":[` +
				`{"resources":{"CPU":1},"count":2},{"resources":{"CPU":1},"count":1,"labelSelector":{"z":"a"}}]}}`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := string(answer(t, []byte(c.in))); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

// FuzzDecode: no input makes reading, planning or writing panic, and what is
// valid has one answer.
func FuzzDecode(f *testing.F) {
	seedFuzz(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := plancase.Decode(raw)
		if err != nil {
			return
		}
		first, err := c.Encode(nodetypes.Schedule(c.Request))
		if err != nil {
			t.Fatal(err)
		}
		if again := answer(t, raw); !bytes.Equal(first, again) {
			t.Errorf("two answers:\n%s\n%s", first, again)
		}
	})
}

func seedFuzz(f *testing.F) {
	file, err := os.Open("../testdata/examples.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	defer file.Close()
	for s := bufio.NewScanner(file); s.Scan(); {
		_, line, _ := bytes.Cut(s.Bytes(), []byte(`"case": `))
		line, _, _ = bytes.Cut(line, []byte(`, "answer": `))
		f.Add(bytes.Clone(line))
	}
	f.Add([]byte(withType(`"resources": {"CPU": 1e-4}, "maxWorkers": 1e400`)))
	f.Add([]byte(withNode(`"available": {"CPU": 0}, "idleSeconds": 1e300, "gangs": ["g"]`)))
	f.Add([]byte(withDemand(`"gangs": [{"strategy": "STRICT_PACK", "bundles": [{"resources": {"m": 1e14}, "count": 1e6}]}]`)))
}
