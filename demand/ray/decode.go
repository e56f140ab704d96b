package ray

import (
	"cmp"
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/ray/autoscalerpb"
	"github.com/rayburst/rayburst/demand/ray/commonpb"
	"github.com/rayburst/rayburst/demand/ray/gcspb"
)

const (
	// maxShapes is where a raylet cuts its list, without a word
	// (max_resource_shapes_per_load_report).
	maxShapes = 100
	// gangLabel starts the dynamic label of a node with a bundle of a gang.
	gangLabel = "_PG_"
	// headResource is in the totals of a head.
	headResource = "node:__internal_head__"
)

// rayletLoad normalises a raylet's reply: equal shapes merged, tasks inside
// placement groups and empty counts dropped.
func rayletLoad(d *gcspb.ResourcesData) *demand.RayletLoad {
	demands := d.GetResourceLoadByShape().GetResourceDemands()
	l := &demand.RayletLoad{
		Total: resources(d.GetResourcesTotal()), Available: resources(d.GetResourcesAvailable()),
		Idle:     time.Duration(max(0, d.GetIdleDurationMs())) * time.Millisecond,
		Draining: d.GetIsDraining(), Truncated: len(demands) >= maxShapes,
	}
	for _, q := range demands {
		l.Demand = append(l.Demand, demand.QueuedDemand{
			ResourceRequest: demand.ResourceRequest{Resources: resources(q.GetShape()), Selectors: selectors(q.GetLabelSelectors())},
			Queued:          count(q.GetNumReadyRequestsQueued()) + count(q.GetNumInfeasibleRequestsQueued()),
			Backlog:         count(uint64(max(0, q.GetBacklogSize()))),
		})
	}
	l.Demand = demand.MergeQueued(l.Demand)
	return l
}

func count(n uint64) int64 { return int64(min(n, demand.MaxCount/2)) }

// resources turns Ray's doubles into fixed point. What Ray could not have
// meant (NaN, below 0, above its own maximum) is cut to the nearest it could.
func resources(m map[string]float64) demand.Resources {
	out := make(demand.Resources, 0, len(m))
	for name, v := range m {
		if math.IsNaN(v) || v < 0 {
			v = 0
		}
		a, err := demand.NewAmount(v)
		if err != nil {
			a = demand.MaxAmount
		}
		out = append(out, demand.Resource{Name: name, Amount: a})
	}
	slices.SortFunc(out, func(a, b demand.Resource) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func selectors(in []*commonpb.LabelSelector) []demand.LabelSelector {
	var out []demand.LabelSelector
	for _, s := range in {
		sel := demand.LabelSelector{}
		for _, c := range s.GetLabelConstraints() {
			sel = append(sel, demand.LabelConstraint{
				Key: c.GetLabelKey(), Values: c.GetLabelValues(),
				NotIn: c.GetOperator() == commonpb.LabelSelectorOperator_LABEL_OPERATOR_NOT_IN,
			})
		}
		out = append(out, sel.Canonical())
	}
	return out
}

// clusterState normalises the GCS's view, with what only its node table knows.
func clusterState(s *autoscalerpb.ClusterResourceState, table map[string]*gcspb.GcsNodeInfo) *demand.ClusterState {
	out := &demand.ClusterState{Session: s.GetClusterSessionName(), Pending: shapes(s.GetPendingResourceRequests())}
	for _, n := range s.GetNodeStates() {
		if n.GetStatus() != autoscalerpb.NodeStatus_DEAD && n.GetStatus() != autoscalerpb.NodeStatus_UNSPECIFIED {
			out.Nodes = append(out.Nodes, nodeState(n, table[hex.EncodeToString(n.GetNodeId())]))
		}
	}
	slices.SortFunc(out.Nodes, func(a, b *demand.Node) int { return cmp.Compare(a.ID, b.ID) })
	for _, g := range s.GetPendingGangResourceRequests() {
		if gang, ok := gang(g); ok {
			out.Gangs = append(out.Gangs, gang)
		}
	}
	slices.SortFunc(out.Gangs, func(a, b demand.Gang) int { return cmp.Compare(a.Name, b.Name) })
	for _, c := range s.GetClusterResourceConstraints() {
		out.Constraints = append(out.Constraints, constraint(c)...)
	}
	return out
}

func shapes(in []*autoscalerpb.ResourceRequestByCount) []demand.Shape {
	out := make([]demand.Shape, 0, len(in))
	for _, r := range in {
		out = append(out, demand.Shape{ResourceRequest: request(r.GetRequest()), Count: count(uint64(max(0, r.GetCount())))})
	}
	return demand.MergeShapes(out)
}

// constraint is request_resources(): an entry without resources means none.
func constraint(c *autoscalerpb.ClusterResourceConstraint) []demand.Shape {
	return slices.DeleteFunc(shapes(c.GetResourceRequests()), func(s demand.Shape) bool { return len(s.Resources) == 0 })
}

func request(r *autoscalerpb.ResourceRequest) demand.ResourceRequest {
	return demand.ResourceRequest{Resources: resources(r.GetResourcesBundle()), Selectors: selectors(r.GetLabelSelectors())}.Canonical()
}

var statuses = map[autoscalerpb.NodeStatus]demand.NodeStatus{
	autoscalerpb.NodeStatus_RUNNING: demand.NodeRunning, autoscalerpb.NodeStatus_IDLE: demand.NodeIdle,
	autoscalerpb.NodeStatus_DRAINING: demand.NodeDraining, autoscalerpb.NodeStatus_DEAD: demand.NodeDead,
}

func nodeState(n *autoscalerpb.NodeState, info *gcspb.GcsNodeInfo) *demand.Node {
	out := &demand.Node{
		ID: hex.EncodeToString(n.GetNodeId()), InstanceID: n.GetInstanceId(), Type: n.GetRayNodeTypeName(),
		Status: statuses[n.GetStatus()], Total: resources(n.GetTotalResources()), Available: resources(n.GetAvailableResources()),
		Labels: demand.NewLabels(n.GetLabels()), Idle: time.Duration(max(0, n.GetIdleDurationMs())) * time.Millisecond,
		Address: n.GetNodeIpAddress(), StartTime: info.GetStartTimeMs(),
	}
	_, headTotal := n.GetTotalResources()[headResource]
	out.Head = info.GetIsHeadNode() || headTotal
	if n.GetStatus() == autoscalerpb.NodeStatus_RUNNING {
		out.Activity = n.GetNodeActivity() // stale on an idle node
	}
	for label := range n.GetDynamicLabels() {
		if id, ok := strings.CutPrefix(label, gangLabel); ok {
			out.Gangs = append(out.Gangs, id)
		}
	}
	slices.Sort(out.Gangs)
	return out
}

// gang reads a placement group: the first bundle selector (the only one with
// label selectors), else the deprecated requests. One without requests is
// dropped.
func gang(g *autoscalerpb.GangResourceRequest) (demand.Gang, bool) {
	requests := g.GetRequests()
	if b := g.GetBundleSelectors(); len(b) > 0 && len(b[0].GetResourceRequests()) > 0 {
		requests = b[0].GetResourceRequests()
	}
	out := demand.Gang{Name: gangName(g.GetDetails()), Strategy: strategy(g.GetDetails(), requests)}
	for _, r := range requests {
		out.Bundles = append(out.Bundles, demand.Shape{ResourceRequest: request(r), Count: 1})
	}
	out.Bundles = demand.MergeShapes(out.Bundles)
	return out, len(out.Bundles) > 0
}

// gangName is the placement group's id: details are "<id>:<STRATEGY>|<STATE>".
func gangName(details string) string {
	name, _, _ := strings.Cut(details, ":")
	return name
}

func strategy(details string, requests []*autoscalerpb.ResourceRequest) demand.Strategy {
	_, rest, _ := strings.Cut(details, ":")
	name, _, _ := strings.Cut(rest, "|")
	switch s := demand.Strategy(name); s {
	case demand.Pack, demand.Spread, demand.StrictPack, demand.StrictSpread:
		return s
	}
	for _, r := range requests {
		c := r.GetPlacementConstraints()
		if len(c) > 0 && c[0].GetAntiAffinity() != nil {
			return demand.StrictSpread
		}
		if len(c) > 0 {
			return demand.StrictPack
		}
	}
	return demand.Pack
}
