package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestChart: helm test passes, an upgrade keeps the certificates, and what is
// uninstalled leaves nothing.
func TestChart(t *testing.T) {
	ctx := t.Context()
	helm := func(args ...string) string {
		t.Helper()
		out, err := run(ctx, "", append([]string{"helm", "-n", "keda"}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	secrets := func() string {
		return kubectl(t, "-n", "keda", "get", "secret", "rayburst-tls", "rayburst-client", "-o", "jsonpath={.items[*].data}")
	}
	helm("test", "rayburst", "--timeout", "60s")
	before := secrets()
	if !strings.Contains(before, "tls.crt") {
		t.Errorf("the scaler has made no certificates: %q", before)
	}
	install(t, "scaler.resources.requests.cpu=51m")
	if after := secrets(); after != before {
		t.Error("an upgrade has changed the certificates")
	}
	t.Cleanup(func() {
		if err := installScaler(); err != nil {
			t.Error(err)
		}
	})
	helm("uninstall", "rayburst", "--wait")
	nothingOf(t, "rayburst", "-n", "keda")
}

// nothingOf fails if anything of a release is left, whatever its kind.
func nothingOf(t *testing.T, name string, where ...string) {
	t.Helper()
	kinds := kubectl(t, "api-resources", "--verbs=list", "-o", "name")
	list := strings.Join(strings.Fields(kinds), ",")
	eventually(t, "nothing of "+name+" is left", func() (bool, string) {
		args := append([]string{"kubectl", "get", list, "--ignore-not-found", "--no-headers", "-o", "custom-columns=K:.kind,N:.metadata.name"}, where...)
		out, err := run(context.WithoutCancel(t.Context()), "", args...)
		if err != nil {
			return false, err.Error()
		}
		var left []string
		for line := range strings.Lines(out) {
			if f := strings.Fields(line); len(f) == 2 && f[0] != "Event" && strings.HasPrefix(f[1], name) {
				left = append(left, strings.Join(f, "/"))
			}
		}
		return len(left) == 0, fmt.Sprint(left)
	})
}

func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := run(t.Context(), "", append([]string{"kubectl"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestClusterChart: the chart's own values, but for what this machine lacks, give
// a cluster that serves a burst; an upgrade keeps the token and the replicas;
// what is uninstalled leaves nothing.
func TestClusterChart(t *testing.T) {
	const small = "workers: {cpu: {resources: {requests: {cpu: 100m, memory: 256Mi}}}}\n"
	c := newCluster(t, small)
	c.becomes("cpu", 0)
	s := c.begin("refs = [task.remote(20) for _ in range(2)]\nsay('asked')\nsay('done', *ray.get(refs))\n")
	s.says("asked")
	c.becomes("cpu", 2)
	token := func() string {
		return c.kubectl("get", "secret", "-l", "app.kubernetes.io/instance="+release, "-o", "jsonpath={.items[*].data.auth_token}")
	}
	before, pods, cpu := token(), names(c.live("cpu")), c.trace("cpu")
	if len(before) < 20 {
		t.Errorf("the cluster has no token: %q", before)
	}
	c.upgrade(small + "upscalingSpeed: 2\n")
	if token() != before {
		t.Error("an upgrade has changed the token")
	}
	c.stays("cpu", 2, 5*time.Second)
	if now := names(c.live("cpu")); fmt.Sprint(now) != fmt.Sprint(pods) || cpu.fell() {
		t.Errorf("an upgrade has changed the workers from %v to %v; cpu went %v", pods, now, cpu)
	}
	s.says("done")
	c.must("", "helm", "uninstall", release, "-n", c.namespace)
	nothingOf(t, release+"-", "-n", c.namespace)
}
