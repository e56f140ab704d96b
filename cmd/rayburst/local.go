package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"golang.org/x/term"

	"github.com/rayburst/rayburst/cmd/clock"
	"github.com/rayburst/rayburst/cmd/natsflags"
	"github.com/rayburst/rayburst/cmd/textlog"
	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/nats"
	"github.com/rayburst/rayburst/demand/ray"
	"github.com/rayburst/rayburst/deploy"
	"github.com/rayburst/rayburst/deploy/local"
	"github.com/rayburst/rayburst/scaler"
	"github.com/rayburst/rayburst/scaler/httpapi"
	"github.com/rayburst/rayburst/scaler/keda"
	"github.com/rayburst/rayburst/scaler/loop"
)

// localCmd runs a Ray cluster on this machine.
type localCmd struct {
	natsflags.Flags
	File     string        `arg:"" type:"existingfile" help:"A Ray cluster YAML."`
	Command  []string      `arg:"" optional:"" passthrough:"" help:"A driver to run (after --); RAY_ADDRESS is set, its exit code is ours."`
	Ray      string        `default:"ray" env:"RAYBURST_RAY" help:"The ray command."`
	Addr     string        `default:"${addr}" help:"host:port for the HTTP API (status, explain, metrics)."`
	GRPC     string        `name:"grpc-addr" default:"127.0.0.1:0" help:"host:port for KEDA's external scaler service."`
	GCSPort  int           `name:"gcs-port" help:"Port of Ray's GCS; 0: a free one."`
	AtOnce   int           `name:"start-at-once" help:"Workers that may start at the same time; 0: one more than there are cores."`
	WaitIdle bool          `name:"wait-idle" help:"After the command, wait until idle workers are gone."`
	Limit    time.Duration `name:"wait-limit" default:"5m" help:"For how long --wait-idle waits."`
	Keep     string        `name:"keep-logs" type:"path" help:"A folder that gets Ray's and the workers' logs."`
	Record   string        `type:"path" help:"A file that gets a recording of all decisions, for rayburst replay; one that ends in .gz is compressed."`
	Plain    bool          `help:"Lines instead of the live view."`
	Verbose  bool          `short:"v" help:"Log more."`
}

// namespace is that of clusters on this machine.
const namespace = "local"

// Run runs until the command ends, or for ever without one.
func (c *localCmd) Run(ctx context.Context) error {
	b, err := os.ReadFile(c.File)
	if err != nil {
		return fmt.Errorf("reading the cluster YAML: %w", err)
	}
	cluster, err := deploy.ParseCluster(b)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	s := &session{
		localCmd: c, cluster: cluster, name: demand.Cluster{Namespace: namespace, Name: cluster.Name}, log: textlog.Quiet(c.Verbose), now: clock.Steady(),
	}
	if c.Record == "" {
		return s.run(ctx)
	}
	if s.file, err = createRecording(c.Record); err != nil {
		return fmt.Errorf("--record: %w", err)
	}
	err = s.run(ctx)
	return errors.Join(err, s.file.Close())
}

// session is one run of a cluster.
type session struct {
	*localCmd
	cluster  *deploy.Cluster
	name     demand.Cluster
	log      *slog.Logger
	now      func() time.Time
	begin    time.Time
	file     io.WriteCloser // of the recording; nil: there is none
	ray      local.Ray
	security ray.Security
	conn     *natsgo.Conn
	fleet    *local.Fleet
	store    *httpapi.Store
	keda     *keda.Server
	inbox    *nats.Subscriber
	timeline *local.Timeline
	view     *view
}

func (s *session) run(ctx context.Context) (err error) {
	if s.ray, err = local.FindRay(ctx, s.Ray); err != nil {
		return err
	}
	if s.security, err = ray.SecurityFromEnv(os.Getenv); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("/tmp", "rb-") // short: Ray puts sockets below it
	if err != nil {
		return fmt.Errorf("making a folder for the cluster: %w", err)
	}
	defer os.RemoveAll(dir)
	listeners, err := s.listen()
	if err != nil {
		return err
	}
	defer closeAll(listeners)
	stopNATS, err := s.connectNATS()
	if err != nil {
		return err
	}
	defer stopNATS()
	return s.serve(ctx, dir, listeners)
}

// listen takes the ports before anything is started.
func (s *session) listen() ([]net.Listener, error) {
	var out []net.Listener
	for _, a := range []struct{ addr, flag string }{{s.Addr, "--addr"}, {s.GRPC, "--grpc-addr"}} {
		l, err := net.Listen("tcp", a.addr)
		if errors.Is(err, syscall.EADDRINUSE) {
			closeAll(out)
			return nil, fmt.Errorf("%s is taken: end what uses it (another rayburst local?), or give another address with %s", a.addr, a.flag)
		}
		if err != nil {
			closeAll(out)
			return nil, fmt.Errorf("%s: must be host:port of this machine (got %q): %w", a.flag, a.addr, err)
		}
		out = append(out, l)
	}
	return out, nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close() // closed already by its server
	}
}

// connectNATS connects to the server given, or to one inside this process.
func (s *session) connectNATS() (stop func(), err error) {
	if s.URL != "" {
		s.conn, err = s.Connect(nats.Options{Name: "rayburst local", Log: s.log})
		if err != nil {
			return nil, err
		}
		return s.conn.Close, nil
	}
	server, err := nats.Embed()
	if err != nil {
		return nil, err
	}
	s.conn, err = nats.Connect(nats.Options{Name: "rayburst local", InProcess: server, Log: s.log})
	if err != nil {
		server.Shutdown()
		return nil, err
	}
	return func() { s.conn.Close(); server.Shutdown(); server.WaitForShutdown() }, nil
}

// serve runs everything until the command has ended, and stops it in reverse.
func (s *session) serve(ctx context.Context, dir string, listeners []net.Listener) (err error) {
	s.begin = s.now()
	s.store, s.timeline = httpapi.NewStore(), local.NewTimeline(s.begin)
	if s.keda, err = keda.New(keda.Config{Now: s.now, Log: s.log}); err != nil {
		return err
	}
	if s.inbox, err = nats.Subscribe(s.conn, s.log); err != nil {
		return err
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	s.view = newView(s, end)
	defer s.keepLogs(dir)
	defer s.view.close()
	s.fleet = local.New(local.Config{
		Cluster: s.cluster, Ray: s.ray, Dir: dir, GCSPort: s.GCSPort, Attend: s.attend, Event: s.happened,
		Now: time.Now, Log: s.log, AtOnce: s.atOnce(), Patience: time.Minute, KeepLogs: s.Keep,
	})
	for _, w := range s.cluster.Warnings {
		s.view.line("warning: " + w)
	}
	s.view.line(fmt.Sprintf("starting Ray %s for cluster %s", s.ray.Version, s.cluster.Name))
	inner, stop := context.WithCancel(context.WithoutCancel(ctx)) // so that the command ends before the cluster
	defer stop()
	if err := s.fleet.Start(ctx); err != nil {
		return err
	}
	s.keda.SetReady(true)
	running := s.background(inner, listeners)
	err = s.drive(ctx)
	stop()
	running.Wait()
	s.view.summary(s.timeline.Summary())
	return err
}

func (s *session) atOnce() int {
	if s.AtOnce > 0 {
		return s.AtOnce
	}
	return runtime.NumCPU() + 1
}

// background starts what runs as long as the cluster.
func (s *session) background(ctx context.Context, listeners []net.Listener) *sync.WaitGroup {
	runner := loop.New(loop.Config{
		Cluster: s.name, Workers: s.fleet, Agents: nats.Control{Conn: s.conn}, Head: nats.Head,
		Publish: s.publish, Now: s.now, Log: s.log, Windows: demand.DefaultWindows(),
	})
	api := httpapi.Handler(httpapi.Config{
		Store: s.store, Now: s.now, Inbox: s.inboxStats,
		Record: func(ctx context.Context, _ demand.Cluster, out io.Writer) error { return s.record(ctx, runner, out)() },
	})
	parts := map[string]func() error{
		"fleet":    func() error { return s.fleet.Run(ctx) },
		"loop":     func() error { return runner.Run(ctx) },
		"dispatch": func() error { return loop.Dispatch(ctx, s.inbox, s.only(runner)) },
		"http":     func() error { return httpapi.Serve(ctx, listeners[0], api) },
		"grpc":     func() error { return s.keda.Serve(ctx, listeners[1]) },
	}
	if s.file != nil {
		parts["recording"] = s.record(context.WithoutCancel(ctx), runner, s.file) // until the loop ends
	}
	var wg sync.WaitGroup
	for name, f := range parts {
		wg.Go(func() {
			if err := f(); err != nil {
				s.log.Error("part ended", "part", name, "error", err)
			}
		})
	}
	s.view.line(fmt.Sprintf("Ray at %s, status at http://%s, external scaler at %s", s.fleet.Address(), listeners[0].Addr(), listeners[1].Addr()))
	return &wg
}

// only finds the runner of this session's cluster.
func (s *session) only(r *loop.Runner) func(demand.Cluster) *loop.Runner {
	return func(c demand.Cluster) *loop.Runner {
		if c != s.name {
			return nil
		}
		return r
	}
}

// record begins a recording at once. What it returns writes it until the
// context or the loop ends.
func (s *session) record(ctx context.Context, r *loop.Runner, out io.Writer) func() error {
	tape, err := r.Record(version, s.begin)
	return func() error {
		if err != nil {
			return err
		}
		return tape.Copy(ctx, out)
	}
}

func (s *session) inboxStats() httpapi.InboxStats { return httpapi.InboxStats(s.inbox.Stats()) }

// publish hands a decision to all that show or execute it.
func (s *session) publish(d *scaler.Decision) {
	s.store.Publish(d)
	s.keda.Publish(d)
	s.fleet.Apply(d)
	for _, l := range s.timeline.Decided(d) {
		s.view.line(l)
	}
	s.view.decision(d)
}

// happened notes an event by the clock of the decisions.
func (s *session) happened(e local.Event) {
	e.At = s.now()
	s.view.line(s.timeline.Happened(e))
}

// attend runs the agent beside a node.
func (s *session) attend(ctx context.Context, n local.Node, h local.Hooks) {
	mode := ray.Worker
	if n.Head {
		mode = ray.Head
	}
	a := &ray.Agent{
		Mode: mode, Cluster: s.name, GCSAddress: s.fleet.Address(), InstanceID: n.Name, Since: n.Since, Security: s.security, Version: version,
		Bus: bus{&nats.Publisher{Conn: s.conn, Cluster: s.name}, s.timeline, s.now}, Now: time.Now, Log: s.log,
		HeadToken: nats.Head, Found: h.Found, Drained: h.Drained,
	}
	if err := a.Run(ctx); err != nil {
		s.log.Error("agent ended", "node", n.Name, "error", err)
	}
}

// bus notes in the timeline when demand is first seen.
type bus struct {
	*nats.Publisher
	timeline *local.Timeline
	now      func() time.Time
}

// Publish publishes a report.
func (b bus) Publish(r *demand.Report) error {
	b.timeline.Reported(r, b.now())
	return b.Publisher.Publish(r)
}

// drive waits for the cluster, runs the command, and waits for idle workers if
// asked; without a command it waits until it is told to end.
func (s *session) drive(ctx context.Context) error {
	if !s.await(ctx, time.Minute, func(d *scaler.Decision) bool { return d.Unknown == "" }) {
		if ctx.Err() != nil {
			return exitError{130}
		}
		return errors.New("ray's head did not report within a minute: see its log with --keep-logs")
	}
	if len(s.Command) == 0 {
		s.view.line("running; end with Ctrl-C")
		<-ctx.Done()
		return nil
	}
	err := s.command(ctx)
	if s.WaitIdle && ctx.Err() == nil && !s.await(ctx, s.Limit, s.calm) {
		return errors.Join(err, fmt.Errorf("workers beyond the minimums still run %v after the command", s.Limit))
	}
	return err
}

// calm tells whether only the minimums are left.
func (s *session) calm(d *scaler.Decision) bool {
	for _, t := range d.Targets {
		if t.Workers > t.Min || t.Running+t.Joining+t.Draining > t.Min {
			return false
		}
	}
	return d.Unknown == ""
}

// await tells whether a decision came to be as wished within the time.
func (s *session) await(ctx context.Context, limit time.Duration, is func(*scaler.Decision) bool) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	t := time.NewTicker(50 * time.Millisecond)
	defer t.Stop()
	for {
		if d := s.store.Get(s.name); d != nil && is(d) {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-t.C:
		}
	}
}

// command runs the user's driver; its exit code becomes ours.
func (s *session) command(ctx context.Context) error {
	args := s.Command
	if args[0] == "--" {
		args = args[1:]
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "RAY_ADDRESS="+s.fleet.Address())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, s.view.output(os.Stdout), s.view.output(os.Stderr)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return exitError{130}
	case errors.As(err, &exit):
		return exitError{max(exit.ExitCode(), 1)}
	case err != nil:
		return fmt.Errorf("running %q: %w", args[0], err)
	}
	return nil
}

// keepLogs copies the output of `ray start` away before the folder is removed.
func (s *session) keepLogs(dir string) {
	if s.Keep == "" {
		return
	}
	if err := os.CopyFS(filepath.Join(s.Keep, "start"), os.DirFS(filepath.Join(dir, "logs"))); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.log.Warn("logs not kept whole", "error", err)
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
