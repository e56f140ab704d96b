package deploy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/deploy"
)

// TestConditions: what is seen, and the three conditions' reasons; + is true.
func TestConditions(t *testing.T) {
	ready, starting, none := &deploy.Replicas{Desired: 1, Pods: 1, Ready: 1}, &deploy.Replicas{Desired: 1, Pods: 1}, &deploy.Replicas{}
	worker := []deploy.ObservedType{{Name: "gpu", Replicas: deploy.Replicas{Pods: 1}}}
	for name, c := range map[string]struct {
		seen deploy.Observed
		want [3]string
	}{
		"a wrong spec, at first":   {deploy.Observed{Problem: deploy.ReasonInvalidSpec}, [3]string{"InvalidSpec", "NotApplied", "Running"}},
		"a wrong spec, later":      {deploy.Observed{Problem: deploy.ReasonInvalidSpec, Head: ready}, [3]string{"InvalidSpec", "+Ready", "Running"}},
		"a name of somebody else":  {deploy.Observed{Problem: deploy.ReasonNameTaken}, [3]string{"NameTaken", "NotApplied", "Running"}},
		"the cache is late":        {deploy.Observed{}, [3]string{"+Applied", "NotApplied", "Running"}},
		"starting":                 {deploy.Observed{Head: starting}, [3]string{"+Applied", "HeadNotReady", "Running"}},
		"ready":                    {deploy.Observed{Head: ready, Types: worker}, [3]string{"+Applied", "+Ready", "Running"}},
		"suspending":               {deploy.Observed{Suspend: true, Head: ready}, [3]string{"+Applied", "Suspended", "Suspending"}},
		"a worker is left":         {deploy.Observed{Suspend: true, Head: none, Types: worker}, [3]string{"+Applied", "Suspended", "Suspending"}},
		"suspended":                {deploy.Observed{Suspend: true, Head: none}, [3]string{"+Applied", "Suspended", "+Suspended"}},
		"suspended, as it is idle": {deploy.Observed{Suspend: true, Idle: true, Head: none}, [3]string{"+Applied", "Suspended", "+SuspendedAsIdle"}},
		"suspend could not be done": {deploy.Observed{Suspend: true, Problem: deploy.ReasonApplyFailed, Head: ready},
			[3]string{"ApplyFailed", "+Ready", "Suspending"}},
	} {
		var got [3]string
		for i, c := range c.seen.Conditions() {
			got[i] = string(c.Reason)
			if c.True {
				got[i] = "+" + got[i]
			}
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	seen := deploy.Observed{Types: []deploy.ObservedType{{Replicas: deploy.Replicas{Desired: 3, Ready: 2}}, {Replicas: deploy.Replicas{Desired: 2, Ready: 2}}}}
	if got := seen.Workers(); got != "4/5" {
		t.Errorf("workers %s", got)
	}
}
