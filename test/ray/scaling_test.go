package ray_test

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rayburst/rayburst/demand/ray"
	"github.com/rayburst/rayburst/scaler"
	"github.com/rayburst/rayburst/test/rig"
)

// TestScaling runs scenarios one after another on one cluster, each of which
// begins and ends without workers. All of it is recorded, and every decision is
// made again from the recording.
func TestScaling(t *testing.T) {
	file := filepath.Join(t.TempDir(), "scaling.rec.gz")
	t.Cleanup(func() { replay(t, file) }) // after the cluster's end
	c := start(t, "testdata/scenarios.yaml", "-v", "--record="+file)
	for _, s := range []struct {
		name string
		run  func(*testing.T, *rig.Cluster)
	}{
		{"detached actors up and down one by one", oneByOne},
		{"fake GPU", fakeGPU},
		{"custom resource", customResource},
		{"label selectors and fallbacks", labels},
		{"placement group STRICT_PACK", group("STRICT_PACK", "big", 4, 1)},
		{"placement group PACK", group("PACK", "", 2, 0)},
		{"placement group SPREAD", group("SPREAD", "", 2, 0)},
		{"placement group STRICT_SPREAD", group("STRICT_SPREAD", "", 3, 3)},
		{"request_resources up and released", requestResources},
		{"max_workers of a type", maxOfType},
		{"the bound lets five join at first", bound},
		{"a type's own idle timeout", ownTimeout},
		{"a drain that Ray rejects", rejectedDrain},
		{"ray status shows what waits", rayStatus},
		{"a killed worker is replaced and its task retried", killedWorker},
		{"never a worker more than needed", notTooMany},
	} {
		t.Run(s.name, func(t *testing.T) {
			s.run(t, c)
			empty(t, c)
		})
	}
}

func replay(t *testing.T, file string) {
	t.Helper()
	out, err := exec.Command(binary, "replay", file).CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if last := lines[len(lines)-1]; err != nil || !strings.HasSuffix(last, "decisions reproduced byte by byte") {
		t.Errorf("replay: %v\n%s", err, out)
	} else {
		t.Log(last)
	}
}

func oneByOne(t *testing.T, c *rig.Cluster) {
	d := drive(t, c, "actors_one_by_one")
	first := await(t, d, "up")
	workers(t, c, "cpu", 1)
	tell(t, d)
	if second := await(t, d, "up"); second == first {
		t.Errorf("both actors on one node of one CPU")
	}
	workers(t, c, "cpu", 2)
	for _, left := range []int{1, 0} {
		tell(t, d)
		await(t, d, "down")
		workers(t, c, "cpu", left)
	}
	tell(t, d)
	finish(t, d)
}

func fakeGPU(t *testing.T, c *rig.Cluster) {
	n := asked(c, "", func() { finish(t, drive(t, c, "tasks", "2", "1", "1", "1")) })
	if n != c.Count("gpu", "asked") || n > 2 {
		t.Errorf("%d workers were asked for, %d of them gpu, for 2 tasks of one GPU", n, c.Count("gpu", "asked"))
	}
}

func customResource(t *testing.T, c *rig.Cluster) {
	n := asked(c, "big", func() { finish(t, drive(t, c, "tasks", "2", "0.5", "1", "0", "widget")) })
	if n != 1 {
		t.Errorf("%d workers of type big for 2 tasks of one widget, want 1", n)
	}
}

func labels(t *testing.T, c *rig.Cluster) {
	d := drive(t, c, "labels")
	if zone := await(t, d, "zone"); zone != "west" {
		t.Errorf("the task for zone west ran in %q", zone)
	}
	if zone := await(t, d, "fallback"); zone != "east" {
		t.Errorf("the task that falls back to any zone but west ran in %q", zone)
	}
	finish(t, d)
}

func group(strategy, nodeType string, bundles, nodes int) func(*testing.T, *rig.Cluster) {
	return func(t *testing.T, c *rig.Cluster) {
		var got string
		n := asked(c, nodeType, func() {
			d := drive(t, c, "group", strategy, strconv.Itoa(bundles), "1")
			got = await(t, d, "nodes")
			finish(t, d)
		})
		if nodes > 0 && got != strconv.Itoa(nodes) {
			t.Errorf("%d bundles of %s on %s nodes, want %d", bundles, strategy, got, nodes)
		}
		if n > bundles || nodeType != "" && n != 1 {
			t.Errorf("%d workers were asked for", n)
		}
	}
}

func requestResources(t *testing.T, c *rig.Cluster) {
	d := drive(t, c, "request", "2")
	await(t, d, "requested")
	eventually(t, c, "two CPUs, kept beyond the idle timeout", func(d *scaler.Decision) bool {
		idle := 0
		for _, n := range d.Nodes.Get() {
			if !n.Head && n.Keep == scaler.KeepNeeded && n.Idle > 2*time.Second {
				idle++
			}
		}
		return idle > 0
	})
	tell(t, d)
	await(t, d, "released")
	empty(t, c)
	tell(t, d)
	finish(t, d)
}

func maxOfType(t *testing.T, c *rig.Cluster) {
	n := asked(c, "gpu", func() { finish(t, drive(t, c, "tasks", "6", "0.5", "1", "1")) })
	if n > 3 {
		t.Errorf("%d workers of a type with max_workers 3", n)
	}
}

func bound(t *testing.T, c *rig.Cluster) {
	first := 0
	total := asked(c, "cpu", func() {
		d := drive(t, c, "bound", "10")
		await(t, d, "asked")
		g := eventually(t, c, "a bounded target", func(d *scaler.Decision) bool {
			g, _ := d.Target("cpu")
			return g.Workers > 0
		})
		target, _ := g.Target("cpu")
		first = target.Workers
		eventually(t, c, "eight workers", func(d *scaler.Decision) bool {
			g, _ := d.Target("cpu")
			if g.Joining > 5 {
				t.Errorf("%d workers join at once", g.Joining)
			}
			return g.Workers == 8
		})
		d.Kill()
	})
	if first > 5 || total > 8 {
		t.Errorf("%d workers at first, %d in all; at most 5 and 8 are allowed", first, total)
	}
}

func ownTimeout(t *testing.T, c *rig.Cluster) {
	finish(t, drive(t, c, "tasks", "1", "0.1", "1", "0", "slow"))
	begin := time.Now()
	d := eventually(t, c, "the worker to be idle for longer than the cluster's timeout", func(d *scaler.Decision) bool {
		for _, n := range d.Nodes.Get() {
			if n.Type == "slow" && n.Idle > 5*time.Second {
				return true
			}
		}
		return false
	})
	if text, err := d.Explain("slow"); err != nil || !strings.Contains(text, "of 7s") {
		t.Errorf("explain does not tell the type's own timeout: %s (%v)", text, err)
	}
	empty(t, c)
	if d := time.Since(begin); d < 5*time.Second {
		t.Errorf("the worker went after %v, its type's timeout is 7 s", d)
	}
}

func rejectedDrain(t *testing.T, c *rig.Cluster) {
	d := drive(t, c, "hold", "1")
	node := await(t, d, "node")
	gcs, err := ray.DialGCS(c.GCS, ray.Security{})
	if err != nil {
		t.Fatal(err)
	}
	defer gcs.Close()
	reply, err := gcs.Drain(t.Context(), node, ray.IdleTermination, "a test", time.Time{})
	if err != nil || reply.Accepted {
		t.Fatalf("Ray's answer to draining a busy node: %+v, %v; want a rejection", reply, err)
	}
	workers(t, c, "cpu", 1)
	tell(t, d)
	if still := await(t, d, "alive"); still != node {
		t.Errorf("the actor moved from %s to %s", node, still)
	}
	finish(t, d)
}

func rayStatus(t *testing.T, c *rig.Cluster) {
	d := drive(t, c, "infeasible")
	await(t, d, "asked")
	eventually(t, c, "a worker on its way and infeasible demand", func(d *scaler.Decision) bool {
		g, _ := d.Target("gpu")
		return g.Joining > 0 && len(d.Waiting) > 1
	})
	var text string
	for range 20 {
		out, err := exec.Command(rayCommand, "status", "--address", c.GCS).CombinedOutput()
		if err != nil {
			t.Fatalf("ray status: %v\n%s", err, out)
		}
		if text = string(out); strings.Contains(text, "{'CPU': 64.0}") && strings.Contains(text, "gpu") {
			break
		}
	}
	if !strings.Contains(text, "{'CPU': 64.0}: 1+ pending tasks/actors") || !strings.Contains(text, "gpu") {
		t.Errorf("ray status does not show the pending worker and the infeasible task:\n%s", text)
	}
	eventually(t, c, "the infeasible task named", func(d *scaler.Decision) bool {
		for _, w := range d.Waiting {
			if w.Why == scaler.WaitInfeasible && strings.Contains(w.Detail, "CPU: 64") {
				return true
			}
		}
		return false
	})
	d.Kill()
}

// killedWorker: Ray notices a killed raylet after 13 s, so its replacement may
// have been idle and gone by then. There is never more than one at a time.
func killedWorker(t *testing.T, c *rig.Cluster) {
	path := filepath.Join(t.TempDir(), "attempts")
	before, started := len(c.Lines()), c.Count("cpu", "started")
	d := drive(t, c, "retry", path)
	await(t, d, "asked")
	kill9(t, attempt(t, path))
	await(t, d, "done")
	finish(t, d)
	if n := peak(c.Lines()[before:]); n != 1 {
		t.Errorf("%d workers were wanted at once for one task whose worker was killed", n)
	}
	if again := c.Count("cpu", "started") - started; again < 2 {
		t.Errorf("workers were started %d times; the killed one was not replaced", again)
	}
}

func notTooMany(t *testing.T, c *rig.Cluster) {
	d := drive(t, c, "rounds")
	for _, n := range []int{1, 2, 3, 1, 2, 6} {
		for _, kind := range []string{"tasks", "actors"} {
			got := asked(c, "", func() {
				if err := d.Tell(kind + " " + strconv.Itoa(n)); err != nil {
					t.Fatal(err)
				}
				await(t, d, "nodes")
				empty(t, c)
			})
			if got > n {
				t.Errorf("%d workers were asked for %d %s of one node each", got, n, kind)
			}
		}
	}
	finish(t, d)
}
