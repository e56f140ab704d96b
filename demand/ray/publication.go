package ray

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/ray/gcspb"
)

// publication is what an agent says: the newest of each part, sent whenever a
// part changes and at least once a beat.
type publication struct {
	agent       *Agent
	incarnation uint64

	mu       sync.Mutex
	addr     string // of the raylet
	sequence uint64
	rayletAt time.Time // when the raylet answered last
	gcsAt    time.Time // when the GCS answered last
	report   demand.Report
	changed  bool // since it was sent
	sent     time.Time
	failing  string
}

// begin starts to speak for a node.
func (p *publication) begin(n *gcspb.GcsNodeInfo) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.report = demand.Report{
		NodeID: nodeID(n), Incarnation: p.incarnation, InstanceID: n.GetInstanceId(), NodeType: n.GetNodeTypeName(),
		AgentVersion: p.agent.Version,
	}
	p.addr, p.sent = Address(n), time.Time{}
}

// node is whom it speaks for, and where its raylet is.
func (p *publication) node() (id, addr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.report.NodeID, p.addr
}

func (p *publication) setRaylet(l *demand.RayletLoad) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changed = p.changed || !l.Same(p.report.Raylet)
	p.report.Raylet, p.rayletAt = l, p.agent.Now()
	if p.due() {
		p.publish()
	}
}

func (p *publication) setCluster(s *demand.ClusterState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changed = p.changed || s != nil && !s.Same(p.report.Cluster)
	p.report.Cluster, p.gcsAt = s, p.agent.Now()
	if p.due() {
		p.publish()
	}
}

// refresh publishes while nothing changes and no poll returns.
func (p *publication) refresh(ctx context.Context) {
	t := time.NewTicker(headRefresh)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			p.mu.Lock()
			if p.agent.Mode == Head && p.due() {
				p.publish()
			}
			p.mu.Unlock()
		}
	}
}

// due tells whether the last report is of an earlier beat, or is not true any
// more. A head, where two polls find changes, waits for the next
// poll of either rather than speak twice in one interval.
func (p *publication) due() bool {
	beat := workerRefresh
	if p.agent.Mode != Worker {
		beat = headRefresh
	}
	now, r := p.agent.Now(), p.agent.rhythm
	return p.sent.IsZero() || r.beat(now, beat) != r.beat(p.sent, beat) || p.changed && now.Sub(p.sent) >= pollInterval*9/10
}

// publish sends a full snapshot: never the GCS's part without its raylet's,
// which would read as "this cluster's raylets have no agents", and nothing that
// is old as if it were new. The caller holds the lock.
func (p *publication) publish() {
	now, r := p.agent.Now(), p.report
	if now.Sub(p.rayletAt) > callTimeout {
		r.Raylet = nil
	}
	if now.Sub(p.gcsAt) > gcsFresh {
		r.Cluster = nil
	}
	if r.Raylet == nil && (p.agent.Mode != GCSOnly || r.Cluster == nil) {
		return
	}
	p.sequence++
	p.sent, p.changed = now, false
	r.Sequence = p.sequence
	p.note(p.agent.Bus.Publish(&r))
}

// gcsFresh is how old the GCS's last answer may be to be sent again while it
// does not answer.
const gcsFresh = 2 * time.Second

// trouble logs an error once, until it changes.
func (p *publication) trouble(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.note(err)
}

func (p *publication) note(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != p.failing && err != nil {
		level := slog.LevelWarn
		if errors.Is(err, ErrNoNode) {
			level = slog.LevelDebug // Ray is starting
		}
		p.agent.Log.Log(context.Background(), level, "not publishing", "error", err)
	}
	p.failing = text
}
