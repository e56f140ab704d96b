package scaler

import (
	"reflect"
	"strings"
	"testing"
)

// TestCheckpointHasEveryField: whoever gives a Loop another field decides here
// whether a checkpoint must have it too. What is in brackets is told from the
// outside.
func TestCheckpointHasEveryField(t *testing.T) {
	const want = "(cluster) asked removals rejected empty joining withdrawn backOffs last (roster) (matches) (phantoms) (nodes) (planner)"
	var got []string
	of := reflect.TypeFor[Loop]()
	for i := range of.NumField() {
		got = append(got, of.Field(i).Name)
	}
	if strings.Join(got, " ") != strings.NewReplacer("(", "", ")", "").Replace(want) {
		t.Errorf("a loop has the fields %q, its checkpoint is of %q", strings.Join(got, " "), want)
	}
}
