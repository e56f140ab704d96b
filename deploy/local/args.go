package local

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/rayburst/rayburst/nodetypes"
)

// objectStoreBytes is the object store of a node whose type does not say: a
// little above Ray's minimum, as many share one machine.
const objectStoreBytes = 80_000_000

// start is one `ray start`.
type start struct {
	kind     nodetypes.NodeType
	name     string // RAY_CLOUD_INSTANCE_ID
	ip       string
	dir      string // Ray's temp dir: short, as socket paths are limited
	gcs      string // host:port
	headPort int    // of the GCS; 0: a worker
	keep     string // a folder for Ray's own logs; empty: they are not kept
	// clientPort is Ray Client's server's; 0: it does not start.
	clientPort int
}

// args are `ray start`'s flags: the type's logical resources, and port 0 for
// all that has a fixed one else: each part of Ray then binds a free port itself
// and tells the GCS, so that no other process can take it in between.
func (s start) args() []string {
	out := []string{
		"start", "--block", "--disable-usage-stats", "--include-log-monitor=false",
		"--node-ip-address=" + s.ip, "--temp-dir=" + s.dir,
	}
	for _, part := range []string{"node-manager", "object-manager", "runtime-env-agent", "metrics-export", "dashboard-agent-grpc", "dashboard-agent-listen", "min-worker", "max-worker"} {
		out = append(out, flag(part+"-port", 0))
	}
	if s.headPort == 0 {
		out = append(out, "--address="+s.gcs)
	} else {
		out = append(out, "--head", "--no-monitor", "--include-dashboard=false", flag("port", s.headPort))
	}
	if s.clientPort != 0 {
		out = append(out, flag("ray-client-server-port", s.clientPort))
	}
	return append(out, resourceArgs(s.kind)...)
}

func flag(name string, v int) string { return "--" + name + "=" + strconv.Itoa(v) }

// resourceArgs say a type's resources in full, so that Ray detects nothing.
func resourceArgs(t nodetypes.NodeType) []string {
	fixed := map[string]string{"CPU": "--num-cpus=0", "GPU": "--num-gpus=0", "object_store_memory": flag("object-store-memory", objectStoreBytes)}
	names := map[string]string{"CPU": "--num-cpus=", "GPU": "--num-gpus=", "object_store_memory": "--object-store-memory=", "memory": "--memory="}
	custom := map[string]float64{}
	for _, r := range t.Resources {
		if prefix, ok := names[r.Name]; ok {
			fixed[r.Name] = prefix + r.Amount.String()
		} else {
			custom[r.Name] = r.Amount.Float()
		}
	}
	out := make([]string, 0, len(fixed)+2)
	for _, name := range slices.Sorted(maps.Keys(fixed)) {
		out = append(out, fixed[name])
	}
	if len(custom) > 0 {
		b, _ := json.Marshal(custom) // a map of numbers
		out = append(out, "--resources="+string(b))
	}
	if len(t.Labels) > 0 {
		parts := make([]string, 0, len(t.Labels))
		for _, k := range slices.Sorted(maps.Keys(t.Labels)) {
			parts = append(parts, k+"="+t.Labels[k])
		}
		out = append(out, "--labels="+strings.Join(parts, ","))
	}
	return out
}

// env is what identifies the node to Ray and lets a worker notice quickly that
// its head is gone. What the user's shell says about a cluster or about GPUs
// does not hold for these processes.
func (s start) env() []string {
	out := slices.DeleteFunc(os.Environ(), func(e string) bool {
		name, _, _ := strings.Cut(e, "=")
		return slices.Contains([]string{"RAY_ADDRESS", "CUDA_VISIBLE_DEVICES", "RAY_OVERRIDE_RESOURCES", "RAY_OVERRIDE_LABELS"}, name)
	})
	out = append(out,
		"RAY_CLOUD_INSTANCE_ID="+s.name, "RAY_NODE_TYPE_NAME="+s.kind.Name, "RAY_USAGE_STATS_ENABLED=0",
		"RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S=1", "PYTHONUNBUFFERED=1",
	)
	if os.Getenv(telemetry) == "" {
		out = append(out, telemetry+"=0")
	}
	if os.Getenv(authMode) == "" {
		out = append(out, authMode+"=disabled")
	}
	if s.headPort != 0 {
		return append(out, "RAY_enable_autoscaler_v2=1")
	}
	return append(out, "RAY_gcs_rpc_server_reconnect_timeout_s=10", "RAY_raylet_liveness_self_check_interval_ms=2000")
}

// telemetry chooses how Ray 2.60's processes export metrics. With OpenTelemetry,
// the default, a process that ends after a GPU task often aborts on its way out
// ("Mutex corrupt"), and Ray reports that as a worker which died.
const telemetry = "RAY_enable_open_telemetry"

// authMode says whether Ray asks for a token. Unset, Ray 2.60's head asks for one
// as soon as ~/.ray/auth_token is there, which any `ray.init()` leaves behind,
// while workers and drivers show none (ray/scripts/scripts.py,
// maybe_enable_token_auth_if_token_available). So nothing is left to chance.
const authMode = "RAY_AUTH_MODE"

func (s start) String() string { return fmt.Sprintf("%s (%s)", s.name, s.kind.Name) }
