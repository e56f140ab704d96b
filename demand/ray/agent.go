package ray

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/ray/gcspb"
)

// Mode is what an agent stands beside.
type Mode int

// The modes of an agent.
const (
	Worker  Mode = iota // a worker's raylet
	Head                // the head's raylet and its GCS
	GCSOnly             // only the GCS's address: for clusters whose pods cannot be changed
)

// Bus carries an agent's reports away and control messages to it.
type Bus interface {
	Publish(*demand.Report) error
	Serve(ctx context.Context, node string, h func(context.Context, demand.Control) demand.ControlReply) (stop func(), err error)
}

// Agent reads one raylet, and on the head the GCS too, at 10 Hz, and publishes
// a full snapshot on every change and at least every two seconds (the head's
// every second), with the other agents of its cluster. It executes drains and
// reports decisions back to Ray.
type Agent struct {
	Mode       Mode
	Cluster    demand.Cluster
	GCSAddress string // host:port
	// InstanceID is RAY_CLOUD_INSTANCE_ID of the raylet to stand beside. A
	// head's agent may leave it empty: it takes the node that says it is head.
	InstanceID string
	// Since is when the worker was started: an older node is of a former life
	// of it, which the GCS has not found dead yet. The zero time is any.
	Since    time.Time
	Security Security
	Bus      Bus
	Version  string
	Now      func() time.Time
	Log      *slog.Logger
	// Drained is called when Ray has accepted a drain of this agent's own
	// node: from now on the worker must not start Ray again. May be nil.
	Drained func()
	// Found is called when the GCS lists this agent's node. May be nil.
	Found func()
	// Lost is called when the raylet that was found does not answer any more. May
	// be nil.
	Lost func()
	// HeadToken is the control token on which the head's agent is also asked.
	HeadToken string

	once   sync.Once
	dialed error
	gcs    *GCS
	rhythm rhythm
	pub    publication
}

// The agent's beats.
const (
	pollInterval  = 100 * time.Millisecond
	workerRefresh = 2 * time.Second
	headRefresh   = time.Second
	retryInterval = 200 * time.Millisecond
	// lostAfter is for how long a raylet may fail to answer before the GCS is
	// asked where it is now.
	lostAfter = time.Second
)

// Run reads and publishes until the context ends; it returns nil then. Ray
// need not be there yet, and may go and come back.
func (a *Agent) Run(ctx context.Context) error {
	if err := a.dial(); err != nil {
		return err
	}
	defer a.gcs.Close()
	a.rhythm = rhythmOf(a.Cluster)
	a.pub = publication{agent: a, incarnation: uint64(a.Now().UnixNano())}
	for ctx.Err() == nil {
		node, err := a.find(ctx)
		if err != nil {
			a.pub.trouble(err)
			pause(ctx, retryInterval)
			continue
		}
		if err := a.attend(ctx, node); err != nil && ctx.Err() == nil {
			a.Log.Info("raylet lost", "node", nodeID(node), "error", err)
		}
	}
	return nil
}

// dial makes the client of the GCS, once.
func (a *Agent) dial() error {
	a.once.Do(func() { a.gcs, a.dialed = DialGCS(a.GCSAddress, a.Security) })
	return a.dialed
}

// Reach fails while the GCS does not answer.
func (a *Agent) Reach(ctx context.Context) error {
	if err := a.dial(); err != nil {
		return err
	}
	_, err := a.gcs.AliveNodes(ctx)
	return err
}

func nodeID(n *gcspb.GcsNodeInfo) string { return hex.EncodeToString(n.GetNodeId()) }

// find asks the GCS which node this agent stands beside: of several alive ones
// with its instance id the newest, since a killed raylet is noticed late.
func (a *Agent) find(ctx context.Context) (*gcspb.GcsNodeInfo, error) {
	nodes, err := a.gcs.AliveNodes(ctx)
	if err != nil {
		return nil, err
	}
	var found *gcspb.GcsNodeInfo
	for _, n := range nodes {
		if a.mine(n) && (found == nil || n.GetStartTimeMs() > found.GetStartTimeMs()) {
			found = n
		}
	}
	if found == nil {
		return nil, fmt.Errorf("%w: instance %q (head: %v) among %d", ErrNoNode, a.InstanceID, a.Mode != Worker, len(nodes))
	}
	return found, nil
}

func (a *Agent) mine(n *gcspb.GcsNodeInfo) bool {
	if a.InstanceID == "" || a.Mode == GCSOnly {
		return a.Mode != Worker && n.GetIsHeadNode()
	}
	former := !a.Since.IsZero() && n.GetStartTimeMs() != 0 && time.UnixMilli(int64(n.GetStartTimeMs())).Before(a.Since)
	return n.GetInstanceId() == a.InstanceID && !former
}

// attend polls one node until it is lost or the context ends.
func (a *Agent) attend(ctx context.Context, info *gcspb.GcsNodeInfo) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop, err := a.listen(ctx, nodeID(info))
	if err != nil {
		return err
	}
	defer stop()
	a.Log.Info("raylet found", "node", nodeID(info), "instance", info.GetInstanceId(), "address", Address(info))
	a.pub.begin(info)
	if a.Found != nil {
		a.Found()
	}
	var wg sync.WaitGroup
	if a.Mode != GCSOnly {
		wg.Go(func() { cancel(a.pollRaylet(ctx, Address(info))) })
	}
	if a.Mode != Worker {
		wg.Go(func() { cancel(a.pollGCS(ctx)) })
	}
	wg.Go(func() { a.pub.refresh(ctx) })
	wg.Wait()
	if a.Lost != nil {
		a.Lost()
	}
	return context.Cause(ctx)
}

func (a *Agent) pollRaylet(ctx context.Context, addr string) error {
	raylet, err := DialRaylet(addr, a.Security)
	if err != nil {
		return err
	}
	defer raylet.Close()
	return a.poll(ctx, a.rhythm, func() error {
		load, err := raylet.Load(ctx)
		if err == nil {
			a.pub.setRaylet(load)
		}
		return err
	})
}

func (a *Agent) pollGCS(ctx context.Context) error {
	table := nodeTable{gcs: a.gcs}
	return a.poll(ctx, a.rhythm+rhythm(pollInterval/2), func() error { // not with the raylet: its news need not wait for it then
		state, err := a.gcs.ResourceState(ctx)
		if err != nil {
			a.pub.setCluster(nil)
			return err
		}
		rows, err := table.rows(ctx, state.GetNodeStates())
		if err != nil {
			return err
		}
		a.pub.setCluster(clusterState(state, rows))
		return nil
	})
}

// poll calls f at 10 Hz in a rhythm, more slowly if f is slow, until f has failed
// for a second.
func (a *Agent) poll(ctx context.Context, in rhythm, f func() error) error {
	failing := time.Time{}
	for ctx.Err() == nil {
		start := a.Now()
		err := f()
		end := a.Now()
		switch {
		case err == nil:
			failing = time.Time{}
		case failing.IsZero():
			failing = start
		case start.Sub(failing) > lostAfter:
			return err
		}
		rest := min(max(20*end.Sub(start)-pollInterval, 0), time.Second)
		pause(ctx, rest+in.next(end.Add(rest), pollInterval))
	}
	return ctx.Err()
}

// pause waits, or returns at once when the context has ended.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// listen serves the control messages of this agent's node, and the head's.
func (a *Agent) listen(ctx context.Context, node string) (func(), error) {
	stop, err := a.Bus.Serve(ctx, node, a.control)
	if err != nil || a.Mode == Worker {
		return stop, err
	}
	stopHead, err := a.Bus.Serve(ctx, a.HeadToken, a.control)
	if err != nil {
		stop()
		return nil, err
	}
	return func() { stop(); stopHead() }, nil
}

// errNotHead answers a decision that was sent to a worker's agent.
var errNotHead = errors.New("only the head's agent tells Ray a decision")

func (a *Agent) control(ctx context.Context, c demand.Control) demand.ControlReply {
	reply, err := a.execute(ctx, c)
	if err != nil {
		return demand.ControlReply{Message: err.Error()}
	}
	return reply
}

func (a *Agent) execute(ctx context.Context, c demand.Control) (demand.ControlReply, error) {
	switch c.Kind {
	case demand.ControlDrain:
		return a.drain(ctx, c)
	case demand.ControlState:
		return a.report(ctx, c.State)
	case demand.ControlWithdraw:
		return demand.ControlReply{Message: "Ray has been started"}, nil // an agent only listens once it has a raylet
	}
	return demand.ControlReply{}, fmt.Errorf("control kind %d is not known", c.Kind)
}

func (a *Agent) drain(ctx context.Context, c demand.Control) (demand.ControlReply, error) {
	reply, err := a.gcs.Drain(ctx, c.NodeID, IdleTermination, c.Reason, time.Time{})
	if err == nil && reply.Accepted && a.Drained != nil && a.mineIs(c.NodeID) {
		a.Drained()
	}
	a.Log.Info("drain asked", "node", c.NodeID, "accepted", reply.Accepted, "message", reply.Message, "error", err)
	return reply, err
}

func (a *Agent) mineIs(node string) bool {
	own, _ := a.pub.node()
	return own == node
}

// Preempt drains the agent's own node because its pod goes at a deadline, and
// waits until nothing runs on it, the raylet is gone, or the deadline. Finished
// work is lost by none of these; what still runs at the deadline is.
func (a *Agent) Preempt(ctx context.Context, deadline time.Time, message string) error {
	node, addr := a.pub.node()
	if node == "" {
		return nil // Ray has never been there
	}
	raylet, err := DialRaylet(addr, a.Security)
	if err != nil {
		return err
	}
	defer raylet.Close()
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	busy := func() bool { return ctx.Err() == nil && raylet.busy(ctx, addr) }
	err = a.preempt(ctx, node, deadline, message, busy)
	for busy() {
		pause(ctx, pollInterval)
	}
	return err
}

// preempt drains a node, however long the GCS does not answer: what runs must
// not end because the head is away.
func (a *Agent) preempt(ctx context.Context, node string, deadline time.Time, message string, busy func() bool) error {
	for {
		reply, err := a.gcs.Drain(ctx, node, Preemption, message, deadline)
		if err == nil {
			a.Log.Info("preemption drain", "node", node, "accepted", reply.Accepted, "message", reply.Message)
			return nil
		}
		a.Log.Warn("preemption drain failed", "node", node, "error", err)
		pause(ctx, time.Second)
		if !busy() {
			return err
		}
	}
}

func (a *Agent) report(ctx context.Context, s demand.AutoscalingState) (demand.ControlReply, error) {
	if a.Mode == Worker {
		return demand.ControlReply{}, errNotHead
	}
	if err := a.gcs.ReportState(ctx, s); err != nil {
		return demand.ControlReply{}, err
	}
	return demand.ControlReply{Accepted: true}, a.gcs.ReportConfig(ctx, s.NodeGroups)
}
