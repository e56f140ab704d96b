package nats

import (
	"fmt"
	"log/slog"
	"sync"

	natsgo "github.com/nats-io/nats.go"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/demandpb"
)

// What is held for a reader at once: so many nodes' reports, and so many bytes
// of them as they came. More are counted and dropped, so that nobody can fill
// our memory with node names or with long reports.
const (
	maxHeld      = 200_000
	maxHeldBytes = 256 << 20
)

// received is a report with what its subject says of it.
type received struct {
	cluster demand.Cluster
	report  *demand.Report
	size    int // as it came
}

// Stats count what a subscriber has seen since it began.
type Stats struct {
	Reports  uint64 // well-formed
	Poison   uint64 // malformed: dropped
	Replaced uint64 // overtaken by a newer one of the same node before they were read
	Overflow uint64 // dropped, as too many nodes or bytes were held
}

// Subscriber keeps the newest report of every node until it is read: its
// memory is bounded however many messages come in.
type Subscriber struct {
	log   *slog.Logger
	sub   *natsgo.Subscription
	ready chan struct{}
	// decoder is used by receive alone, which NATS never calls twice at once.
	decoder demandpb.Decoder

	mu    sync.Mutex
	held  map[string]int // subject → index in queue
	queue []received     // in order of first arrival
	size  int            // of queue
	stats Stats
}

// Subscribe receives all clusters' reports until Close.
func Subscribe(conn *natsgo.Conn, log *slog.Logger) (*Subscriber, error) {
	s := &Subscriber{log: log, ready: make(chan struct{}, 1), held: map[string]int{}}
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

// Take returns, by cluster, the newest report of every node that has reported
// since the last call.
func (s *Subscriber) Take() map[demand.Cluster][]*demand.Report {
	s.mu.Lock()
	queue := s.queue
	s.queue, s.size = nil, 0
	clear(s.held)
	s.mu.Unlock()
	out := map[demand.Cluster][]*demand.Report{}
	for _, r := range queue {
		out[r.cluster] = append(out[r.cluster], r.report)
	}
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

func (s *Subscriber) decode(m *natsgo.Msg) (received, error) {
	cluster, node, err := parseReportSubject(m.Subject)
	if err != nil {
		return received{}, err
	}
	r, err := s.decoder.Report(m.Data)
	if err != nil {
		return received{}, err
	}
	if r.NodeID != node {
		return received{}, fmt.Errorf("%w: node_id: must be the subject's last token %.80q (got %q)", demand.ErrReport, node, r.NodeID)
	}
	return received{cluster, r, len(m.Data)}, nil
}

func (s *Subscriber) hold(subject string, r received) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Reports++
	if i, ok := s.held[subject]; ok {
		s.stats.Replaced++
		if r.report.Newer(s.queue[i].report) {
			s.size += r.size - s.queue[i].size
			s.queue[i] = r
		}
		return
	}
	if len(s.queue) >= maxHeld || s.size+r.size > maxHeldBytes {
		s.stats.Overflow++
		return
	}
	s.held[subject] = len(s.queue)
	s.queue, s.size = append(s.queue, r), s.size+r.size
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
