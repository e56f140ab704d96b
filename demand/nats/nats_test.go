package nats

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/demandpb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var train = demand.Cluster{Namespace: "ml", Name: "train"}

const patience = 20 * time.Second

func embed(t *testing.T) *natsserver.Server {
	t.Helper()
	s, err := Embed()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(s) })
	return s
}

func stop(s *natsserver.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

func connect(t *testing.T, o Options) *natsgo.Conn {
	t.Helper()
	closed := make(chan struct{})
	conn, err := Connect(o)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetClosedHandler(func(*natsgo.Conn) { close(closed) })
	t.Cleanup(func() {
		conn.Close()
		<-closed
	})
	return conn
}

func subscribe(t *testing.T, conn *natsgo.Conn) *Subscriber {
	t.Helper()
	s, err := Subscribe(conn, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	return s
}

func report(node int, sequence uint64) *demand.Report {
	return &demand.Report{NodeID: fmt.Sprintf("%056x", node), Incarnation: 1, Sequence: sequence, Raylet: &demand.RayletLoad{}}
}

func publish(t *testing.T, p *Publisher, r *demand.Report) {
	t.Helper()
	if err := p.Publish(r); err != nil {
		t.Fatal(err)
	}
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not after %v: %s", patience, what)
		}
	}
}

// awaitReady waits until there is something to take.
func awaitReady(t *testing.T, s *Subscriber) {
	t.Helper()
	select {
	case <-s.Ready():
	case <-time.After(patience):
		t.Fatalf("not after %v: a report to take", patience)
	}
}

// taken is what a subscriber gives: node → sequence.
func taken(s *Subscriber, c demand.Cluster) string {
	var out []string
	for _, r := range s.Take()[c] {
		out = append(out, fmt.Sprintf("%s:%d", strings.TrimLeft(r.NodeID, "0"), r.Sequence))
	}
	return strings.Join(out, " ")
}

func TestNewestIsTaken(t *testing.T) {
	server := embed(t)
	conn := connect(t, Options{URL: server.ClientURL()})
	s := subscribe(t, conn)
	p, other := &Publisher{conn, train}, &Publisher{conn, demand.Cluster{Namespace: "dev", Name: "train"}}
	for _, n := range []uint64{1, 3, 3, 2} {
		publish(t, p, report(1, n))
	}
	publish(t, p, report(2, 1))
	publish(t, other, report(1, 9))
	eventually(t, "six reports", func() bool { return s.Stats().Reports == 6 })
	awaitReady(t, s)
	all := s.Take()
	if len(all) != 2 || len(all[train]) != 2 || all[train][0].Sequence != 3 || len(all[other.Cluster]) != 1 || all[other.Cluster][0].Sequence != 9 {
		t.Errorf("taken: %v", all)
	}
	if want := (Stats{Reports: 6, Replaced: 3}); s.Stats() != want {
		t.Errorf("got %+v, want %+v", s.Stats(), want)
	}
	if all := s.Take(); len(all) != 0 {
		t.Errorf("taken twice: %v", all)
	}
	publish(t, p, report(1, 4))
	awaitReady(t, s)
	if got := taken(s, train); got != "1:4" {
		t.Errorf("taken: %s", got)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestGathered: what says something new is taken with all of its cluster 10 ms
// later, what says nothing new after a beat.
func TestGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSubscriber(slog.New(slog.DiscardHandler))
		at := time.Now()
		told := func(want string, after time.Duration) {
			t.Helper()
			<-s.Ready()
			if got := taken(s, train); got != want || time.Since(at) != after {
				t.Errorf("taken %q after %v, want %q after %v", got, time.Since(at), want, after)
			}
			at = time.Now()
		}
		s.hold(received{train, report(1, 1), 1, true})
		s.hold(received{train, report(2, 1), 1, false})
		time.Sleep(gather / 2)
		s.hold(received{train, report(3, 1), 1, true})
		told("1:1 2:1 3:1", gather)
		s.hold(received{train, report(1, 2), 1, false})
		time.Sleep(beat / 2)
		s.hold(received{train, report(2, 2), 1, false})
		told("1:2 2:2", beat)
	})
}

// TestRepeats: to another cluster the same node's report is news.
func TestRepeats(t *testing.T) {
	server := embed(t)
	conn := connect(t, Options{URL: server.ClientURL()})
	s, p := subscribe(t, conn), &Publisher{conn, train}
	other := &Publisher{conn, demand.Cluster{Namespace: "dev", Name: "train"}}
	publish(t, p, report(1, 1))
	publish(t, p, report(1, 2))
	publish(t, other, report(1, 1))
	eventually(t, "three reports", func() bool { return s.Stats().Reports == 3 })
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.due || !s.boxes[other.Cluster].news {
		t.Errorf("of %v: %+v", other.Cluster, s.boxes[other.Cluster])
	}
}

// TestPoison: what is no report is counted, named in the log once, and dropped.
func TestPoison(t *testing.T) {
	server := embed(t)
	conn := connect(t, Options{URL: server.ClientURL()})
	var log lines
	s, err := Subscribe(conn, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	good, err := demandpb.MarshalReport(report(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	mine, his := reportSubject(train, report(1, 1).NodeID), reportSubject(train, report(2, 1).NodeID)
	for _, m := range []struct {
		subject string
		data    []byte
	}{
		{his, good}, {mine, []byte("garbage")}, {mine, nil}, {mine, good[:len(good)-1]}, {reportSubject(train, "head"), good}, {mine, good},
	} {
		if err := conn.Publish(m.subject, m.data); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "one report", func() bool { return s.Stats().Reports == 1 })
	if got := s.Stats(); got.Poison != 5 {
		t.Errorf("got %+v", got)
	}
	awaitReady(t, s)
	if got := taken(s, train); got != "1:1" {
		t.Errorf("taken: %s", got)
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "must be the subject's last token") || !strings.Contains(got, his) {
		t.Errorf("log: %s", got)
	}
}

// lines is a log that may be read while it is written.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestFlood: a hundred thousand messages that nobody takes are as many reports
// in memory as there are nodes.
func TestFlood(t *testing.T) {
	server := embed(t)
	conn, sender := connect(t, Options{URL: server.ClientURL()}), connect(t, Options{URL: server.ClientURL()})
	s, p := subscribe(t, conn), &Publisher{sender, train}
	const messages, nodes = 100_000, 50
	for i := range messages {
		publish(t, p, report(1+i%nodes, uint64(1+i/nodes)))
		if i%10_000 == 0 { // or the server cuts off a slow reader, rightly
			eventually(t, "half of them read", func() bool { return s.Stats().Reports >= uint64(i/2) })
		}
	}
	if err := sender.Flush(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all reports", func() bool { return s.Stats().Reports == messages })
	s.mu.Lock()
	held := s.held
	s.mu.Unlock()
	if held != nodes || s.Stats().Replaced != messages-nodes {
		t.Errorf("%d reports are held: %+v", held, s.Stats())
	}
	for _, r := range s.Take()[train] {
		if r.Sequence != messages/nodes {
			t.Errorf("node %s: report %d is not the newest", r.NodeID, r.Sequence)
		}
	}
}

// TestOverflow: however many node names somebody makes up, so many are held.
func TestOverflow(t *testing.T) {
	s := newSubscriber(slog.New(slog.DiscardHandler))
	for i := range maxHeld + 10 {
		s.hold(received{train, report(i, 1), 1, true})
	}
	if got := s.Stats(); got.Overflow != 10 || s.held != maxHeld {
		t.Errorf("%d are held: %+v", s.held, got)
	}
	if n := len(s.Take()[train]); n != maxHeld {
		t.Errorf("%d were taken", n)
	}
	s.hold(received{train, report(1, 1), 1, true})
	if n := len(s.Take()[train]); n != 1 {
		t.Errorf("after it %d were taken", n)
	}
}

// TestOverflowInBytes: a few long reports fill as much as many short ones.
func TestOverflowInBytes(t *testing.T) {
	s := newSubscriber(slog.New(slog.DiscardHandler))
	for _, r := range []received{
		{train, report(1, 1), maxHeldBytes, true}, {train, report(2, 1), 1, true}, {train, report(1, 2), maxHeldBytes - 1, true},
		{train, report(3, 1), 1, true},
	} {
		s.hold(r)
	}
	if got := s.Stats(); got.Overflow != 1 || s.held != 2 || s.size != maxHeldBytes {
		t.Errorf("%d are held, %d bytes: %+v", s.held, s.size, got)
	}
	if s.Take(); s.held != 0 || s.size != 0 {
		t.Errorf("afterwards %d are held, %d bytes", s.held, s.size)
	}
}

// TestServerComesBack: reports flow again at the same address, and what could
// not be sent meanwhile is never sent.
func TestServerComesBack(t *testing.T) {
	server := embed(t)
	o := Options{URL: server.ClientURL()}
	conn, sender := connect(t, o), connect(t, o)
	s, p := subscribe(t, conn), &Publisher{sender, train}
	publish(t, p, report(1, 1))
	awaitReady(t, s)
	if got := taken(s, train); got != "1:1" {
		t.Fatalf("taken: %s", got)
	}
	stop(server)
	eventually(t, "connections lost", func() bool { return !conn.IsConnected() && !sender.IsConnected() })
	if err := p.Publish(report(1, 2)); err == nil {
		t.Fatal("published without a server")
	}
	port := natsPort(t, o.URL)
	back, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	back.Start()
	defer stop(back)
	eventually(t, "connections back", func() bool { return conn.IsConnected() && sender.IsConnected() })
	if err := conn.Flush(); err != nil { // the server knows the subscription again
		t.Fatal(err)
	}
	publish(t, p, report(1, 3))
	awaitReady(t, s)
	if got, n := taken(s, train), s.Stats().Reports; got != "1:3" || n != 2 {
		t.Errorf("taken: %s of %d", got, n)
	}
}

func natsPort(t *testing.T, url string) int {
	t.Helper()
	var port int
	if _, err := fmt.Sscanf(url[strings.LastIndexByte(url, ':')+1:], "%d", &port); err != nil {
		t.Fatal(err)
	}
	return port
}

// TestNoServerYet: Connect does not wait for one.
func TestNoServerYet(t *testing.T) {
	server := embed(t)
	url := server.ClientURL()
	stop(server)
	conn := connect(t, Options{URL: url})
	if err := (&Publisher{conn, train}).Publish(report(1, 1)); err == nil {
		t.Error("published without a server")
	}
	for want, o := range map[string]Options{"connecting to NATS": {URL: url, Credentials: t.TempDir() + "/none.creds"}, `"nats://a b"`: {URL: "nats://a b"}} {
		if conn, err := Connect(o); err == nil {
			conn.Close()
			t.Errorf("%s: no error", want)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestInProcess(t *testing.T) {
	server := embed(t)
	conn := connect(t, Options{InProcess: server})
	s := subscribe(t, conn)
	publish(t, &Publisher{conn, train}, report(1, 1))
	awaitReady(t, s)
	if got := taken(s, train); got != "1:1" {
		t.Errorf("taken: %s", got)
	}
}

func TestReportTooLarge(t *testing.T) {
	server, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, NoSigs: true, NoLog: true, MaxPayload: 1000})
	if err != nil {
		t.Fatal(err)
	}
	server.Start()
	defer stop(server)
	if !server.ReadyForConnections(patience) {
		t.Fatal("not ready")
	}
	conn := connect(t, Options{URL: server.ClientURL()})
	s, p := subscribe(t, conn), &Publisher{conn, train}
	large := report(1, 1)
	large.InstanceID = strings.Repeat("x", 1001)
	if err := p.Publish(large); err == nil || !strings.Contains(err.Error(), "the NATS server takes at most 1000 (raise its max_payload)") {
		t.Errorf("got %v", err)
	}
	publish(t, p, report(1, 2)) // the connection lives
	awaitReady(t, s)
	if got := taken(s, train); got != "1:2" {
		t.Errorf("taken: %s", got)
	}
}

func TestControl(t *testing.T) {
	server := embed(t)
	agent, scaler := connect(t, Options{URL: server.ClientURL()}), connect(t, Options{URL: server.ClientURL()})
	node, ctx := report(1, 1).NodeID, t.Context()
	stop, err := (&Publisher{agent, train}).Serve(ctx, node, func(_ context.Context, c demand.Control) demand.ControlReply {
		return demand.ControlReply{Accepted: c.Reason == "idle", Message: "asked because " + c.Reason}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := agent.Flush(); err != nil {
		t.Fatal(err)
	}
	drain := demand.Control{Kind: demand.ControlDrain, NodeID: node, Reason: "idle"}
	control := Control{scaler}
	if got, err := control.Send(ctx, train, node, drain); err != nil || !got.Accepted || got.Message != "asked because idle" {
		t.Errorf("got %+v, %v", got, err)
	}
	// What does not decode is answered with the reason, and the handler is not asked.
	drain.NodeID = "0a"
	if got, err := control.Send(ctx, train, node, drain); err != nil || got.Accepted || !strings.Contains(got.Message, "node_id: must be 56 lower-case hex digits") {
		t.Errorf("got %+v, %v", got, err)
	}
	m, err := scaler.RequestWithContext(ctx, controlSubject(train, node), []byte("garbage"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := demandpb.UnmarshalControlReply(m.Data); err != nil || got.Accepted || !strings.Contains(got.Message, "must be a rayburst.v1.Control") {
		t.Errorf("got %+v, %v", got, err)
	}
	// Nobody listens for another node, another cluster, or after stop.
	stop()
	if err := agent.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cluster demand.Cluster
		node    string
	}{{train, Head}, {demand.Cluster{Namespace: "ml", Name: "serve"}, node}, {train, node}} {
		start := time.Now()
		_, err := control.Send(ctx, c.cluster, c.node, demand.Control{Kind: demand.ControlWithdraw})
		if !errors.Is(err, ErrNoAgent) || !strings.Contains(err.Error(), c.node) {
			t.Errorf("%v %s: got %v", c.cluster, c.node, err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
	}
}

// TestControlGivesUp: an agent that does not answer costs no longer than asked.
func TestControlGivesUp(t *testing.T) {
	server := embed(t)
	conn := connect(t, Options{URL: server.ClientURL()})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stop, err := (&Publisher{conn, train}).Serve(ctx, Head, func(ctx context.Context, _ demand.Control) demand.ControlReply {
		<-ctx.Done()
		return demand.ControlReply{}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	soon, done := context.WithTimeout(ctx, 50*time.Millisecond)
	defer done()
	if _, err := (Control{conn}).Send(soon, train, Head, demand.Control{Kind: demand.ControlState}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestSubject(t *testing.T) {
	c, node, err := parseReportSubject(reportSubject(train, "n1"))
	if c != train || node != "n1" || err != nil {
		t.Errorf("got %v, %s, %v", c, node, err)
	}
	for _, s := range []string{"", "rayburst.v1.ml.train.report", "rayburst.v1.ml.train.control.n1", "rayburst.v1.ml.train.report.n1.x"} {
		if _, _, err := parseReportSubject(s); !errors.Is(err, demand.ErrReport) {
			t.Errorf("%q: got %v", s, err)
		}
	}
}
