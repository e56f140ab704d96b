package demandpb

import (
	"cmp"
	"slices"
	"time"

	"github.com/rayburst/rayburst/demand"
)

// MaxReportBytes is the largest message that is decoded at all.
const MaxReportBytes = 32 << 20

// UnmarshalReport is [Decoder.Report] for a single report.
func UnmarshalReport(b []byte) (*demand.Report, error) { return new(Decoder).Report(b) }

// canonize brings what is new of a report into its canonical form.
func (m *message) canonize(r *demand.Report) {
	if r.Raylet != nil && !m.known.Raylet {
		r.Raylet.Demand = demand.MergeQueued(r.Raylet.Demand)
	}
	if c := r.Cluster; c != nil && !m.known.Cluster {
		c.Pending, c.Constraints = demand.MergeShapes(c.Pending), demand.MergeShapes(c.Constraints)
	}
}

// clusterState is all but the rows.
func clusterState(m *ClusterState) *demand.ClusterState {
	if m == nil {
		return nil
	}
	s := &demand.ClusterState{Session: m.Session, Constraints: shapes(m.Constraints), Pending: shapes(m.Pending)}
	for _, g := range m.Gangs {
		s.Gangs = append(s.Gangs, gang(g))
	}
	return s
}

var strategies = map[Strategy]demand.Strategy{
	Strategy_STRATEGY_PACK: demand.Pack, Strategy_STRATEGY_SPREAD: demand.Spread,
	Strategy_STRATEGY_STRICT_PACK: demand.StrictPack, Strategy_STRATEGY_STRICT_SPREAD: demand.StrictSpread,
}

func gang(m *Gang) demand.Gang {
	s, ok := strategies[m.GetStrategy()]
	if !ok {
		s = demand.Strategy(m.GetStrategy().String())
	}
	return demand.Gang{Name: m.GetName(), Strategy: s, Bundles: shapes(m.GetBundles())}
}

func shapes(in []*ResourceRequestByCount) []demand.Shape {
	out := make([]demand.Shape, len(in))
	for i, m := range in {
		out[i] = demand.Shape{ResourceRequest: request(m.GetRequest()), Count: count(m.GetCount())}
	}
	return out
}

func request(m *ResourceRequest) demand.ResourceRequest {
	r := demand.ResourceRequest{Resources: resources(m.GetResources())}
	for _, s := range m.GetSelectors() {
		sel := make(demand.LabelSelector, 0, len(s.GetConstraints()))
		for _, c := range s.GetConstraints() {
			sel = append(sel, demand.LabelConstraint{Key: c.GetKey(), NotIn: c.GetNotIn(), Values: c.GetValues()})
		}
		r.Selectors = append(r.Selectors, sel)
	}
	return r.Canonical()
}

func resources(m map[string]int64) demand.Resources {
	if m == nil {
		return nil
	}
	out := make(demand.Resources, 0, len(m))
	for name, a := range m {
		out = append(out, demand.Resource{Name: name, Amount: demand.Amount(a)})
	}
	slices.SortFunc(out, func(a, b demand.Resource) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// millis is a number of milliseconds that cannot overflow a duration.
func millis(ms uint64) time.Duration {
	const most = uint64(1<<62) / uint64(time.Millisecond)
	return time.Duration(min(ms, most)) * time.Millisecond
}

// count lets a number that is too large fail the report's check.
func count(n uint64) int64 { return int64(min(n, demand.MaxCount+1)) }
