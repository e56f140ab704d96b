package nodetypes_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/nodetypes/plancase"
)

// TestMarshalIsReadBack: a request that is written as a planning case and read
// again is the same one.
func TestMarshalIsReadBack(t *testing.T) {
	const cases = 1000
	read := 0
	for seed := range uint64(cases) {
		q := randomRequest(rand.New(rand.NewPCG(seed, 11)))
		q.UpscalingSpeed = []*float64{nil, new(0.1), new(math.Inf(1)), new(1e-7)}[seed%4]
		raw, err := plancase.Marshal(q)
		if err != nil {
			if !strings.Contains(err.Error(), "labelSelector: must not be empty before a fallback") {
				t.Fatalf("seed %d: %v", seed, err)
			}
			continue
		}
		c, err := plancase.Decode(raw)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, raw)
		}
		read++
		if diff := cmp.Diff(canonical(q), canonical(c.Request), cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(demand.ResourceRequest{})); diff != "" {
			t.Fatalf("seed %d: written -, read +:\n%s\n%s", seed, diff, raw)
		}
	}
	if read < cases*8/10 {
		t.Errorf("%d of %d cases were read back", read, cases)
	}
}

// canonical is a request without what the format cannot tell: an empty
// selector from none, and what nodes that do not run have.
func canonical(q nodetypes.Request) nodetypes.Request {
	for i := range q.Nodes {
		if n := &q.Nodes[i]; n.Status != nodetypes.Running {
			n.Total, n.Available, n.Labels, n.Idle, n.Gangs = nil, nil, nil, 0, nil
		}
	}
	lists := [][]demand.Shape{q.Demand.Tasks, q.Demand.Constraints}
	for _, g := range q.Demand.Gangs {
		lists = append(lists, g.Bundles)
	}
	for _, list := range lists {
		for i := range list {
			if s := list[i].Selectors; len(s) == 1 && len(s[0]) == 0 {
				list[i].Selectors = nil
			}
		}
	}
	return q
}

// TestMarshalOddValues has what the format cannot say, and how odd values are
// written.
func TestMarshalOddValues(t *testing.T) {
	one := func(values ...string) nodetypes.Request {
		s := demand.Shape{Count: 1}
		s.Selectors = []demand.LabelSelector{{{Key: "zone", Values: values}}}
		return nodetypes.Request{MaxWorkers: nodetypes.NoLimit, ConserveGPUNodes: true, Demand: demand.Demand{Tasks: []demand.Shape{s}}}
	}
	twice := one("a")
	twice.Demand.Tasks[0].Selectors[0] = append(twice.Demand.Tasks[0].Selectors[0], demand.LabelConstraint{Key: "zone", NotIn: true, Values: []string{"b"}})
	outside := one("a")
	outside.Demand = demand.Demand{Constraints: outside.Demand.Tasks}
	outside.Demand.Constraints[0].Selectors = append(outside.Demand.Constraints[0].Selectors, demand.LabelSelector{})
	slow := one("a")
	slow.Nodes = []nodetypes.Node{{ID: "n", Type: "t", Idle: 1500*time.Millisecond + 1}}
	slow.IdleTimeout = new(1500 * time.Millisecond)
	bare := one("a")
	bare.NodeTypes = []nodetypes.NodeType{{Name: "t", MaxWorkers: nodetypes.NoLimit, Labels: map[string]string{"zone": "a"}}}
	bare.Nodes = []nodetypes.Node{{ID: "n", Type: "t"}}
	for name, c := range map[string]struct {
		q    nodetypes.Request
		want string
	}{
		"one":            {one("a"), `"labelSelector":{"zone":"a"}`},
		"two":            {one("a", "b"), `"labelSelector":{"zone":"in(a,b)"}`},
		"empty":          {one(""), `"labelSelector":{"zone":""}`},
		"like a not":     {one("!a"), `"labelSelector":{"zone":"in(!a)"}`},
		"with a comma":   {one("a,b"), `"labelSelector":{"zone":"a,b"}`},
		"blanks":         {one(" a"), `"labelSelector":{"zone":" a"}`},
		"comma and not":  {one("!a,b"), `demand.tasks[0].labelSelector.zone: must be values that in(a,b) can hold (["!a,b"])`},
		"no values":      {one(), `demand.tasks[0].labelSelector.zone: must be values that in(a,b) can hold ([])`},
		"twice":          {twice, `demand.tasks[0].labelSelector.zone: must be given once (zone=!b)`},
		"outside":        {outside, `demand.constraints[0].fallback: must not be given outside tasks`},
		"idle, rounded":  {slow, `"idleSeconds":1.501`},
		"no labels":      {bare, `"nodes":[{"id":"n","labels":{},"type":"t"}]`},
		"timeout, exact": {slow, `"idleTimeoutSeconds":1.5`},
	} {
		raw, err := plancase.Marshal(c.q)
		if got := string(raw); err == nil && !strings.Contains(got, c.want) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %s %v, want %s", name, got, err, c.want)
		}
	}
}
