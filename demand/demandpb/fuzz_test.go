package demandpb_test

import (
	"testing"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/demandpb"
)

// again encodes what was decoded, and decodes and encodes that: nothing may be
// lost or added on the way. Bytes are compared, as nothing and empty are one.
func again[V any](t *testing.T, v V, marshal func(V) ([]byte, error), unmarshal func([]byte) (V, error)) {
	t.Helper()
	b, err := marshal(v)
	if err != nil {
		t.Fatalf("what was decoded does not encode: %v", err)
	}
	w, err := unmarshal(b)
	if err != nil {
		t.Fatalf("what was encoded does not decode: %v", err)
	}
	c, err := marshal(w)
	if err != nil || string(b) != string(c) {
		t.Fatalf("got %+v (%v)\nwant %+v", w, err, v)
	}
}

func seed[V any](f *testing.F, marshal func(V) ([]byte, error), values ...V) {
	f.Helper()
	f.Add([]byte(nil))
	f.Add([]byte("\x0a\x05x"))
	for _, v := range values {
		b, err := marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
}

func FuzzReport(f *testing.F) {
	worker, gcs := full(), full()
	worker.Cluster, gcs.Raylet = nil, nil
	seed(f, demandpb.MarshalReport, full(), worker, gcs)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := demandpb.UnmarshalReport(b)
		if err != nil {
			return
		}
		if err := r.Check(); err != nil {
			t.Fatalf("what was decoded is no good report: %v", err)
		}
		again(t, r, demandpb.MarshalReport, demandpb.UnmarshalReport)
		again(t, r, demandpb.PackReport, demandpb.UnmarshalReport)
	})
}

func FuzzControl(f *testing.F) {
	seed(f, demandpb.MarshalControl, state(), demand.Control{Kind: demand.ControlDrain, NodeID: id, Reason: "idle"}, demand.Control{Kind: demand.ControlWithdraw})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := demandpb.UnmarshalControl(b)
		if err != nil {
			return
		}
		again(t, c, demandpb.MarshalControl, demandpb.UnmarshalControl)
	})
}

func FuzzControlReply(f *testing.F) {
	seed(f, demandpb.MarshalControlReply, demand.ControlReply{Accepted: true}, demand.ControlReply{Message: "The node is no longer idle."})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := demandpb.UnmarshalControlReply(b)
		if err != nil {
			return
		}
		again(t, r, demandpb.MarshalControlReply, demandpb.UnmarshalControlReply)
	})
}
