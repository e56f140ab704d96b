package nodetypes

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/rayburst/rayburst/demand"
)

// Validate tells the first thing that is wrong with a request: its key, the
// rule and the value, e.g.
//
//	nodeTypes[1].minWorkers: must not be above maxWorkers (3 > 2)
//
// Keys are those of the planning case.
func (q *Request) Validate() error {
	c := checker{}
	c.request(q)
	c.nodeTypes(q)
	c.nodes(q)
	c.shapes("demand.tasks", q.Demand.Tasks, 0, MaxCount)
	c.gangs(q.Demand.Gangs)
	c.shapes("demand.constraints", q.Demand.Constraints, 0, MaxBundles)
	return c.err
}

// checker keeps the first error.
type checker struct{ err error }

// must notes that the rule does not hold for the value at key.
func (c *checker) must(ok bool, key, rule string, value any) {
	if !ok && c.err == nil {
		c.err = fmt.Errorf("%s: must %s (%v)", key, rule, value)
	}
}

// unique notes that a name is empty or was seen before.
func (c *checker) unique(seen map[string]bool, key, name string) {
	c.must(name != "", key, "not be empty", `""`)
	c.must(!seen[name], key, "be unique", fmt.Sprintf("%q", name))
	seen[name] = true
}

func (c *checker) request(q *Request) {
	c.must(q.MaxWorkers >= 1, "maxWorkers", "be at least 1", q.MaxWorkers)
	if t := q.IdleTimeout; t != nil {
		c.must(*t >= 0, "idleTimeoutSeconds", "not be negative", t.Seconds())
	}
	if s := q.UpscalingSpeed; s != nil {
		c.must(*s >= 0 && !math.IsNaN(*s), "upscalingSpeed", "not be negative", *s)
	}
}

func (c *checker) nodeTypes(q *Request) {
	seen := map[string]bool{}
	for i, t := range q.NodeTypes {
		key := fmt.Sprintf("nodeTypes[%d].", i)
		c.unique(seen, key+"name", t.Name)
		c.resources(key+"resources", t.Resources)
		c.must(t.MinWorkers >= 0, key+"minWorkers", "not be negative", t.MinWorkers)
		c.must(t.MinWorkers <= MaxCount, key+"minWorkers", "not be above 1e12", t.MinWorkers)
		c.must(t.MaxWorkers >= 0, key+"maxWorkers", "not be negative", t.MaxWorkers)
		c.must(t.MinWorkers <= t.MaxWorkers, key+"minWorkers", "not be above maxWorkers",
			fmt.Sprintf("%d > %d", t.MinWorkers, t.MaxWorkers))
		if d := t.IdleTimeout; d != nil {
			c.must(*d >= 0, key+"idleTimeoutSeconds", "not be negative", d.Seconds())
		}
		c.availability(key+"recoveredAvailability", orOne(t.RecoveredAvailability))
		c.availability(key+"cloudAvailability", orOne(t.CloudAvailability))
	}
}

func (c *checker) availability(key string, a float64) {
	c.must(a >= 0 && a <= 1, key, "be within 0…1", a)
}

// resources notes amounts and names that are out of order.
func (c *checker) resources(key string, r demand.Resources) {
	for i, e := range r {
		c.must(e.Amount >= 0 && e.Amount <= demand.MaxAmount, key+"."+e.Name, "be within 0…1e14", e.Amount)
		c.must(i == 0 || r[i-1].Name < e.Name, key, "be sorted by name, each once", e.Name)
	}
}

func (c *checker) nodes(q *Request) {
	listed := map[string]bool{}
	for _, t := range q.NodeTypes {
		listed[t.Name] = true
	}
	seen, head := map[string]bool{}, none
	for i := range q.Nodes {
		n, key := &q.Nodes[i], fmt.Sprintf("nodes[%d].", i)
		c.unique(seen, key+"id", n.ID)
		c.must(n.Type != "", key+"type", "not be empty", `""`)
		if n.Head {
			c.must(head == none, key+"head", "be the only head", fmt.Sprintf("nodes[%d] is one too", head))
			c.must(listed[n.Type], key+"type", "be a listed type, for the node is the head", fmt.Sprintf("%q", n.Type))
			head = i
		}
		c.must(n.Status >= Running && n.Status <= Draining, key+"status", "be running, joining or draining", int(n.Status))
		if n.Status == Running {
			c.runningNode(key, n)
		}
	}
}

func (c *checker) runningNode(key string, n *Node) {
	c.must(n.Idle >= 0, key+"idleSeconds", "not be negative", n.Idle.Seconds())
	c.resources(key+"total", n.Total)
	c.resources(key+"available", n.Available)
	for _, e := range n.Available {
		total, ok := n.Total.Get(e.Name)
		if !ok && strings.HasPrefix(e.Name, implicitPrefix) {
			total = demand.Unit
		}
		c.must(e.Amount <= total, key+"available."+e.Name, "not be above total", fmt.Sprintf("%v > %v", e.Amount, total))
	}
}

func (c *checker) shapes(key string, shapes []demand.Shape, least, most int64) {
	for i, s := range shapes {
		k := fmt.Sprintf("%s[%d].", key, i)
		c.resources(k+"resources", s.Resources)
		c.must(s.Count >= least, k+"count", fmt.Sprintf("be at least %d", least), s.Count)
		c.must(s.Count <= most, k+"count", fmt.Sprintf("not be above %d", most), s.Count)
	}
}

func (c *checker) gangs(gangs []demand.Gang) {
	known := []demand.Strategy{demand.Pack, demand.Spread, demand.StrictPack, demand.StrictSpread}
	seen := map[string]bool{}
	for i, g := range gangs {
		key := fmt.Sprintf("demand.gangs[%d].", i)
		c.unique(seen, key+"name", g.Name)
		c.must(slices.Contains(known, g.Strategy), key+"strategy", "be PACK, SPREAD, STRICT_PACK or STRICT_SPREAD",
			fmt.Sprintf("%q", g.Strategy))
		c.must(len(g.Bundles) > 0, key+"bundles", "not be empty", "[]")
		c.shapes(key+"bundles", g.Bundles, 1, MaxBundles)
	}
}
