package record_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/demandpb"
	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/scaler"
	"github.com/rayburst/rayburst/scaler/record"
)

var (
	noon    = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	cluster = demand.Cluster{Namespace: "ml", Name: "train"}
)

// scene is a cluster that is told things and recorded.
type scene struct {
	*record.Writer
	t    *testing.T
	out  bytes.Buffer
	core *scaler.Core
	now  time.Time
	seq  uint64
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, core: scaler.NewCore(cluster, demand.DefaultWindows()), now: noon}
	s.Writer = record.NewWriter(&s.out, demandpb.MarshalReport)
	s.must(s.Begin(record.Header{Rayburst: "v1.2.3", Cluster: cluster, Start: noon, Windows: demand.DefaultWindows()}, nil))
	return s
}

func (s *scene) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// hear is the head's report with so many waiting tasks and these idle workers.
func (s *scene) hear(tasks int64, idle ...string) {
	s.seq++
	cpu := demand.MustResources(map[string]float64{"CPU": 4})
	id := strings.Repeat("0", demand.NodeIDDigits-1)
	r := &demand.Report{
		NodeID: id + "0", Incarnation: 1, Sequence: s.seq, Raylet: &demand.RayletLoad{},
		Cluster: &demand.ClusterState{Session: "s", Nodes: []*demand.Node{{ID: id + "0", InstanceID: "head", Type: "head", Head: true, Status: demand.NodeRunning}}},
	}
	if tasks > 0 {
		r.Raylet.Demand = []demand.QueuedDemand{{ResourceRequest: demand.ResourceRequest{Resources: cpu}, Queued: tasks}}
	}
	for i, name := range idle {
		r.Cluster.Nodes = append(r.Cluster.Nodes, &demand.Node{
			ID: id + string(rune('1'+i)), InstanceID: name, Type: "cpu", Status: demand.NodeIdle, Total: cpu, Available: cpu, Idle: time.Minute,
		})
	}
	wire, err := demandpb.MarshalReport(r)
	s.must(err)
	r, err = demandpb.UnmarshalReport(wire)
	s.must(err)
	s.core.Report(r, s.now)
	s.must(s.Write(record.Event{At: s.now, Report: r}))
}

func (s *scene) answer(worker string) {
	s.core.DrainAnswered(worker, true, "", s.now)
	s.must(s.Write(record.Event{At: s.now, Answer: &record.Answer{Worker: worker, Accepted: true}}))
}

func (s *scene) decide(after time.Duration, replicas int, workers ...scaler.Worker) *scaler.Decision {
	s.now = s.now.Add(after)
	idle := 10 * time.Second
	w := scaler.World{
		Now: s.now, Workers: workers, Settings: scaler.Settings{UpscalingSpeed: math.Inf(1), MaxWorkers: nodetypes.NoLimit, IdleTimeout: &idle},
		Types: []scaler.TypeState{{Replicas: replicas, NodeType: nodetypes.NodeType{Name: "cpu", Resources: demand.MustResources(map[string]float64{"CPU": 4}), MaxWorkers: 3}}},
	}
	d := s.core.Decide(w)
	s.must(s.Write(record.Event{At: s.now, Step: &record.Step{World: w, Decision: d}}))
	return d
}

const smallFile = "testdata/small.jsonl"

// small is a short recording with a line of every kind but a checkpoint.
func small(t *testing.T) []byte {
	t.Helper()
	s := newScene(t)
	s.decide(0, 0)
	s.hear(2)
	s.decide(0, 0)
	s.decide(301*time.Millisecond, 0)
	one, two := scaler.Worker{Name: "cpu-1", Type: "cpu"}, scaler.Worker{Name: "cpu-2", Type: "cpu"}
	s.decide(time.Millisecond, 2, one, two)
	one.Started, one.StartedAt = true, s.now
	s.decide(time.Millisecond, 2, one, two)
	s.now = s.now.Add(2500 * time.Millisecond)
	s.hear(0, "cpu-1", "cpu-2")
	two.Started = true
	if d := s.decide(0, 2, one, two); len(d.Drain) != 2 {
		t.Fatalf("drain %v, want both workers", d.Drain)
	}
	s.answer("cpu-1")
	one.Drained, one.Marked = true, true
	s.decide(time.Millisecond, 2, one, two)
	s.must(s.End(record.EndScaler))
	return s.out.Bytes()
}

// TestFormat holds the format, which recordings that exist have: change it, and
// nobody can read them. The file is rewritten with the recordings.
func TestFormat(t *testing.T) {
	got := small(t)
	if *record.Rewrite {
		if err := os.WriteFile(smallFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(smallFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
	if n, err := play(want); err != nil || n != 7 {
		t.Errorf("%d decisions are the same, want 7: %v", n, err)
	}
}

func play(file []byte) (decisions int, err error) {
	p, err := record.Open(bytes.NewReader(file), demandpb.UnmarshalReport)
	for err == nil {
		if _, err = p.Next(); err == nil {
			decisions++
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return decisions, err
}

// fill gives every field of a struct a value that is not its zero.
func fill(v reflect.Value, n *int64) {
	*n++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(noon.Add(time.Duration(*n))))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"zone": "a"}))
	case reflect.String:
		v.SetString(string(rune('a' + *n%26)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(0.5)
	default:
		v.SetInt(*n)
	}
}

// TestWorldsAreWhole: all that a world tells the core is recorded, and is the
// same when it is read.
func TestWorldsAreWhole(t *testing.T) {
	var w scaler.World
	n := int64(0)
	for _, part := range []any{&w.Types, &w.Settings, &w.Workers} {
		fill(reflect.ValueOf(part).Elem(), &n)
	}
	for i := range w.Types { // what the reader asks of one
		w.Types[i].Name = string(rune('a' + i))
		w.Types[i].MaxWorkers = 1000
		w.Types[i].Resources = demand.MustResources(map[string]float64{"CPU": 0.5, "GPU": 1, "nothing": 0})
	}
	w.Settings.Head.Resources = demand.Resources{}
	w.Workers[1].StartedAt = time.Time{}
	if fields := reflect.TypeFor[scaler.World]().NumField(); fields != 6 { // with Now, Snapshot and Unknown
		t.Errorf("a world has %d fields: record the new one", fields)
	}
	got, err := record.WorldAgain(w)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w, got); diff != "" {
		t.Errorf("(-told +read):\n%s", diff)
	}
}

// lines is the small recording with a line changed: old becomes changed.
func lines(t *testing.T, old, changed string) []byte {
	t.Helper()
	file, err := os.ReadFile(smallFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(file, []byte(old)) {
		t.Fatalf("the small recording has no %s", old)
	}
	return bytes.Replace(file, []byte(old), []byte(changed), 1)
}

// TestBadRecordings: what is wrong is refused, and the error names the line, the
// key, the rule and the value.
func TestBadRecordings(t *testing.T) {
	for name, tt := range map[string]struct {
		old, changed string
		wants        []string
	}{
		"another format":   {`"rayburst-recording"`, `"x"`, []string{"line 1: ", "header.format", "must be rayburst-recording", `"x"`}},
		"another version":  {`"version":1`, `"version":2`, []string{"line 1: ", "header.version", "must be 1", "got 2"}},
		"nobody's name":    {`"namespace":"ml"`, `"namespace":"a.b"`, []string{"line 1: ", "namespace", "without blanks, dots", `"a.b"`}},
		"its start":        {`"start":"2026`, `"start":"0026`, []string{"line 1: ", "header.start", "within 2000…2200", `"0026-`}},
		"a moment":         {`{"at":"2026-01-02T12:00:00Z","n":1`, `{"at":"noon","n":1`, []string{"line 2: ", "at: ", "must be a time", `"noon"`}},
		"another type":     {`"n":1,`, `"n":"one",`, []string{"line 2: ", "n: ", "must be of another type (int)", "string"}},
		"an unknown field": {`"n":1,`, `"m":1,`, []string{"line 2: ", "m: ", "is not a known field"}},
		"two kinds":        {`"n":1,`, `"n":1,"end":"x",`, []string{"line 2: ", "must have one of header, checkpoint", "got 2"}},
		"no kind":          {`"n":1,`, ``, []string{"line 2: ", "must have one of header", "got 0"}},
		"the count":        {`"n":4`, `"n":5`, []string{"line 6: ", "n: ", "must be 4", "got 5"}},
		"not JSON":         {`{"at":`, `{at:`, []string{"line 2: ", "must be a JSON object", "invalid character 'a'"}},
		"two objects":      {`{"end"`, `{} {"end"`, []string{"must be one JSON object"}},
		"a second header":  {`{"end":"the scaler has ended"}`, `{"header":{}}`, []string{"at: ", "must be a time"}},
		"after the end":    {`ended"}`, "ended\"}\n{}", []string{"end: ", "must be the last line"}},
		"not base64":       {`"report":"`, `"report":"*`, []string{"line 3: ", "report: ", "must be base64", "byte 0"}},
		"a report's node":  {`"report":"Cjgw`, `"report":"CjgA`, []string{"line 3: ", "report: ", "node_id", "must be 56 lower-case hex digits"}},
		"no report":        {`"report":"`, `"report":"AAAA`, []string{"line 3: ", "report: ", "must be a rayburst.v1.Report"}},
		"a type's maximum": {`"maxWorkers":3`, `"maxWorkers":3000000`, []string{"line 2: ", "world.types[0].maxWorkers", "must be at most 1000000", "got 3000000"}},
		"replicas":         {`"replicas":0`, `"replicas":-1`, []string{"line 2: ", "world.types[0].replicas", "must be within 0…1000000", "got -1"}},
		"a type's minimum": {`"minWorkers":0,"maxWorkers":3`, `"minWorkers":4,"maxWorkers":3`, []string{"line 2: ", "nodeTypes[0].minWorkers", "not be above maxWorkers", "4 > 3"}},
		"upscaling speed":  {`"upscalingSpeed":"inf"`, `"upscalingSpeed":-1`, []string{"line 2: ", "upscalingSpeed", "not be negative", "-1"}},
		"a word for speed": {`"upscalingSpeed":"inf"`, `"upscalingSpeed":"fast"`, []string{"line 2: ", "must be of another type", "string"}},
		"a setting":        {`"removalSettleNanoseconds"`, `"removalSettle"`, []string{"line 2: ", "removalSettle", "is not a known field"}},
		"a worker's name":  {`"workers":[{"name":"cpu-1","type":"cpu","started":true,"startedAt":"2026-01-02T12:00:00.302Z"},"cpu-2"]`, `"workers":["cpu-9"]`, []string{"line 7: ", "workers: ", "must name what was in the list before", `"cpu-9"`}},
		"workers' list":    {`"workers":[{"name":"cpu-1"`, `"workers":3,"x":[{"name":"cpu-1"`, []string{"workers", "must be a list", "got 3"}},
		"the settings":     {`"world":{"settings"`, `"world":{"setings"`, []string{"line 2: ", "setings", "is not a known field"}},
	} {
		_, err := play(lines(t, tt.old, tt.changed))
		if !errors.Is(err, record.ErrRecording) {
			t.Errorf("%s: %v, want %v", name, err, record.ErrRecording)
			continue
		}
		for _, want := range tt.wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %q", name, err, want)
			}
		}
	}
	for _, empty := range []string{"", "\n", "{}\n", `{"end":"x"}` + "\n"} {
		if _, err := play([]byte(empty)); !errors.Is(err, record.ErrRecording) || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%q: %v, want %v", empty, err, record.ErrRecording)
		}
	}
}

// endless is a line without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestLongLines: a line that is too long is refused before it is read whole, and
// is not written.
func TestLongLines(t *testing.T) {
	_, err := record.ReadLineOf(bufio.NewReader(endless{}), 1000)
	if !errors.Is(err, record.ErrRecording) || !strings.Contains(err.Error(), "must have at most 1000 bytes (got more)") {
		t.Errorf("read: %v", err)
	}
	w := record.NewWriter(io.Discard, nil)
	w.Limit(20)
	if err := w.End(strings.Repeat("x", 20)); !errors.Is(err, record.ErrRecording) || !strings.Contains(err.Error(), "must have at most 20 bytes (got 30)") {
		t.Errorf("written: %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

var errFull = errors.New("disk full")

// TestWriterFails as what it writes to does, and as reports are encoded.
func TestWriterFails(t *testing.T) {
	w := record.NewWriter(full{}, func(*demand.Report) ([]byte, error) { return nil, nil })
	if err := w.Begin(record.Header{}, nil); !errors.Is(err, errFull) {
		t.Errorf("Begin: %v", err)
	}
	if err := w.End("x"); !errors.Is(err, errFull) {
		t.Errorf("End: %v", err)
	}
	w = record.NewWriter(io.Discard, func(*demand.Report) ([]byte, error) { return nil, errFull })
	if err := w.Write(record.Event{At: noon, Report: &demand.Report{}}); !errors.Is(err, errFull) || !strings.Contains(err.Error(), "2026-01-02T12:00:00Z") {
		t.Errorf("Write: %v", err)
	}
}

// TestReaderFails as what it reads from does.
func TestReaderFails(t *testing.T) {
	file, err := os.ReadFile(smallFile)
	if err != nil {
		t.Fatal(err)
	}
	in := io.MultiReader(bytes.NewReader(file[:len(file)/2]), failing{})
	p, err := record.Open(in, demandpb.UnmarshalReport)
	for err == nil {
		_, err = p.Next()
	}
	if !errors.Is(err, errFull) {
		t.Errorf("%v, want %v", err, errFull)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errFull }
