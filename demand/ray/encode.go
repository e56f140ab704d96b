package ray

import (
	"math"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/ray/autoscalerpb"
	"github.com/rayburst/rayburst/demand/ray/commonpb"
)

func encodeState(s demand.AutoscalingState) *autoscalerpb.AutoscalingState {
	out := &autoscalerpb.AutoscalingState{AutoscalerStateVersion: int64(s.Version)}
	for _, p := range s.Pending {
		encodePending(out, p, int64(s.Version/1000))
	}
	for _, f := range s.Failed {
		out.FailedInstanceRequests = append(out.FailedInstanceRequests, &autoscalerpb.FailedInstanceRequest{
			InstanceTypeName: f.NodeType, RayNodeTypeName: f.NodeType, Count: int32(f.Count),
			Reason: f.Reason, StartTs: f.Started, FailedTs: f.Failed,
		})
	}
	for _, r := range s.Infeasible {
		out.InfeasibleResourceRequests = append(out.InfeasibleResourceRequests, encodeRequest(r))
	}
	for _, g := range s.InfeasibleGangs {
		out.InfeasibleGangResourceRequests = append(out.InfeasibleGangResourceRequests, encodeGang(g))
	}
	if len(s.InfeasibleConstraints) > 0 {
		out.InfeasibleClusterResourceConstraints = []*autoscalerpb.ClusterResourceConstraint{
			{ResourceRequests: encodeShapes(s.InfeasibleConstraints)},
		}
	}
	return out
}

// encodePending tells a worker that is there from one that is only asked for.
func encodePending(out *autoscalerpb.AutoscalingState, p demand.PendingWorker, unix int64) {
	if p.InstanceID == "" {
		out.PendingInstanceRequests = append(out.PendingInstanceRequests, &autoscalerpb.PendingInstanceRequest{
			InstanceTypeName: p.NodeType, RayNodeTypeName: p.NodeType, Count: 1, RequestTs: unix,
		})
		return
	}
	out.PendingInstances = append(out.PendingInstances, &autoscalerpb.PendingInstance{
		InstanceTypeName: p.NodeType, RayNodeTypeName: p.NodeType, InstanceId: p.InstanceID, Details: p.Details,
	})
}

func encodeShapes(in []demand.Shape) []*autoscalerpb.ResourceRequestByCount {
	var out []*autoscalerpb.ResourceRequestByCount
	for _, s := range in {
		out = append(out, &autoscalerpb.ResourceRequestByCount{Request: encodeRequest(s.ResourceRequest), Count: s.Count})
	}
	return out
}

func encodeRequest(r demand.ResourceRequest) *autoscalerpb.ResourceRequest {
	out := &autoscalerpb.ResourceRequest{ResourcesBundle: r.Resources.Units()}
	for _, s := range r.Selectors {
		sel := &commonpb.LabelSelector{}
		for _, c := range s {
			op := commonpb.LabelSelectorOperator_LABEL_OPERATOR_IN
			if c.NotIn {
				op = commonpb.LabelSelectorOperator_LABEL_OPERATOR_NOT_IN
			}
			sel.LabelConstraints = append(sel.LabelConstraints, &commonpb.LabelSelectorConstraint{
				LabelKey: c.Key, Operator: op, LabelValues: c.Values,
			})
		}
		out.LabelSelectors = append(out.LabelSelectors, sel)
	}
	return out
}

// maxReportedBundles keeps a gang of many bundles from growing a report that
// only names it.
const maxReportedBundles = 1000

func encodeGang(g demand.Gang) *autoscalerpb.GangResourceRequest {
	out := &autoscalerpb.GangResourceRequest{Details: g.Name + ":" + string(g.Strategy) + "|PENDING"}
	for _, b := range g.Bundles {
		for range min(b.Count, maxReportedBundles) {
			out.Requests = append(out.Requests, encodeRequest(b.ResourceRequest))
		}
	}
	out.BundleSelectors = []*autoscalerpb.BundleSelector{{ResourceRequests: out.Requests}}
	return out
}

func encodeConfig(groups []demand.NodeGroup) *autoscalerpb.ClusterConfig {
	out := &autoscalerpb.ClusterConfig{}
	for _, g := range groups {
		n := &autoscalerpb.NodeGroupConfig{
			Name: g.Name, Resources: map[string]uint64{}, MinCount: uint32(g.MinWorkers), MaxCount: int32(g.MaxWorkers),
		}
		for _, r := range g.Resources {
			n.Resources[r.Name] = uint64(math.Floor(r.Amount.Float()))
		}
		out.NodeGroupConfigs = append(out.NodeGroupConfigs, n)
	}
	return out
}
