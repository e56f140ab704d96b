package nats

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/demandpb"
)

// maxHeld is how many nodes' reports are held for a reader at once; more are
// counted and dropped, so that nobody can fill our memory with node names.
const maxHeld = 200_000

// Received is a report with what the subject and our clock say of it.
type Received struct {
	Cluster demand.Cluster
	Report  *demand.Report
	At      time.Time
}

// Stats count what a subscriber has seen since it began.
type Stats struct {
	Reports  uint64 // well-formed
	Poison   uint64 // malformed: dropped
	Replaced uint64 // overtaken by a newer one of the same node before they were read
	Overflow uint64 // dropped, as too many nodes were held
}

// Subscriber keeps the newest report of every node until it is read: its
// memory is bounded by the number of nodes however many messages come in.
type Subscriber struct {
	now   func() time.Time
	log   *slog.Logger
	sub   *natsgo.Subscription
	ready chan struct{}

	mu    sync.Mutex
	held  map[string]int // subject → index in queue
	queue []Received     // in order of first arrival
	stats Stats
}

// Subscribe receives all clusters' reports until Close.
func Subscribe(conn *natsgo.Conn, now func() time.Time, log *slog.Logger) (*Subscriber, error) {
	s := &Subscriber{now: now, log: log, ready: make(chan struct{}, 1), held: map[string]int{}}
	sub, err := conn.Subscribe(allReports, s.receive)
	if err != nil {
		return nil, fmt.Errorf("subscribing to reports: %w", err)
	}
	if err := sub.SetPendingLimits(100_000, 256<<20); err != nil {
		return nil, fmt.Errorf("limiting pending reports: %w", err)
	}
	s.sub = sub
	return s, nil
}

// Close ends the subscription.
func (s *Subscriber) Close() error { return s.sub.Unsubscribe() }

// Ready gets a value when there is something to Take.
func (s *Subscriber) Ready() <-chan struct{} { return s.ready }

// Take returns the newest report of every node that has reported since the
// last call.
func (s *Subscriber) Take() []Received {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.queue
	s.queue = nil
	clear(s.held)
	return out
}

// Stats are the counts until now.
func (s *Subscriber) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

func (s *Subscriber) receive(m *natsgo.Msg) {
	r, err := s.decode(m)
	if err != nil {
		s.poison(m.Subject, err)
		return
	}
	s.hold(m.Subject, r)
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

func (s *Subscriber) decode(m *natsgo.Msg) (Received, error) {
	cluster, node, err := parseReportSubject(m.Subject)
	if err != nil {
		return Received{}, err
	}
	r, err := demandpb.UnmarshalReport(m.Data)
	if err != nil {
		return Received{}, err
	}
	if r.NodeID != node {
		return Received{}, fmt.Errorf("%w: node_id: must be the subject's last token %.80q (got %q)", demand.ErrReport, node, r.NodeID)
	}
	return Received{cluster, r, s.now()}, nil
}

func (s *Subscriber) hold(subject string, r Received) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Reports++
	if i, ok := s.held[subject]; ok {
		s.stats.Replaced++
		if r.Report.Newer(s.queue[i].Report) {
			s.queue[i] = r
		}
		return
	}
	if len(s.queue) >= maxHeld {
		s.stats.Overflow++
		return
	}
	s.held[subject] = len(s.queue)
	s.queue = append(s.queue, r)
}

// poison logs the first malformed message and then every thousandth.
func (s *Subscriber) poison(subject string, err error) {
	s.mu.Lock()
	s.stats.Poison++
	n := s.stats.Poison
	s.mu.Unlock()
	if n%1000 == 1 {
		s.log.Warn("report dropped", "subject", subject, "error", err, "dropped", n)
	}
}
