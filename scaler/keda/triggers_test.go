package keda

import (
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/nodetypes"
)

// TestTriggers asks for the same node types again and again while their metadata
// change: each answer must be that of ParseTrigger.
func TestTriggers(t *testing.T) {
	kept := newTriggers()
	base := map[string]string{"rayCluster": "c", "nodeType": "gpu", "resources": `{"GPU": 1}`}
	for i, change := range []map[string]string{
		{}, {}, {"resources": `{"GPU": 2}`}, {"resources": `{"GPU": x}`}, {"resources": `{"GPU": 2}`}, {"priority": "1"}, {},
		{"nodeType": "cpu"}, {}, {"nodeType": "cpu", "priorty": "1"}, {"rayCluster": ""}, {"rayCluster": "d"}, {"nodeType": "cpu"},
	} {
		for _, namespace := range []string{"ml", "ads"} {
			t.Run(fmt.Sprint(i, namespace), func(t *testing.T) {
				metadata := maps.Clone(base)
				maps.Copy(metadata, change)
				want, wantErr := nodetypes.ParseTrigger(metadata)
				got, err := kept.parse(namespace, metadata)
				if diff := cmp.Diff(want, got); diff != "" || fmt.Sprint(err) != fmt.Sprint(wantErr) {
					t.Errorf("(-want +got):\n%s\nerror %v, want %v", diff, err, wantErr)
				}
			})
		}
	}
}
