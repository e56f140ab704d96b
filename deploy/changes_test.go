package deploy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/deploy"
)

func TestChanges(t *testing.T) {
	const old = `---
kind: Secret
metadata: {name: s}
data: {token: b2xk}
---
# a comment
kind: Deployment
metadata: {name: d}
spec: {paused: true, template: {spec: {a: 1}}}
---
kind: Deployment
metadata: {name: same}
spec: {template: {spec: {a: 1}}}
---
kind: Service
metadata: {name: gone}
`
	const updated = `---
kind: Secret
metadata: {name: s}
data: {token: bmV3}
---
kind: Deployment
metadata: {name: d}
spec: {paused: true, template: {spec: {a: 2}}}
---
kind: Deployment
spec: {template: {spec: {a: 1}}}
metadata: {name: same}
---
kind: ConfigMap
metadata: {name: new}
`
	got, err := deploy.Changes(old, updated)
	if err != nil {
		t.Fatal(err)
	}
	want := []deploy.Change{
		{Verb: "change", Kind: "Secret", Name: "s"},
		{Verb: "change", Kind: "Deployment", Name: "d", ReplacesPods: true, Diff: got[min(1, len(got)-1)].Diff},
		{Verb: "create", Kind: "ConfigMap", Name: "new"},
		{Verb: "remove", Kind: "Service", Name: "gone"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	const diff = "@@ -5,4 +5,4 @@\n   paused: true\n   template:\n     spec:\n-      a: 1\n+      a: 2\n"
	if d := cmp.Diff(diff, got[1].Diff); d != "" {
		t.Error(d)
	}
	if _, err := deploy.Changes("a: b: c", ""); err == nil {
		t.Error("nonsense is no YAML")
	}
}
