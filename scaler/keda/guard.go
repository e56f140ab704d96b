package keda

import (
	"context"
	"runtime/debug"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// guardCall turns a panic of a handler into Internal: one bad request must not
// end what scales everybody.
func (s *Server) guardCall(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (_ any, err error) {
	defer s.recovered(info.FullMethod, &err)
	return handle(ctx, req)
}

// guardStream is guardCall for streams. It also ends them when the server
// stops, without error: any error grows KEDA's back-off
// (keda pkg/scalers/external_scaler.go, runStreamIsActive).
func (s *Server) guardStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) (err error) {
	defer s.recovered(info.FullMethod, &err)
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	defer context.AfterFunc(s.ending, cancel)()
	err = handle(srv, endable{stream, ctx})
	if s.ending.Err() != nil && status.Code(err) == codes.Canceled {
		return nil
	}
	return err
}

// endable is a stream whose context also ends with the server.
type endable struct {
	grpc.ServerStream
	ctx context.Context
}

// Context of the stream, or its end by the server.
func (e endable) Context() context.Context { return e.ctx }

func (s *Server) recovered(method string, err *error) {
	if p := recover(); p != nil {
		s.cfg.Log.Error("panic in a handler", "method", method, "panic", p, "stack", string(debug.Stack()))
		*err = status.Error(codes.Internal, "internal error")
	}
}
