package keda

import (
	"strings"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"

	"github.com/rayburst/rayburst/nodetypes"
)

// Scale is the metric of one worker. KEDA rounds to three decimals and HPA
// divides: with Scale in the metric and Target below the result is exactly the
// number of workers, up to MaxExact of them.
const Scale = 1_000_000

// MaxExact is the largest number of workers for which ceil(metric ÷ target)
// is that number with every target.
const MaxExact = 66_667

// targetValues is how many values Target takes. Two would do for one nudge, but
// two alternating values cancel each other in KEDA's channel of size 1
// (keda pkg/scalers/external_scaler.go, streamMetricSpecOnce).
const targetValues = 16

// MetricName is the name of a trigger's only metric: a segment of an URL path
// in the external metrics API, so nothing but [a-z0-9-]. KEDA puts s<index>-
// in front (keda pkg/scalers/scaler.go, GenerateMetricNameWithIndex).
func MetricName(t nodetypes.Trigger) string {
	return "ray-" + segment(t.Cluster) + "-" + segment(t.NodeType)
}

func segment(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
}

// Metric is the metric's value for a number of workers.
func Metric(workers int) int64 { return int64(workers) * Scale }

// Target is the metric's target (HPA's averageValue) after n nudges. A new
// target makes KEDA rewrite the HPA at once, and Kubernetes ≥ 1.37 then reads
// the metric at once.
func Target(n uint64) int64 { return Scale + int64(n%targetValues) }

// metricSpec is the answer of GetMetricSpec and StreamMetricSpec. Both number
// fields are filled: KEDA < 2.17 knows only the integers.
func metricSpec(t nodetypes.Trigger, n uint64) *pb.GetMetricSpecResponse {
	return &pb.GetMetricSpecResponse{MetricSpecs: []*pb.MetricSpec{{
		MetricName:      MetricName(t),
		TargetSize:      Target(n),
		TargetSizeFloat: float64(Target(n)),
	}}}
}

// metricValue is the answer of GetMetrics: exactly one value, because HPA adds
// up all it gets.
func metricValue(t nodetypes.Trigger, workers int) *pb.GetMetricsResponse {
	return &pb.GetMetricsResponse{MetricValues: []*pb.MetricValue{{
		MetricName:       MetricName(t),
		MetricValue:      Metric(workers),
		MetricValueFloat: float64(Metric(workers)),
	}}}
}
