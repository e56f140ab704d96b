package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/scaler"
	"github.com/rayburst/rayburst/scaler/httpapi"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func decision(unknown string) *scaler.Decision {
	return &scaler.Decision{
		Cluster: demand.Cluster{Namespace: "ml", Name: "train"}, Seq: 7, At: noon, Unknown: unknown, Session: "session_1",
		Targets: []scaler.Target{{Type: "gpu", Workers: 3, Reason: scaler.ReasonTasks, Detail: "+1", Running: 2, Joining: 1, Max: 8}},
		Nodes:   scaler.Now([]scaler.NodeView{{Name: "gpu-1", NodeID: "ab", Type: "gpu", State: scaler.StateRunning, Keep: scaler.KeepBusy, Detail: "in use"}}),
		Plan:    scaler.Now(plan(unknown)),
		Waiting: []scaler.Waiting{{What: "{GPU: 1}", Count: 1, Why: scaler.WaitJoining, Detail: "on its way"}},
	}
}

func plan(unknown string) *nodetypes.Request {
	if unknown != "" {
		return nil
	}
	return &nodetypes.Request{NodeTypes: []nodetypes.NodeType{{Name: "gpu", MaxWorkers: 8}}, MaxWorkers: 9, ConserveGPUNodes: true}
}

func serve(t *testing.T, now time.Time, decisions ...*scaler.Decision) *httptest.Server {
	t.Helper()
	store := httpapi.NewStore()
	for _, d := range decisions {
		store.Publish(d)
	}
	s := httptest.NewServer(httpapi.Handler(httpapi.Config{
		Store: store, Now: func() time.Time { return now },
		Inbox:  func() httpapi.InboxStats { return httpapi.InboxStats{Reports: 5, Poison: 2} },
		Record: recording,
	}))
	t.Cleanup(s.Close)
	return s
}

// recording is two lines; its reader gets the first before the second is there.
func recording(_ context.Context, c demand.Cluster, out io.Writer) error {
	if c.Name == "busy" {
		return errors.New("there are 4 recordings already")
	}
	for _, line := range []string{"one\n", "two\n"} {
		if _, err := io.WriteString(out, line); err != nil {
			return err
		}
	}
	return errors.New("it ends early")
}

func get(t *testing.T, s *httptest.Server, path string) (int, string) {
	t.Helper()
	reply, err := s.Client().Get(s.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	b, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply.StatusCode, string(b)
}

func TestPaths(t *testing.T) {
	s := serve(t, noon.Add(time.Second), decision(""))
	for path, want := range map[string]struct {
		code int
		text string
	}{
		"/v1/clusters":                                 {200, `"namespace":"ml","name":"train","seq":7`},
		"/v1/clusters/ml/train":                        {200, `"reason":"Tasks"`},
		"/v1/clusters/ml/other":                        {404, `no decision for cluster "ml/other"`},
		"/v1/clusters/ml/train/explain":                {200, "1 × {GPU: 1} waits, because Joining"},
		"/v1/clusters/ml/train/explain?subject=gpu":    {200, "gpu: 3 workers, because Tasks: +1"},
		"/v1/clusters/ml/train/explain?subject=ab":     {200, "gpu-1 is running and stays, because Busy: in use"},
		"/v1/clusters/ml/train/explain?subject=nobody": {404, `"nobody" is neither a node type (gpu) nor a node (gpu-1)`},
		"/v1/clusters/ml/train/case":                   {200, `{"maxWorkers":9,"nodeTypes":[{"maxWorkers":8,"name":"gpu"}]}` + "\n"},
		"/v1/clusters/ml/other/case":                   {404, `no decision for cluster "ml/other"`},
		"/v1/clusters/ml/train/record":                 {200, "one\ntwo\n"},
		"/v1/clusters/ml/other/record":                 {404, `no decision for cluster "ml/other"`},
		"/healthz":                                     {200, "ok"},
		"/readyz":                                      {200, "ok"},
		"/v2/clusters":                                 {404, "not found"},
	} {
		code, text := get(t, s, path)
		if code != want.code || !strings.Contains(text, want.text) {
			t.Errorf("%s: %d %q, want %d with %q", path, code, text, want.code, want.text)
		}
	}
}

func TestHealth(t *testing.T) {
	for _, tc := range []struct {
		name         string
		age          time.Duration
		unknown      string
		alive, ready int
	}{
		{"known", time.Second, "", 200, 200},
		{"unknown: the loop turns, but it is not ready", time.Second, "the head has not reported yet", 200, 503},
		{"the loop does not turn", time.Minute, "", 503, 503},
	} {
		s := serve(t, noon.Add(tc.age), decision(tc.unknown))
		alive, _ := get(t, s, "/healthz")
		ready, _ := get(t, s, "/readyz")
		if alive != tc.alive || ready != tc.ready {
			t.Errorf("%s: healthz %d, readyz %d; want %d, %d", tc.name, alive, ready, tc.alive, tc.ready)
		}
	}
}

func TestMetrics(t *testing.T) {
	_, text := get(t, serve(t, noon, decision("")), "/metrics")
	for _, want := range []string{
		`rayburst_target_workers{cluster="train",namespace="ml",type="gpu"} 3`,
		`rayburst_target_reason{cluster="train",namespace="ml",reason="Tasks",type="gpu"} 1`,
		`rayburst_cluster_known{cluster="train",namespace="ml"} 1`,
		`rayburst_waiting_requests{cluster="train",namespace="ml",why="Joining"} 1`,
		`rayburst_reports_poison_total 2`,
		`autoscaler_active_nodes{NodeType="gpu",SessionName="session_1",cluster="train",namespace="ml"} 2`,
		`autoscaler_pending_nodes{NodeType="gpu",SessionName="session_1",cluster="train",namespace="ml"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %q", want)
		}
	}
	_, text = get(t, serve(t, noon, decision("stale")), "/metrics")
	if !strings.Contains(text, "rayburst_cluster_known{cluster=\"train\",namespace=\"ml\"} 0\n") || strings.Contains(text, "rayburst_running_workers{") {
		t.Error("an unknown state must show its targets, and no worker counts")
	}
}

// TestRoundTrip: what status and explain read is what was published.
func TestRoundTrip(t *testing.T) {
	_, text := get(t, serve(t, noon, decision("")), "/v1/clusters")
	var all []httpapi.ClusterDecision
	if err := json.Unmarshal([]byte(text), &all); err != nil || len(all) != 1 {
		t.Fatal(err, text)
	}
	if diff := cmp.Diff(decision("").Status(), all[0].Decode().Status()); diff != "" {
		t.Error(diff)
	}
}

func TestServeEndsCleanly(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- httpapi.Serve(ctx, l, http.NotFoundHandler()) }()
	if reply, err := http.Get("http://" + l.Addr().String()); err != nil {
		t.Error(err)
	} else {
		_ = reply.Body.Close()
	}
	stop()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("a clean stop ends with %v", err)
	}
}
