package plancase_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/nodetypes/plancase"
)

const live = `{"nodeTypes":[{"name":"a","resources":{"CPU":4}}],"nodes":[{"id":"n0","type":"a"}],
	"demand":{"tasks":[{"resources":{"CPU":99},"labelSelector":{"z":"in( x )"}}],"gangs":[{"bundles":[{"resources":{"CPU":4}}]}],"constraints":[{"resources":{"CPU":9}}]}}`

func decoded(t *testing.T) plancase.Case {
	t.Helper()
	c, err := plancase.Decode([]byte(live))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestExtend adds to a case, again and again.
func TestExtend(t *testing.T) {
	base := decoded(t)
	const more = `{"nodes":[{"id":"n1","type":"a"}],"demand":{"tasks":[{"resources":{"CPU":1},"count":3},{"resources":{"GPU":1}}],
		"gangs":[{"bundles":[{"resources":{"CPU":4}}]}],"constraints":[{"resources":{"CPU":1}}]}}`
	const want = `{"launch":{"a":1},"terminate":[],"infeasible":{"tasks":[{"resources":{"CPU":99},"count":1,"labelSelector":{"z":"in( x )"}},` +
		`{"resources":{"GPU":1},"count":1}],"gangs":[],"constraints":[{"resources":{"CPU":9},"count":1},{"resources":{"CPU":1},"count":1}]}}`
	for range 2 {
		c, err := base.Extend([]byte(more), "nodes", "demand")
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Encode(nodetypes.Schedule(c.Request))
		if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
		if n := c.Demand.Gangs[1].Name; n != "gang-1" {
			t.Errorf("the second gang is %s", n)
		}
	}
	if diff := cmp.Diff(len(decoded(t).Demand.Tasks), len(base.Demand.Tasks)); diff != "" {
		t.Errorf("the case changed: %s", diff)
	}
}

// TestExtendKeepsWhatItMade: the parts of one extension are not those of the next.
func TestExtendKeepsWhatItMade(t *testing.T) {
	base, err := plancase.Decode([]byte(`{"nodeTypes":[],"demand":{"tasks":[{},{},{}]}}`)) // three leave room for a fourth
	if err != nil {
		t.Fatal(err)
	}
	first, err := base.Extend([]byte(`{"demand":{"tasks":[{"count":7}]}}`), "demand")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := base.Extend([]byte(`{"demand":{"tasks":[{"count":8}]}}`), "demand"); err != nil {
		t.Fatal(err)
	}
	if n := first.Demand.Tasks[3].Count; n != 7 {
		t.Errorf("the first extension has %d, want 7", n)
	}
}

func TestExtendRefuses(t *testing.T) {
	base := decoded(t)
	for in, want := range map[string]string{
		`[]`:                                  `case: must be an object, not a list`,
		`{"nodeTypes":[]}`:                    `nodeTypes: must not be given here, only nodes, demand`,
		`{"maxWorkers":3}`:                    `maxWorkers: must not be given here, only nodes, demand`,
		`{"nodetypes":[]}`:                    `nodetypes: is not a known field`,
		`{"nodes":[{"id":"x"}]}`:              `nodes[0].type: is required`,
		`{"nodes":[{"id":"n0","type":""}]}`:   `nodes[0].total: is required, for "" is not a listed type`,
		`{"demand":{"tasks":[{"count":-1}]}}`: `demand.tasks[1].count: must be at least 0 (-1)`,
	} {
		_, err := base.Extend([]byte(in), "nodes", "demand")
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
}

// TestEncodeExplanation has every field.
func TestEncodeExplanation(t *testing.T) {
	c, err := plancase.Decode([]byte(`{"nodeTypes":[{"name":"a","resources":{"CPU":4},"maxWorkers":1},{"name":"b","resources":{"CPU":0.5},"labels":{"z":"y"}}],
		"nodes":[{"id":"n0","type":"a","available":{"CPU":1}}],"demand":{"tasks":[{"resources":{"CPU":1},"count":2,"labelSelector":{"z":"!y"},"fallback":[{}]}],
		"gangs":[{"name":"g","strategy":"STRICT_PACK","bundles":[{"resources":{"GPU":1},"labelSelector":{"z":"in(q)"}}]}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.EncodeExplanation(nodetypes.Explain(c.Request))
	const want = `{"plan":{"launch":{},"terminate":[],"infeasible":{"tasks":[{"resources":{"CPU":1},"count":1,"labelSelector":{"z":"!y"},"fallback":[{}]}],"gangs":["g"],"constraints":[]}},` +
		`"explanation":[{"kind":"gang","gang":"g","strategy":"STRICT_PACK","request":{"resources":{"GPU":1},"count":1,"labelSelector":{"z":"q"}},"nodes":[],"new":[],"infeasible":1,"missing":1,` +
		`"types":[{"type":"a","verdict":"lacks","detail":"GPU: has 0, needs 1; its label selector does not hold","lacks":[{"resource":"GPU","has":0,"needs":1},{"labelSelector":true}]},` +
		`{"type":"b","verdict":"lacks","detail":"GPU: has 0, needs 1; its label selector does not hold","lacks":[{"resource":"GPU","has":0,"needs":1},{"labelSelector":true}]}],"nearest":"a"},` +
		`{"kind":"task","request":{"resources":{"CPU":1},"count":2,"labelSelector":{"z":"!y"},"fallback":[{}]},"nodes":[{"id":"n0","type":"a","count":1}],"new":[],"infeasible":1,"missing":1,` +
		`"types":[{"type":"a","verdict":"max-workers-of-type","detail":"its maximum of 1 is reached"},` +
		`{"type":"b","verdict":"lacks","detail":"CPU: has 0.5, needs 1","lacks":[{"resource":"CPU","has":0.5,"needs":1}]}]}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}
