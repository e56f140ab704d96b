package demandpb

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/s2"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/rayburst/rayburst/demand"
)

// twin decodes a report with the generated code alone.
func twin(b []byte) (*demand.Report, error) {
	var m Report
	if err := proto.Unmarshal(b, &m); err != nil {
		return nil, err
	}
	r := &demand.Report{
		NodeID: m.NodeId, Incarnation: m.Incarnation, Sequence: m.Sequence, InstanceID: m.InstanceId,
		NodeType: m.NodeType, AgentVersion: m.AgentVersion,
	}
	if len(m.ClusterSnappy) > 0 {
		state, err := snappy(m.ClusterSnappy)
		if err != nil || m.Cluster != nil {
			return nil, fmt.Errorf("cluster_snappy beside %v: %w", m.Cluster, err)
		}
		m.Cluster = state
	}
	if r.Cluster = clusterState(m.Cluster); r.Cluster != nil {
		for _, n := range m.Cluster.Nodes {
			r.Cluster.Nodes = append(r.Cluster.Nodes, twinNode(n))
		}
	}
	if l := m.Raylet; l != nil {
		r.Raylet = &demand.RayletLoad{
			Total: resources(l.Total), Available: resources(l.Available), Idle: millis(l.IdleMs), Draining: l.Draining, Truncated: l.Truncated,
		}
		for _, d := range l.Demand {
			r.Raylet.Demand = append(r.Raylet.Demand, demand.QueuedDemand{
				ResourceRequest: request(d.Request), Queued: count(d.Queued), Backlog: count(d.Backlog),
			})
		}
	}
	if err := r.Check(); err != nil {
		return nil, err
	}
	(&message{}).canonize(r)
	return r, nil
}

func twinNode(m *Node) *demand.Node {
	return &demand.Node{
		ID: m.GetNodeId(), InstanceID: m.GetInstanceId(), Type: m.GetNodeType(), Head: m.GetHead(),
		Status: demand.NodeStatus(m.GetStatus()), Total: resources(m.GetTotal()), Available: resources(m.GetAvailable()),
		Labels: demand.NewLabels(m.GetLabels()), Gangs: m.GetGangs(), Idle: millis(m.GetIdleMs()), Activity: m.GetActivity(),
		Address: m.GetAddress(), StartTime: m.GetStartTimeMs(),
	}
}

func snappy(b []byte) (*ClusterState, error) {
	if n, err := s2.DecodedLen(b); err != nil || n > MaxReportBytes {
		return nil, fmt.Errorf("%d bytes: %w", n, err)
	}
	state, err := s2.Decode(nil, b)
	if err != nil {
		return nil, err
	}
	var m ClusterState
	return &m, proto.Unmarshal(state, &m)
}

// likeTwin compares a decoder that remembers, one that does not, and the twin.
func likeTwin(t *testing.T, d *Decoder, b []byte) {
	t.Helper()
	want, fails := twin(b)
	for name, decode := range map[string]func([]byte) (*demand.Report, error){"new": UnmarshalReport, "used": d.Report, "used again": d.Report} {
		got, err := decode(b)
		if (err == nil) != (fails == nil) {
			t.Fatalf("%s decoder: %v; the twin: %v", name, err, fails)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err == nil && diff != "" {
			t.Fatalf("%s decoder (-twin +it):\n%s", name, diff)
		}
	}
}

const oneNode = "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"

// odd are messages that no agent of ours sends.
func odd(t testing.TB) map[string][]byte {
	t.Helper()
	encode := func(m *Report) []byte {
		m.NodeId, m.Incarnation, m.Sequence = oneNode, 1, 1
		return encoded(t, m)
	}
	one := encode(&Report{Raylet: &RayletLoad{
		Total: map[string]int64{"CPU": 40000, "b": 1}, IdleMs: 5,
		Demand: []*ResourceDemand{{Request: &ResourceRequest{Resources: map[string]int64{"CPU": 1}}, Queued: 2}, {Queued: 1}, {Request: &ResourceRequest{}, Backlog: 3}},
	}})
	two := encode(&Report{NodeType: "x", Raylet: &RayletLoad{Total: map[string]int64{"CPU": 5, "a": 2}, Draining: true}, Cluster: &ClusterState{Session: "s"}})
	three := encode(&Report{Cluster: &ClusterState{Pending: []*ResourceRequestByCount{{Count: 3, Request: &ResourceRequest{Resources: map[string]int64{"CPU": 1}}}}}})
	state := encoded(t, &ClusterState{Session: "s", Nodes: []*Node{
		{NodeId: oneNode, Status: NodeStatus_NODE_STATUS_IDLE, Labels: map[string]string{"a": "b", "c": ""}, Activity: []string{"x"}, Gangs: []string{"", "y"},
			Total: map[string]int64{"b": 2, "CPU": 1}, Available: map[string]int64{"CPU": 0}, Address: "10.0.0.1", StartTimeMs: 5, IdleMs: 3, Head: true},
		{NodeId: oneNode, Status: -1},
	}})
	packed := func(b []byte) []byte { return encode(&Report{ClusterSnappy: s2.EncodeSnappy(nil, b)}) }
	return map[string][]byte{
		"a packed cluster":            packed(state[:len(state)-13]),
		"a status that is unknown":    packed(state),
		"a packed cluster, empty":     packed(nil),
		"a packed cluster, not one":   packed([]byte{1, 2, 3}),
		"not packed":                  encode(&Report{ClusterSnappy: []byte{5, 1, 2, 3}}),
		"packed far too well":         encode(&Report{ClusterSnappy: binary.AppendUvarint(nil, 1<<32-1)}),
		"a cluster twice":             append(packed(nil), two...),
		"parts are merged":            append(append(append([]byte{}, one...), two...), three...),
		"a part is no message":        append(append([]byte{}, one...), 0x32, 1, 0x30, 0x32, 1, 5),
		"an unknown field":            append(append([]byte{}, one...), 0x7a, 1, 'x'),
		"a field of another type":     append(append([]byte{}, one...), 0x0d, 1, 2, 3, 4),
		"an unknown group":            append(append([]byte{}, one...), 0x7b, 0x7c),
		"a group without end":         append(append([]byte{}, one...), 0x7b),
		"an end without group":        append(append([]byte{}, one...), 0x7c),
		"field number 0":              append(append([]byte{}, one...), 0x00, 1),
		"a negative amount":           encode(&Report{Raylet: &RayletLoad{Total: map[string]int64{"CPU": -1}}}),
		"a count that is too large":   encode(&Report{Raylet: &RayletLoad{Demand: []*ResourceDemand{{Queued: 1 << 63}}}}),
		"an idle time beyond a clock": encode(&Report{Raylet: &RayletLoad{IdleMs: uint64(time.Duration(1<<63 - 1))}}),
	}
}

func TestDecoderLikeTwin(t *testing.T) {
	d := &Decoder{}
	for name, b := range odd(t) {
		t.Run(name, func(t *testing.T) { likeTwin(t, d, b) })
	}
	bad := []byte("\x22\x01\xff") // instance_id
	if _, err := d.Report(append(odd(t)["parts are merged"], bad...)); err == nil {
		t.Error("a name that is not UTF-8 was taken")
	}
}

// TestDecoderOfOneNode lets a node say its amounts, demand and flags in all orders,
// mostly as it did before. What has been returned must stay as it was.
func TestDecoderOfOneNode(t *testing.T) {
	pieces := make([][]byte, 0, 20)
	for _, l := range []*RayletLoad{
		{Total: map[string]int64{"CPU": 1}}, {Total: map[string]int64{"CPU": 2}}, {Total: map[string]int64{"a": 1}}, {Total: map[string]int64{"z": 3}},
		{Available: map[string]int64{"CPU": 1}}, {Available: map[string]int64{"a": 0}}, {Available: map[string]int64{"b": 2}},
		{Demand: []*ResourceDemand{{Queued: 2}}}, {Demand: []*ResourceDemand{{Request: &ResourceRequest{Resources: map[string]int64{"CPU": 1}}, Backlog: 3}}},
		{IdleMs: 5}, {Draining: true}, {Truncated: true},
	} {
		pieces = append(pieces, encoded(t, l))
	}
	head := encoded(t, &Report{NodeId: oneNode, Incarnation: 1, Sequence: 1})
	rng := rand.New(rand.NewPCG(1, 2))
	var d Decoder
	was := map[*demand.RayletLoad]string{}
	for range 5000 {
		i := rng.IntN(len(pieces))
		if j := rng.IntN(len(pieces)); rng.IntN(3) == 0 {
			pieces[i], pieces[j] = pieces[j], pieces[i]
		}
		said := slices.Concat(pieces[min(i, rng.IntN(3)) : i+1]...)
		b := protowire.AppendBytes(protowire.AppendTag(slices.Clone(head), 6, protowire.BytesType), said)
		likeTwin(t, &d, b)
		r, err := d.Report(b)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := was[r.Raylet]; !ok {
			was[r.Raylet] = fmt.Sprint(*r.Raylet)
		}
	}
	for l, text := range was {
		if fmt.Sprint(*l) != text {
			t.Fatalf("a load has become %v; it was %s", *l, text)
		}
	}
}

// TestDecoderOfHead lets a head say rows that mostly stand where they stood before,
// packed and not. What has been returned must stay as it was, and what has not
// changed is the very same.
func TestDecoderOfHead(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var d Decoder
	state, was := &ClusterState{Session: "s"}, map[*demand.Node]string{}
	last := &demand.ClusterState{}
	for i := range 3000 {
		changed := changeRows(rng, state)
		m := &Report{NodeId: oneNode, Incarnation: 1, Sequence: uint64(i + 1), Cluster: state, Raylet: &RayletLoad{}} //nolint:gosec // small
		packed := rng.IntN(2) > 0
		if packed {
			m.Cluster, m.ClusterSnappy = nil, s2.EncodeSnappy(nil, encoded(t, state))
		}
		b := encoded(t, m)
		likeTwin(t, &d, b)
		r, err := d.Report(b)
		if err != nil {
			t.Fatal(err)
		}
		for i, n := range r.Cluster.Nodes {
			if _, ok := was[n]; !ok {
				was[n] = fmt.Sprint(*n)
			}
			if !changed && n != last.Nodes[i] {
				t.Fatalf("row %d has not changed, and is another one", i)
			}
		}
		if _, repeats, err := d.From(demand.Cluster{}, b); err != nil || repeats != packed {
			t.Fatalf("packed %v: it repeats: %v, %v", packed, repeats, err)
		}
		last = r.Cluster
	}
	for n, text := range was {
		if fmt.Sprint(*n) != text {
			t.Fatalf("a row has become %v; it was %s", *n, text)
		}
	}
}

// changeRows changes some rows of a state, or none.
func changeRows(rng *rand.Rand, s *ClusterState) (changed bool) {
	row := func() *Node {
		return &Node{NodeId: fmt.Sprintf("%056x", rng.IntN(5)), Status: NodeStatus_NODE_STATUS_RUNNING, Available: map[string]int64{"CPU": rng.Int64N(3)}}
	}
	switch n := len(s.Nodes); rng.IntN(6) {
	case 0:
		s.Nodes = append(s.Nodes, row())
	case 1:
		s.Nodes = s.Nodes[:rng.IntN(n+1)]
	case 2:
		rng.Shuffle(n, func(i, j int) { s.Nodes[i], s.Nodes[j] = s.Nodes[j], s.Nodes[i] })
	case 3:
		if n > 0 {
			s.Nodes[rng.IntN(n)] = row()
		}
	case 4:
		s.Session += "s"[:rng.IntN(2)]
	default:
		return false
	}
	return true
}

func encoded(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestDecoderForgets: what is remembered is bounded.
func TestDecoderForgets(t *testing.T) {
	d := &Decoder{}
	name := make([]byte, 1000)
	for i := range 3 * maxRemembered / len(name) {
		copy(name, strconv.Itoa(i))
		b := encoded(t, &Report{NodeId: oneNode, Incarnation: 1, Sequence: 1, InstanceId: string(name), Raylet: &RayletLoad{}})
		if r, err := d.Report(b); err != nil || r.InstanceID != string(name) {
			t.Fatalf("report %d: %v", i, err)
		}
	}
	if d.size > maxRemembered+2*len(name) || len(d.names) > maxRemembered/len(name)+2 {
		t.Errorf("%d bytes of %d names are remembered", d.size, len(d.names))
	}
}

func FuzzDecoder(f *testing.F) {
	for _, b := range odd(f) {
		f.Add(b)
	}
	d := &Decoder{}
	f.Fuzz(func(t *testing.T, b []byte) { likeTwin(t, d, b) })
}
