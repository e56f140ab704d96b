package httpapi

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/scaler"
)

// collector makes metrics from the published decisions, when asked. The
// autoscaler_* gauges are the ones that Ray's own Grafana panels query.
type collector struct{ Config }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var (
	perType = []string{"namespace", "cluster", "type"}

	targetDesc   = desc("rayburst_target_workers", "Workers a node type should have.", perType...)
	runningDesc  = desc("rayburst_running_workers", "Workers alive in the GCS and not draining.", perType...)
	joiningDesc  = desc("rayburst_joining_workers", "Workers asked for and not alive in the GCS.", perType...)
	drainingDesc = desc("rayburst_draining_workers", "Workers that refuse new work and are not removed.", perType...)
	wantedDesc   = desc("rayburst_wanted_workers", "Launches the demand asks for beyond what is there.", perType...)
	reasonDesc   = desc("rayburst_target_reason", "1 for the reason of a node type's target.", "namespace", "cluster", "type", "reason")
	knownDesc    = desc("rayburst_cluster_known", "1 if the cluster's state is known, 0 if every target is held.", "namespace", "cluster")
	madeDesc     = desc("rayburst_decisions_total", "Decisions made.", "namespace", "cluster")
	waitingDesc  = desc("rayburst_waiting_requests", "Requests that have no place yet.", "namespace", "cluster", "why")
	reportsDesc  = desc("rayburst_reports_total", "Reports received.")
	poisonDesc   = desc("rayburst_reports_poison_total", "Malformed reports dropped.")
	replacedDesc = desc("rayburst_reports_replaced_total", "Reports overtaken before they were read.")
	overflowDesc = desc("rayburst_reports_overflow_total", "Reports dropped as too many nodes were held.")
	wrongDesc    = desc("rayburst_wrong_victim_total", "Workers that went because their Deployment shrank although others were marked to go.", "namespace")

	rayActive   = desc("autoscaler_active_nodes", "Nodes with Ray running.", "namespace", "cluster", "NodeType", "SessionName")
	rayPending  = desc("autoscaler_pending_nodes", "Nodes on their way.", "namespace", "cluster", "NodeType", "SessionName")
	rayFailed   = desc("autoscaler_recently_failed_nodes", "Nodes that did not join lately.", "namespace", "cluster", "NodeType", "SessionName")
	rayCapacity = desc("autoscaler_cluster_resources", "Resources of running nodes.", "namespace", "cluster", "resource", "SessionName")
	rayComing   = desc("autoscaler_pending_resources", "Resources of nodes on their way.", "namespace", "cluster", "resource", "SessionName")
)

// Describe sends nothing: which metrics there are depends on the clusters.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect reads the store once.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	for _, d := range c.Store.All() {
		c.cluster(out, d)
		rayGauges(out, d)
	}
	if c.WrongVictims != nil {
		for namespace, n := range c.WrongVictims() {
			counter(out, wrongDesc, n, namespace)
		}
	}
	s := c.Inbox()
	counter(out, reportsDesc, s.Reports)
	counter(out, poisonDesc, s.Poison)
	counter(out, replacedDesc, s.Replaced)
	counter(out, overflowDesc, s.Overflow)
}

func gauge(out chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func counter(out chan<- prometheus.Metric, d *prometheus.Desc, v uint64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
}

func (c *collector) cluster(out chan<- prometheus.Metric, d *scaler.Decision) {
	ns, name := d.Cluster.Namespace, d.Cluster.Name
	known := 1.0
	if d.Unknown != "" {
		known = 0
	}
	gauge(out, knownDesc, known, ns, name)
	counter(out, madeDesc, c.Store.count(d.Cluster), ns, name)
	for _, t := range d.Targets {
		gauge(out, targetDesc, float64(t.Workers), ns, name, t.Type)
		gauge(out, reasonDesc, 1, ns, name, t.Type, string(t.Reason))
		if d.Unknown == "" {
			gauge(out, runningDesc, float64(t.Running), ns, name, t.Type)
			gauge(out, joiningDesc, float64(t.Joining), ns, name, t.Type)
			gauge(out, drainingDesc, float64(t.Draining), ns, name, t.Type)
			gauge(out, wantedDesc, float64(t.Wanted), ns, name, t.Type)
		}
	}
	why := map[scaler.WhyWait]int64{}
	for _, w := range d.Waiting {
		why[w.Why] += w.Count
	}
	for _, k := range []scaler.WhyWait{scaler.WaitInfeasible, scaler.WaitMaximum, scaler.WaitBackOff, scaler.WaitBound, scaler.WaitJoining} {
		gauge(out, waitingDesc, float64(why[k]), ns, name, string(k))
	}
}

func rayGauges(out chan<- prometheus.Metric, d *scaler.Decision) {
	if d.Unknown != "" {
		return
	}
	have, coming := map[string]demand.Amount{}, map[string]demand.Amount{}
	ray := d.Autoscaler.Get()
	tell := func(desc *prometheus.Desc, v float64, of string) {
		gauge(out, desc, v, d.Cluster.Namespace, d.Cluster.Name, of, d.Session) // sessions are the clusters' own words
	}
	for _, t := range d.Targets {
		tell(rayActive, float64(t.Running), t.Type)
		tell(rayPending, float64(t.Joining), t.Type)
	}
	for _, f := range ray.Failed {
		tell(rayFailed, float64(f.Count), f.NodeType)
	}
	for _, n := range d.Nodes.Get() {
		addUp(have, n.Total, 1)
	}
	for _, g := range ray.NodeGroups {
		if t, ok := d.Target(g.Name); ok {
			addUp(coming, g.Resources, t.Joining)
		}
	}
	for name, amount := range have {
		tell(rayCapacity, amount.Float(), name)
	}
	for name, amount := range coming {
		tell(rayComing, amount.Float(), name)
	}
}

// addUp adds resources n times, but for those that only name a node: each would
// be a series of its own.
func addUp(sum map[string]demand.Amount, r demand.Resources, n int) {
	for _, e := range r {
		if !strings.HasPrefix(e.Name, "node:") {
			sum[e.Name] += e.Amount * demand.Amount(n)
		}
	}
}
