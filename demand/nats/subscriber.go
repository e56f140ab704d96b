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
	size    int  // as it came
	news    bool // it says more than that its node is still there
}

// Reports of a cluster that come within these times are handed on together: the
// agents of a cluster speak at about the same moment.
const (
	gather = 10 * time.Millisecond  // what says something new
	beat   = 250 * time.Millisecond // what says nothing new
)

// maxSpare is how many empty boxes are kept.
const maxSpare = 1000

// Stats count what a subscriber has seen since it began.
type Stats struct {
	Reports  uint64 // well-formed
	Poison   uint64 // malformed: dropped
	Replaced uint64 // overtaken by a newer one of the same node before they were read
	Overflow uint64 // dropped, as too many nodes or bytes were held
}

// Subscriber keeps the newest report of every node until it is read: its
// memory is bounded however many messages come in. What is news is to be read
// within 10 ms, the rest a few times a second.
type Subscriber struct {
	log   *slog.Logger
	sub   *natsgo.Subscription
	ready chan struct{}
	// decoder is used by receive alone, which NATS never calls twice at once.
	decoder demandpb.Decoder

	mu      sync.Mutex
	boxes   map[demand.Cluster]*box
	spare   []*box
	held    int  // reports in boxes
	size    int  // their bytes
	due     bool // all boxes are to be read, not only those with news
	waiting bool // until that is so
	hurried bool // until those with news are
	stats   Stats
}

// Subscribe receives all clusters' reports until Close.
func Subscribe(conn *natsgo.Conn, log *slog.Logger) (*Subscriber, error) {
	s := newSubscriber(log)
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

func newSubscriber(log *slog.Logger) *Subscriber {
	return &Subscriber{log: log, ready: make(chan struct{}, 1), boxes: map[demand.Cluster]*box{}}
}

// Close ends the subscription.
func (s *Subscriber) Close() error { return s.sub.Unsubscribe() }

// Ready gets a value when there is something to Take.
func (s *Subscriber) Ready() <-chan struct{} { return s.ready }

// Take returns, by cluster, the newest report of every node that has reported
// since the last call: of the clusters with news, and a few times a second of all.
func (s *Subscriber) Take() map[demand.Cluster][]*demand.Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[demand.Cluster][]*demand.Report{}
	for cluster, b := range s.boxes {
		if !b.news && !s.due {
			continue
		}
		s.held, s.size = s.held-len(b.reports), s.size-b.size
		out[cluster] = b.empty()
		delete(s.boxes, cluster)
		if len(s.spare) < maxSpare {
			s.spare = append(s.spare, b)
		}
	}
	s.due = false
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
	s.hold(r)
}

func (s *Subscriber) signal() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// await lets all boxes be read after a beat, and those with news before.
func (s *Subscriber) await(news bool) {
	after, waiting := beat, &s.waiting
	if news {
		after, waiting = gather, &s.hurried
	}
	if *waiting {
		return
	}
	*waiting = true
	time.AfterFunc(after, func() {
		s.mu.Lock()
		*waiting, s.due = false, s.due || !news
		s.mu.Unlock()
		s.signal()
	})
}

func (s *Subscriber) decode(m *natsgo.Msg) (received, error) {
	cluster, node, err := parseReportSubject(m.Subject)
	if err != nil {
		return received{}, err
	}
	r, repeats, err := s.decoder.From(cluster, m.Data)
	if err != nil {
		return received{}, err
	}
	if r.NodeID != node {
		return received{}, fmt.Errorf("%w: node_id: must be the subject's last token %.80q (got %q)", demand.ErrReport, node, r.NodeID)
	}
	return received{cluster, r, len(m.Data), !repeats}, nil
}

func (s *Subscriber) hold(r received) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Reports++
	b := s.box(r.cluster)
	if i, ok := b.at[r.report.NodeID]; ok {
		s.stats.Replaced++
		if !r.report.Newer(b.reports[i]) {
			return
		}
		s.size += r.size - b.sizes[i]
		b.replace(i, r)
	} else {
		if s.held >= maxHeld || s.size+r.size > maxHeldBytes {
			s.stats.Overflow++
			return
		}
		s.held, s.size = s.held+1, s.size+r.size
		b.add(r)
	}
	b.news = b.news || r.news
	s.await(b.news)
}

// box is a cluster's.
func (s *Subscriber) box(c demand.Cluster) *box {
	b := s.boxes[c]
	if b == nil {
		if n := len(s.spare); n > 0 {
			b, s.spare = s.spare[n-1], s.spare[:n-1]
		} else {
			b = &box{at: map[string]int{}}
		}
		s.boxes[c] = b
	}
	return b
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
