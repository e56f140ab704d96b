package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/alecthomas/kong"
	"google.golang.org/grpc/credentials"
	"k8s.io/klog/v2"

	"github.com/rayburst/rayburst/cmd/clock"
	"github.com/rayburst/rayburst/cmd/footprint"
	"github.com/rayburst/rayburst/cmd/natsflags"
	"github.com/rayburst/rayburst/cmd/textlog"
	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/nats"
	"github.com/rayburst/rayburst/deploy/kube"
	"github.com/rayburst/rayburst/scaler"
	"github.com/rayburst/rayburst/scaler/httpapi"
	"github.com/rayburst/rayburst/scaler/keda"
	"github.com/rayburst/rayburst/scaler/loop"
)

// command is the external scaler beside KEDA.
type command struct {
	Version kong.VersionFlag `help:"Print the version and end."`
	natsflags.Flags
	tlsFlags
	Kubeconfig string   `type:"existingfile" env:"KUBECONFIG" help:"Kubernetes to work with; without it the one that this runs in."`
	Namespaces []string `env:"RAYBURST_NAMESPACES" help:"Namespaces with Ray clusters, separated by commas; none: all."`
	Service    string   `default:"rayburst" help:"Name of the Service by which triggers call this scaler."`
	GRPC       string   `name:"grpc-addr" default:":9090" help:"host:port for KEDA's external scaler service."`
	Addr       string   `default:"${addr}" help:"host:port for the HTTP API (status, explain, metrics)."`
	Lease      string   `help:"namespace/name of a Lease: of several scalers only its holder decides. Without it this one does."`
	Nudge      string   `default:"auto" enum:"auto,off" help:"Make KEDA and HPA follow a changed target at once (Kubernetes ≥ 1.37, KEDA ≥ 2.21): auto or off."`
	HeadStart  string   `default:"auto" enum:"auto,off" help:"Write a risen target to the Deployment at once, as KEDA and HPA will: auto or off."`
	Verbose    bool     `short:"v" help:"Log more."`
}

// pace is how long reports may wait to be read together.
const pace = 10 * time.Millisecond

// Run scales all clusters until the process is asked to end.
func (c *command) Run(ctx context.Context) error {
	if c.URL == "" {
		return errors.New("--nats-url: give the NATS server, e.g. nats://nats.keda:4222")
	}
	footprint.Reduce()
	footprint.OneCore()
	log := textlog.Server(c.Verbose)
	klog.SetSlogLogger(textlog.At(slog.LevelWarn))
	conn, err := c.Connect(nats.Options{Name: "rayburst scaler", Log: log, Pace: pace})
	if err != nil {
		return err
	}
	defer conn.Close()
	s := &service{command: c, log: log, now: clock.Steady(), agents: nats.Control{Conn: conn}, store: httpapi.NewStore(), nudges: httpapi.NewNudges()}
	if s.inbox, err = nats.Subscribe(conn, log); err != nil {
		return err
	}
	if s.kube, err = kube.Connect(ctx, c.Kubeconfig, "rayburst/"+version, log); err != nil {
		return err
	}
	return s.run(ctx)
}

// service is a running scaler.
type service struct {
	*command
	log     *slog.Logger
	now     func() time.Time
	begin   time.Time
	agents  nats.Control
	inbox   *nats.Subscriber
	kube    *kube.Access
	store   *httpapi.Store
	keda    *keda.Server
	source  *kube.Source
	runners loop.Runners
	nudges  httpapi.Nudges
	renewal *kube.Certificates // nil: the scaler keeps no certificates itself
	mu      sync.Mutex
	known   map[demand.Cluster]*kube.Cluster
}

func (s *service) run(ctx context.Context) error {
	s.begin = s.now()
	credentials, err := s.credentials(ctx)
	if err != nil {
		return err
	}
	s.keda, err = keda.New(keda.Config{
		Now: s.now, Log: s.log, Credentials: credentials, HPAHasTarget: s.hasTarget, NoNudge: s.Nudge == "off", Led: s.HeadStart == "auto",
		Nudged: func(stage keda.Stage, after time.Duration) { s.nudges.Observe(string(stage), after) },
	})
	if err != nil {
		return err
	}
	s.known = map[demand.Cluster]*kube.Cluster{}
	s.source = kube.NewSource(kube.Config{
		Client: s.kube.Client, Dynamic: s.kube.Dynamic, Namespaces: s.Namespaces, Service: s.Service, Events: s.kube.Events, Log: s.log,
	})
	listeners, err := s.listen()
	if err != nil {
		return err
	}
	return s.parts(ctx, listeners)
}

// credentials are those of KEDA's listener; nil: plaintext.
func (s *service) credentials(ctx context.Context) (credentials.TransportCredentials, error) {
	if s.Dir != "" {
		return fromFolder(s.Dir)
	}
	c, self, err := s.certificates(s.Service, s.kube)
	if err != nil || !self {
		return nil, err
	}
	c.Log = s.log
	s.renewal = kube.NewCertificates(c)
	return fromSecret(ctx, s.renewal)
}

func (s *service) listen() ([]net.Listener, error) {
	var out []net.Listener
	for _, a := range []struct{ addr, flag string }{{s.Addr, "--addr"}, {s.GRPC, "--grpc-addr"}} {
		l, err := net.Listen("tcp", a.addr)
		if err != nil {
			for _, open := range out {
				_ = open.Close() // nobody has used it
			}
			return nil, fmt.Errorf("%s: must be a free host:port of this machine (got %q): %w", a.flag, a.addr, err)
		}
		out = append(out, l)
	}
	return out, nil
}

// parts runs everything until the context or a part ends.
func (s *service) parts(ctx context.Context, listeners []net.Listener) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	api := httpapi.Handler(httpapi.Config{Store: s.store, Now: s.now, Inbox: s.inboxStats, Record: s.record, Nudges: s.nudges, WrongVictims: s.source.WrongVictims})
	parts := map[string]func(context.Context) error{
		"http":       func(ctx context.Context) error { return httpapi.Serve(ctx, listeners[0], api) },
		"grpc":       func(ctx context.Context) error { return s.keda.Serve(ctx, listeners[1]) },
		"kubernetes": s.source.Run,
		"scaler":     s.lead,
	}
	if s.renewal != nil {
		parts["certificates"] = s.renewal.Run
	}
	var wg sync.WaitGroup
	for name, f := range parts {
		wg.Go(func() {
			if err := f(ctx); err != nil {
				end(fmt.Errorf("%s: %w", name, err))
			}
		})
	}
	<-ctx.Done()
	wg.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// lead decides, once this scaler holds the Lease.
func (s *service) lead(ctx context.Context) error {
	if s.Lease == "" {
		return s.decide(ctx)
	}
	waiting, stop := context.WithCancel(ctx)
	var idle sync.WaitGroup
	idle.Go(func() { s.discard(waiting) })
	err := s.kube.Hold(ctx, s.Lease, func(ctx context.Context) error {
		stop()
		idle.Wait()
		return s.decide(ctx)
	})
	stop()
	idle.Wait()
	return err
}

// discard drops reports while another scaler decides, all but those of the last
// moments: they are what this one would begin with.
func (s *service) discard(ctx context.Context) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			s.inbox.Take()
		}
	}
}

// decide runs the clusters there are.
func (s *service) decide(ctx context.Context) error {
	s.keda.SetReady(true)
	defer s.keda.SetReady(false)
	var wg sync.WaitGroup
	wg.Go(func() { _ = loop.Dispatch(ctx, s.inbox, s.runners.Find) }) // ends with the context
	for {
		s.follow(ctx)
		select {
		case <-ctx.Done():
			wg.Wait()
			s.runners.Wait()
			return nil
		case <-s.source.Changed():
		}
	}
}

// follow starts runners of new clusters and stops those of others.
func (s *service) follow(ctx context.Context) {
	clusters := s.source.Clusters()
	s.mu.Lock()
	old := s.known
	s.known = clusters
	s.mu.Unlock()
	for name := range old {
		if clusters[name] == nil {
			s.runners.Stop(name)
			s.keda.Forget(name)
			s.store.Forget(name)
			s.log.Info("cluster gone", "cluster", name)
		}
	}
	for name, c := range clusters {
		if s.runners.Find(name) == nil {
			s.log.Info("cluster found", "cluster", name)
			s.attend(ctx, c)
		}
	}
}

// attend runs the decisions of one cluster.
func (s *service) attend(ctx context.Context, c *kube.Cluster) {
	actor := kube.NewActor(kube.ActorConfig{
		Cluster: c, Client: s.kube.Client, Events: s.kube.Events, HeadStart: s.HeadStart == "auto", Now: s.now, Log: s.log,
		Below: func(nodeType string, workers int) time.Time { return s.keda.Below(c.Name, nodeType, workers) },
	})
	runner := loop.New(loop.Config{
		Cluster: c.Name, Workers: c, Agents: s.agents, Head: nats.Head, Now: s.now, Log: s.log, Windows: demand.DefaultWindows(),
		Publish: func(d *scaler.Decision) {
			s.store.Publish(d)
			s.keda.Publish(d)
			actor.Apply(d)
		},
	})
	s.runners.Start(ctx, runner, actor.Run)
}

func (s *service) hasTarget(c demand.Cluster, nodeType string, target int64) bool {
	s.mu.Lock()
	found := s.known[c]
	s.mu.Unlock()
	return found != nil && found.HPAHasTarget(nodeType, target)
}

// record writes a recording of a cluster's decisions.
func (s *service) record(ctx context.Context, c demand.Cluster, out io.Writer) error {
	r := s.runners.Find(c)
	if r == nil {
		return fmt.Errorf("cluster %s is not decided here", c)
	}
	tape, err := r.Record(version, s.begin)
	if err != nil {
		return err
	}
	return tape.Copy(ctx, out)
}

func (s *service) inboxStats() httpapi.InboxStats { return httpapi.InboxStats(s.inbox.Stats()) }
