package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/rayburst/rayburst/deploy/doctor"
)

// doctor is what rayburst doctor finds in the fleet's namespace, and its exit code.
func (f *fleet) doctor() ([]doctor.Finding, int) {
	f.t.Helper()
	cmd := exec.CommandContext(f.t.Context(), "rayburst", "doctor", "-n", f.namespace, "-o", "json")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		f.t.Fatal(err)
	}
	var found []doctor.Finding
	if err := json.Unmarshal(out, &found); err != nil {
		f.t.Fatalf("%v: %s", err, out)
	}
	return found, cmd.ProcessState.ExitCode()
}

// TestDoctor: a ScaledObject as the chart writes it has no errors; one that is
// spoiled has them, and the commands that doctor prints mend it.
func TestDoctor(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 10)
	healthy := func() (bool, string) {
		found, code := f.doctor()
		return code == 0, fmt.Sprint(found)
	}
	eventually(t, "KEDA has taken the object up, and nothing is an error", healthy)
	kubectl(t, "-n", f.namespace, "patch", "scaledobject", gpus, "--type=merge", "-p", `{"spec": {"cooldownPeriod": 1,
		"fallback": {"failureThreshold": 3, "replicas": 2},
		"advanced": {"horizontalPodAutoscalerConfig": {"behavior": {"scaleUp": {"stabilizationWindowSeconds": 60}, "scaleDown": {"tolerance": null}}}}}}`)
	kubectl(t, "-n", f.namespace, "annotate", "scaledobject", gpus, "autoscaling.keda.sh/paused=true")
	found, code := f.doctor()
	if code != 1 {
		t.Errorf("exit code %d", code)
	}
	var rules []string
	for _, finding := range found {
		if strings.Contains(finding.Object, f.namespace) {
			rules = append(rules, finding.Rule)
			if out, err := run(t.Context(), "", "sh", "-c", finding.Command); err != nil {
				t.Errorf("%s: %s: %s %v", finding.Rule, finding.Command, out, err)
			}
		}
	}
	slices.Sort(rules)
	if want := []string{"behavior", "cooldown", "fallback", "paused", "tolerance"}; !slices.Equal(slices.Compact(rules), want) {
		t.Errorf("found %v, want %v: %v", rules, want, found)
	}
	eventually(t, "nothing is an error any more", healthy)
	f.wants(3)
	f.settled(3)
}
