package ray

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/rayburst/rayburst/demand/ray/autoscalerpb"
	"github.com/rayburst/rayburst/demand/ray/gcspb"
	"github.com/rayburst/rayburst/demand/ray/nodepb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// call is what a fake was asked.
type call struct {
	method   string
	request  any
	token    []string
	deadline time.Duration // 0: none
}

// fake is a GCS, a raylet, or both, on a loopback port.
type fake struct {
	autoscalerpb.UnimplementedAutoscalerStateServiceServer
	nodepb.UnimplementedNodeManagerServiceServer

	addr *net.TCPAddr
	stop func()

	mu     sync.Mutex
	calls  []call
	hang   string // methods whose names contain it do not answer
	state  *autoscalerpb.ClusterResourceState
	nodes  *gcspb.GetAllNodeInfoReply
	load   *gcspb.ResourcesData
	refuse string // why a drain is not accepted
}

func start(t *testing.T) *fake {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{
		addr: l.Addr().(*net.TCPAddr), state: &autoscalerpb.ClusterResourceState{}, nodes: &gcspb.GetAllNodeInfoReply{}, load: &gcspb.ResourcesData{},
	}
	s := grpc.NewServer(grpc.UnaryInterceptor(f.record))
	autoscalerpb.RegisterAutoscalerStateServiceServer(s, f)
	gcspb.RegisterNodeInfoGcsServiceServer(s, table{fake: f})
	nodepb.RegisterNodeManagerServiceServer(s, f)
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Serve(l) })
	f.stop = func() {
		s.Stop()
		wg.Wait()
	}
	t.Cleanup(f.stop)
	return f
}

func (f *fake) record(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	c := call{method: info.FullMethod[strings.LastIndexByte(info.FullMethod, '/')+1:], request: req}
	if md, ok := metadata.FromIncomingContext(ctx); ok {
		c.token = md.Get("authorization")
	}
	if d, ok := ctx.Deadline(); ok {
		c.deadline = time.Until(d)
	}
	f.mu.Lock()
	f.calls = append(f.calls, c)
	hang := f.hang != "" && strings.Contains(c.method, f.hang)
	f.mu.Unlock()
	if hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	reply, err := next(ctx, req)
	if m, ok := reply.(proto.Message); ok && err == nil {
		return proto.Clone(m), nil // it is sent after the lock is gone
	}
	return reply, err
}

// change changes what a fake says.
func (f *fake) change(how func(*fake)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	how(f)
}

// asked are the calls of a method; of all with "".
func (f *fake) asked(method string) []call {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []call
	for _, c := range f.calls {
		if method == "" || c.method == method {
			out = append(out, c)
		}
	}
	return out
}

func (f *fake) GetClusterResourceState(context.Context, *autoscalerpb.GetClusterResourceStateRequest) (*autoscalerpb.GetClusterResourceStateReply, error) {
	f.state.ClusterResourceStateVersion++
	return &autoscalerpb.GetClusterResourceStateReply{ClusterResourceState: f.state}, nil
}

// table is the fake's node table: a service of its own, as it has a DrainNode,
// too.
type table struct {
	gcspb.UnimplementedNodeInfoGcsServiceServer
	fake *fake
}

func (f table) GetAllNodeInfo(context.Context, *gcspb.GetAllNodeInfoRequest) (*gcspb.GetAllNodeInfoReply, error) {
	return f.fake.nodes, nil
}

func (f *fake) GetResourceLoad(context.Context, *nodepb.GetResourceLoadRequest) (*nodepb.GetResourceLoadReply, error) {
	return &nodepb.GetResourceLoadReply{Resources: f.load}, nil
}

func (f *fake) DrainNode(_ context.Context, _ *autoscalerpb.DrainNodeRequest) (*autoscalerpb.DrainNodeReply, error) {
	return &autoscalerpb.DrainNodeReply{IsAccepted: f.refuse == "", RejectionReasonMessage: f.refuse}, nil
}

func (f *fake) ReportAutoscalingState(context.Context, *autoscalerpb.ReportAutoscalingStateRequest) (*autoscalerpb.ReportAutoscalingStateReply, error) {
	return &autoscalerpb.ReportAutoscalingStateReply{}, nil
}

func (f *fake) ReportClusterConfig(context.Context, *autoscalerpb.ReportClusterConfigRequest) (*autoscalerpb.ReportClusterConfigReply, error) {
	return &autoscalerpb.ReportClusterConfigReply{}, nil
}

// row is a node in the node table whose raylet is a fake.
func row(n byte, instance string, raylet *fake, started uint64) *gcspb.GcsNodeInfo {
	return &gcspb.GcsNodeInfo{
		NodeId: rawID(n), InstanceId: instance, NodeTypeName: "cpu", NodeManagerAddress: "127.0.0.1",
		NodeManagerPort: int32(raylet.addr.Port), StartTimeMs: started,
	}
}
