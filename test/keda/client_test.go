package keda_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	v2 "k8s.io/api/autoscaling/v2"

	"github.com/rayburst/rayburst/scaler"
	"github.com/rayburst/rayburst/scaler/keda"
)

func TestMetricsAndActivity(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	p := push(t, config(s.address))
	for _, workers := range []int{0, 1, 7, 0} {
		s.publish(workers, 1)
		values, active, err := p.GetMetricsAndActivity(t.Context(), name(spec(t, p)))
		if err != nil || len(values) != 1 {
			t.Fatal(values, err)
		}
		if active != (workers > 0) || values[0].Value.Value() != keda.Metric(workers) || values[0].MetricName != "s0-ray-train-gpu" {
			t.Errorf("%d workers: active %v, %v", workers, active, values[0])
		}
	}
}

// TestExact: HPA makes exactly as many replicas as there are to be workers, for
// every number to 5,000, whatever the replicas are and wherever the nudges
// stand.
func TestExact(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	p := push(t, config(s.address))
	seen := map[int64]bool{}
	for workers := range 5001 {
		s.publish(workers, max(0, workers-1))
		specs := spec(t, p)
		values, _, err := p.GetMetricsAndActivity(t.Context(), name(specs))
		if err != nil {
			t.Fatal(err)
		}
		usage, perPod := values[0].Value.MilliValue(), specs[0].External.Target.AverageValue.MilliValue()
		for _, current := range []int64{0, 1, int64(workers) - 1, int64(workers), int64(workers) + 1} {
			if got := hpaReplicas(usage, perPod, current); got != int64(workers) {
				t.Fatalf("%d workers, %d now: HPA makes %d", workers, current, got)
			}
		}
		seen[target(specs)] = true
	}
	if len(seen) != 16 {
		t.Errorf("targets %v", seen)
	}
}

// hpaReplicas is GetExternalPerPodMetricReplicas of Kubernetes 1.37
// (pkg/controller/podautoscaler/replica_calculator.go) with tolerance 0.
func hpaReplicas(usage, targetPerPod, current int64) int64 {
	if float64(usage)/(float64(targetPerPod)*float64(current)) == 1 {
		return current
	}
	return int64(math.Ceil(float64(usage) / float64(targetPerPod)))
}

func TestPush(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	s.publish(0, 0)
	p := push(t, config(s.address))
	active, specs := run(t.Context(), p)
	if next(t, "activity on opening", active) {
		t.Error("active on opening")
	}
	if got := next(t, "spec on opening", specs); target(got) != 0 {
		t.Errorf("spec on opening: %d", target(got))
	}
	start := time.Now()
	s.publish(5, 0)
	if !next(t, "edge up", active) {
		t.Error("inactive after the edge up")
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("the edge took %v", took)
	}
	s.publish(5, 1) // the first replica is seen: the nudge for the other four
	if got := next(t, "nudge", specs); target(got) != 1 {
		t.Errorf("after the first replica: %d", target(got))
	}
	s.publish(0, 5)
	if next(t, "edge down", active) {
		t.Error("active after the edge down")
	}
}

func TestGetMetricSpecIsTheLastStreamed(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	p := push(t, config(s.address))
	_, specs := run(t.Context(), p)
	same := func(when string, streamed []v2.MetricSpec) {
		t.Helper()
		if diff := cmp.Diff(streamed, spec(t, p)); diff != "" {
			t.Errorf("%s: streamed -, GetMetricSpec +\n%s", when, diff)
		}
	}
	same("while nothing is known", next(t, "spec on opening", specs))
	s.publish(1, 1)
	for workers := 2; workers < 40; workers++ {
		s.publish(workers, 1)
		same(fmt.Sprint(workers, " workers"), next(t, "nudge", specs))
	}
	last := spec(t, p)
	s.Publish(&scaler.Decision{Cluster: train, At: time.Now(), Unknown: "the head's report is 6s old"})
	same("while unknown", last)
}

func TestUnknownIsAnError(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	p := push(t, config(s.address))
	wantError := func(when, part string) {
		t.Helper()
		values, active, err := p.GetMetricsAndActivity(t.Context(), "s0-ray-train-gpu")
		if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v (active %v, %v), want Unavailable: …%s…", when, err, active, values, part)
		}
	}
	wantError("at first", "nothing was decided yet")
	s.Publish(&scaler.Decision{Cluster: train, At: time.Now(), Unknown: "the head's report is 6s old"})
	wantError("unknown", "the head's report is 6s old")
	s.Publish(&scaler.Decision{Cluster: train, At: time.Now().Add(-time.Hour), Targets: []scaler.Target{{Type: "gpu", Workers: 2}}})
	wantError("old", "the last decision is 1h0m0s old")
	s.Publish(&scaler.Decision{Cluster: train, At: time.Now(), Targets: []scaler.Target{{Type: "cpu", Workers: 2}}})
	wantError("another type", `no target for node type "gpu"`)
	s.publish(2, 2)
	if _, active, err := p.GetMetricsAndActivity(t.Context(), "s0-ray-train-gpu"); !active || err != nil {
		t.Errorf("known again: %v, %v", active, err)
	}
}

func TestBadMetadata(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	s.publish(2, 2)
	for _, tc := range []struct{ key, value, want string }{
		{"nodeType", "", `trigger metadata key "nodeType": is required`},
		{"resources", "8 CPUs", `trigger metadata key "resources": must be a JSON object of name → amount (got "8 CPUs")`},
		{"raycluster", "train", `trigger metadata key "raycluster": is unknown, did you mean "rayCluster"?`},
	} {
		p := push(t, config(s.address, tc.key, tc.value))
		_, _, err := p.GetMetricsAndActivity(t.Context(), "s0-any")
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s=%q: %v, want InvalidArgument: …%s…", tc.key, tc.value, err, tc.want)
		}
		if specs := p.GetMetricSpecForScaling(t.Context()); len(specs) != 0 { // KEDA makes no HPA then
			t.Errorf("%s=%q: specs %v", tc.key, tc.value, specs)
		}
	}
}

// TestStopKeepsTheBackOffSmall: KEDA retries a stream 2 s after its end and
// doubles that with each end that is not clean. Three restarts in a row must
// each be followed by new streams within that first delay.
func TestStopKeepsTheBackOffSmall(t *testing.T) {
	s := serve(t, "127.0.0.1:0")
	s.publish(1, 1)
	p := push(t, config(s.address))
	active, specs := run(t.Context(), p)
	next(t, "activity on opening", active)
	next(t, "spec on opening", specs)
	for i := range 3 {
		start := time.Now()
		s.stop()
		s = serve(t, s.address)
		s.publish(1, 1)
		next(t, "activity after a restart", active)
		next(t, "spec after a restart", specs)
		if took := time.Since(start); took > 3500*time.Millisecond {
			t.Errorf("restart %d: streams came back after %v", i, took)
		}
	}
}

// TestNoLeak: 500 of KEDA's scalers at once, each with both streams, leave no
// goroutine behind, neither in KEDA's client nor in our server.
func TestNoLeak(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s := serve(t, "127.0.0.1:0")
	s.publish(2, 2)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var opened, ended sync.WaitGroup
	for range 500 {
		p := push(t, config(s.address))
		opened.Add(1)
		ended.Go(func() {
			active, specs := run(ctx, p)
			<-active
			<-specs
			opened.Done()
			for range active { //nolint:revive // until Run has ended
			}
			for range specs { //nolint:revive // and the loop of specs
			}
			p.Close(context.Background())
		})
	}
	opened.Wait()
	for workers := range 20 {
		s.publish(workers, 1)
	}
	cancel()
	ended.Wait()
	s.stop()
}
