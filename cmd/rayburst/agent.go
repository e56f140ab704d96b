package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/rayburst/rayburst/cmd/footprint"
	"github.com/rayburst/rayburst/cmd/natsflags"
	"github.com/rayburst/rayburst/cmd/textlog"
	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/demand/nats"
	"github.com/rayburst/rayburst/demand/ray"
)

// agentCmd stands beside one raylet.
type agentCmd struct {
	natsflags.Flags
	Cluster    string `required:"" env:"RAYBURST_CLUSTER" help:"The Ray cluster, as namespace/name."`
	GCS        string `name:"gcs-address" default:"127.0.0.1:6379" env:"RAYBURST_GCS_ADDRESS" help:"host:port of Ray's GCS."`
	InstanceID string `name:"instance-id" env:"RAY_CLOUD_INSTANCE_ID" help:"RAY_CLOUD_INSTANCE_ID of the raylet to stand beside: the pod's name."`
	Head       bool   `xor:"mode" help:"The raylet is the head's: also publish nodes, placement groups and request_resources."`
	GCSOnly    bool   `name:"gcs-only" xor:"mode" help:"Ask only the GCS: for clusters whose pods cannot be changed; everything is up to a second later."`
	Dir        string `env:"RAYBURST_DIR" type:"existingdir" help:"In a pod: folder shared with Ray's container."`
	Listen     string `env:"RAYBURST_LISTEN" help:"In a pod: host:port for the kubelet's probes (/healthz, /readyz)."`
	Verbose    bool   `short:"v" help:"Log more."`
}

// Run publishes until the process is asked to end.
func (c *agentCmd) Run(ctx context.Context) error {
	cluster, err := parseCluster(c.Cluster)
	if err != nil {
		return err
	}
	if c.URL == "" {
		return fmt.Errorf("--nats-url: give the NATS server, e.g. nats://nats.keda:4222")
	}
	if c.InstanceID == "" && !c.Head && !c.GCSOnly {
		return fmt.Errorf("--instance-id: give the worker's RAY_CLOUD_INSTANCE_ID, or --head, or --gcs-only")
	}
	security, err := ray.SecurityFromEnv(os.Getenv)
	if err != nil {
		return err
	}
	runtime.GOMAXPROCS(1) // ten small calls a second: threads that wake one another would cost more than the work
	footprint.Reduce()
	log := textlog.Quiet(c.Verbose)
	conn, err := c.Connect(nats.Options{Name: "rayburst agent " + c.InstanceID, Log: log})
	if err != nil {
		return err
	}
	defer conn.Close()
	agent := &ray.Agent{
		Mode: c.mode(), Cluster: cluster, GCSAddress: c.GCS, InstanceID: c.InstanceID, Security: security, Version: version,
		Bus: &nats.Publisher{Conn: conn, Cluster: cluster}, Now: time.Now, Log: log, HeadToken: nats.Head,
	}
	if c.Dir == "" {
		return agent.Run(ctx)
	}
	return c.inPod(ctx, agent)
}

func (c *agentCmd) mode() ray.Mode {
	switch {
	case c.GCSOnly:
		return ray.GCSOnly
	case c.Head:
		return ray.Head
	}
	return ray.Worker
}

func parseCluster(s string) (demand.Cluster, error) {
	namespace, name, ok := strings.Cut(s, "/")
	if !ok {
		return demand.Cluster{}, fmt.Errorf("--cluster: must be namespace/name (got %q)", s)
	}
	c := demand.Cluster{Namespace: namespace, Name: name}
	return c, c.Check()
}
