package deploy_test

import (
	"testing"

	"github.com/rayburst/rayburst/deploy"
	"github.com/rayburst/rayburst/nodetypes/plancase"
)

func TestRequest(t *testing.T) {
	for yaml, want := range map[string]string{
		"max_workers: 6\nupscaling_speed: 2\nidle_timeout_minutes: 0.5\nhead_node_type: h\n" +
			"available_node_types: {h: {resources: {CPU: 1}}, w: {resources: {CPU: 4}, labels: {z: a}, min_workers: 1, idle_timeout_s: 7, priority: 3}}": `{"idleTimeoutSeconds":30,"maxWorkers":6,"nodeTypes":[` +
			`{"idleTimeoutSeconds":7,"labels":{"z":"a"},"minWorkers":1,"name":"w","priority":3,"resources":{"CPU":4}},{"maxWorkers":0,"name":"h","resources":{"CPU":1}}],"upscalingSpeed":2}`,
		"max_workers: 6\nhead_node_type: h\navailable_node_types: {h: {resources: {CPU: 1}, max_workers: 2}}": `{"idleTimeoutSeconds":300,"maxWorkers":6,"nodeTypes":[` +
			`{"maxWorkers":2,"name":"h","resources":{"CPU":1}}],"upscalingSpeed":1}`,
		"max_workers: 0\nhead_node_type: h\navailable_node_types: {h: {}, w: {max_workers: 3}}": `{"idleTimeoutSeconds":300,"maxWorkers":1,"nodeTypes":[` +
			`{"maxWorkers":0,"name":"w","resources":{"CPU":1}},{"maxWorkers":0,"name":"h"}],"upscalingSpeed":1}`,
	} {
		c, err := deploy.ParseCluster([]byte(yaml))
		if err != nil {
			t.Fatal(err)
		}
		q := c.Request()
		got, err := plancase.Marshal(q)
		if err != nil || string(got) != want {
			t.Errorf("%s\n got %s (%v)\nwant %s", yaml, got, err, want)
		}
		if err := q.Validate(); err != nil {
			t.Error(err)
		}
	}
}
