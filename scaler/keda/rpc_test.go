package keda_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	pb "github.com/kedacore/keda/v2/pkg/scalers/externalscaler"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/scaler"
	"github.com/rayburst/rayburst/scaler/keda"
)

func TestFiveCallsAgreeOnOneDecision(t *testing.T) {
	virtual(t, func(f *fixture) {
		random := rand.New(rand.NewPCG(1, 2))
		for range 100 {
			time.Sleep(6 * time.Second)
			workers := random.IntN(3) * random.IntN(60)
			f.publish(fmt.Sprintf("cpu=7/7 gpu=%d/%d", workers, random.IntN(60)))
			active, specs := f.listenActive(ref("gpu")), f.listenSpec(ref("gpu"))
			isActive, err := f.isActive(ref("gpu"))
			if err != nil {
				t.Fatal(err)
			}
			values, err := f.metrics(ref("gpu"))
			if err != nil || len(values) != 1 || values[0].MetricName != "ray-train-gpu" {
				t.Fatal(values, err)
			}
			if values[0].MetricValue != int64(workers)*1_000_000 || values[0].MetricValueFloat != float64(values[0].MetricValue) {
				t.Errorf("metric %v for %d workers", values[0], workers)
			}
			if isActive != (workers > 0) {
				t.Errorf("IsActive %v for %d workers", isActive, workers)
			}
			wantHeard(t, specs, fmt.Sprint("0:", f.target(ref("gpu"))-keda.Scale))
			if isActive == (active.String() != "0:true") && active.String() != "" { // empty: an activation is under way
				t.Errorf("StreamIsActive %q, IsActive %v", active, isActive)
			}
		}
	})
}

// TestBelow: it is known when KEDA was last told of fewer workers than there are
// to be now.
func TestBelow(t *testing.T) {
	virtual(t, func(f *fixture) {
		begin := time.Now()
		for i, step := range []struct {
			targets string
			ask     bool
			workers int
			want    int // second; -1: never
		}{
			{"cpu=7/7 gpu=1/1", false, 2, -1},
			{"cpu=7/7 gpu=1/1", true, 1, -1},
			{"cpu=7/7 gpu=1/1", true, 5, 2},
			{"cpu=7/7 gpu=5/1", false, 5, 2},
			{"cpu=7/7 gpu=5/1", true, 5, 2},
			{"cpu=7/7 gpu=5/5", true, 5, 2},
			{"cpu=7/7 gpu=9/5", false, 9, 5},
			{"cpu=7/7 gpu=3/5", true, 9, 7},
		} {
			f.publish(step.targets)
			if step.ask {
				if _, err := f.metrics(ref("gpu")); err != nil {
					t.Fatal(err)
				}
			}
			got := -1
			if at := f.Below(train, "gpu", step.workers); !at.IsZero() {
				got = int(at.Sub(begin) / time.Second)
			}
			if got != step.want {
				t.Errorf("step %d: fewer than %d were told at second %d, want %d", i, step.workers, got, step.want)
			}
			time.Sleep(time.Second)
		}
		if !f.Below(train, "cpu", 99).IsZero() {
			t.Error("nobody asked for cpu")
		}
	})
}

// hpaReplicas is GetExternalPerPodMetricReplicas of Kubernetes 1.37
// (pkg/controller/podautoscaler/replica_calculator.go) with tolerance 0, on
// quantities rounded to milli-units as KEDA rounds them
// (keda pkg/scalers/scaler.go, quantityFromFloat64).
func hpaReplicas(metric, target float64, current int) int {
	milli := func(f float64) int64 {
		n, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'f', 3, 64), 64)
		return int64(math.Round(n * 1000))
	}
	usage, perPod := milli(metric), milli(target)
	if ratio := float64(usage) / (float64(perPod) * float64(current)); ratio == 1 {
		return current
	}
	return int(math.Ceil(float64(usage) / float64(perPod)))
}

func TestMetricIsExact(t *testing.T) {
	for workers := range 5001 {
		for n := range uint64(16) {
			for _, current := range []int{0, 1, workers - 1, workers, workers + 1} {
				got := hpaReplicas(float64(keda.Metric(workers)), float64(keda.Target(n)), current)
				if got != workers {
					t.Fatalf("%d workers, target %d, current %d: HPA makes %d", workers, keda.Target(n), current, got)
				}
			}
		}
	}
	for n := range uint64(16) {
		if got := hpaReplicas(float64(keda.Metric(keda.MaxExact)), float64(keda.Target(n)), 1); got != keda.MaxExact {
			t.Errorf("MaxExact with target %d: HPA makes %d", keda.Target(n), got)
		}
	}
	if hpaReplicas(float64(keda.Metric(keda.MaxExact+1)), float64(keda.Target(15)), 1) == keda.MaxExact+1 {
		t.Error("MaxExact is too small")
	}
}

func TestMetricIsExactThroughTheWire(t *testing.T) {
	virtual(t, func(f *fixture) {
		for workers := range 5001 {
			f.publish(fmt.Sprintf("gpu=%d/%d", workers, workers/2))
			values, err := f.metrics(ref("gpu"))
			if err != nil {
				t.Fatal(err)
			}
			if got := hpaReplicas(values[0].MetricValueFloat, float64(f.target(ref("gpu"))), workers/2); got != workers {
				t.Fatalf("HPA makes %d of %d workers", got, workers)
			}
		}
	})
}

func TestUnknownIsUnavailable(t *testing.T) {
	known := func(f *fixture) { f.publish("gpu=3/3") }
	tests := map[string]struct {
		given func(f *fixture)
		ref   *pb.ScaledObjectRef
		want  string // part of the error; empty: it is known
	}{
		"nothing published":   {func(*fixture) {}, ref("gpu"), "ray cluster ml/train is unknown: nothing was decided yet"},
		"another cluster":     {known, ref("gpu", "rayCluster", "serve"), "ray cluster ml/serve is unknown: nothing was decided yet"},
		"another type":        {known, ref("cpu"), `ray cluster ml/train has no target for node type "cpu"`},
		"another namespace":   {known, &pb.ScaledObjectRef{Name: "x", Namespace: "prod", ScalerMetadata: ref("gpu").ScalerMetadata}, "ray cluster prod/train is unknown"},
		"known":               {known, ref("gpu"), ""},
		"ten seconds old":     {func(f *fixture) { known(f); time.Sleep(10 * time.Second) }, ref("gpu"), ""},
		"older":               {func(f *fixture) { known(f); time.Sleep(11 * time.Second) }, ref("gpu"), "the last decision is 11s old"},
		"old when published":  {func(f *fixture) { f.Publish(decide(t, time.Now().Add(-time.Minute), "gpu=3/3")) }, ref("gpu"), "the last decision is 1m0s old"},
		"confirmed":           {func(f *fixture) { known(f); time.Sleep(11 * time.Second); known(f) }, ref("gpu"), ""},
		"published unknown":   {func(f *fixture) { known(f); f.unknown("the head's report is 6s old") }, ref("gpu"), "the head's report is 6s old"},
		"known again":         {func(f *fixture) { known(f); f.unknown("x"); known(f) }, ref("gpu"), ""},
		"unknown with values": {func(f *fixture) { d := decide(t, time.Now(), "gpu=3/3"); d.Unknown = "y"; f.Publish(d) }, ref("gpu"), "y"},
		"a type that is gone": {func(f *fixture) { known(f); f.publish("cpu=1/1") }, ref("gpu"), "has no target"},
		"a negative target":   {func(f *fixture) { f.publish("gpu=-1/0") }, ref("gpu"), "has no target"},
		"forgotten":           {func(f *fixture) { known(f); f.Forget(train) }, ref("gpu"), "nothing was decided yet"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(f *fixture) {
				tc.given(f)
				code := codes.Unavailable
				if tc.want == "" {
					code = codes.OK
				}
				active, err := f.isActive(tc.ref)
				wantCode(t, "IsActive", err, code, tc.want)
				values, err := f.metrics(tc.ref)
				wantCode(t, "GetMetrics", err, code, tc.want)
				if active != (tc.want == "") || len(values) > 0 != (tc.want == "") {
					t.Errorf("IsActive %v, metrics %v", active, values)
				}
				if _, err := f.client.GetMetricSpec(f.Context(), tc.ref); err != nil {
					t.Errorf("GetMetricSpec: %v", err)
				}
			})
		})
	}
}

// unknown publishes a decision without anything known.
func (f *fixture) unknown(why string) {
	f.Publish(&scaler.Decision{Cluster: train, At: time.Now(), Unknown: why})
}

func TestBadMetadataIsInvalidArgument(t *testing.T) {
	tests := map[string]struct {
		ref  *pb.ScaledObjectRef
		want string
	}{
		"no reference": {nil, "no namespace"},
		"no namespace": {&pb.ScaledObjectRef{ScalerMetadata: ref("gpu").ScalerMetadata}, "no namespace"},
		"no metadata":  {&pb.ScaledObjectRef{Namespace: "ml"}, `"rayCluster": is required`},
		"no type":      {ref("gpu", "nodeType", ""), `"nodeType": is required`},
		"foreign":      {ref("gpu", "rayCluster", "prod/train"), `"rayCluster": must be`},
		"resources":    {ref("gpu", "resources", "[1]"), `"resources": must be a JSON object of name → amount (got "[1]")`},
		"misspelt":     {ref("gpu", "Priority", "1"), `"Priority": is unknown, did you mean "priority"?`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(f *fixture) {
				f.publish("gpu=3/3")
				_, err := f.isActive(tc.ref)
				wantCode(t, "IsActive", err, codes.InvalidArgument, tc.want)
				_, err = f.metrics(tc.ref)
				wantCode(t, "GetMetrics", err, codes.InvalidArgument, tc.want)
				_, err = f.client.GetMetricSpec(f.Context(), tc.ref)
				wantCode(t, "GetMetricSpec", err, codes.InvalidArgument, tc.want)
				wantCode(t, "StreamIsActive", f.listenActive(tc.ref).end(), codes.InvalidArgument, tc.want)
				wantCode(t, "StreamMetricSpec", f.listenSpec(tc.ref).end(), codes.InvalidArgument, tc.want)
			})
		})
	}
}

func TestMetricName(t *testing.T) {
	for _, tc := range []struct{ cluster, nodeType, want string }{
		{"train", "gpu", "ray-train-gpu"},
		{"train", "ray.worker_H100", "ray-train-ray-worker-h100"},
		{"ä", "b/c?d", "ray---b-c-d"},
	} {
		if got := keda.MetricName(nodetypes.Trigger{Cluster: tc.cluster, NodeType: tc.nodeType}); got != tc.want {
			t.Errorf("%q, %q: %q, want %q", tc.cluster, tc.nodeType, got, tc.want)
		}
	}
}

func TestPublishDuringCalls(t *testing.T) {
	f := serve(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 2000 {
			f.publish(fmt.Sprintf("gpu=%d/%d", i%7, i%5))
		}
	}()
	for range 300 {
		if _, err := f.isActive(ref("gpu")); err != nil && status.Code(err) != codes.Unavailable {
			t.Fatal(err)
		}
		if _, err := f.metrics(ref("gpu")); err != nil && status.Code(err) != codes.Unavailable {
			t.Fatal(err)
		}
		f.target(ref("gpu"))
	}
	<-done
}
