package demand

import (
	"reflect"
	"strings"
	"testing"
)

// TestCheckpointHasEveryField: whoever gives a State another field decides here
// whether a checkpoint must have it too. What is in brackets can be told from
// the rest.
func TestCheckpointHasEveryField(t *testing.T) {
	for of, want := range map[reflect.Type]string{
		reflect.TypeFor[State](): "windows cluster head at since nodes (order) (newest) gone lost (listed) (alive) (instance) queued pending",
		reflect.TypeFor[node]():  "report at (until) (info) listed seen free gcs demand (shapes) (row)",
		reflect.TypeFor[shape](): "request queued total",
		reflect.TypeFor[least](): "(window) now past",
		reflect.TypeFor[most]():  "(window) now past",
	} {
		var got []string
		for i := range of.NumField() {
			got = append(got, of.Field(i).Name)
		}
		if want := strings.NewReplacer("(", "", ")", "").Replace(want); strings.Join(got, " ") != want {
			t.Errorf("%v has the fields %q, its checkpoint is of %q", of, strings.Join(got, " "), want)
		}
	}
}

// TestSameHasEveryField: whoever gives a load another field decides here whether
// it is news.
func TestSameHasEveryField(t *testing.T) {
	if n := reflect.TypeFor[RayletLoad]().NumField(); n != 6 {
		t.Errorf("a load has %d fields, Same compares 6", n)
	}
	if n := reflect.TypeFor[QueuedDemand]().NumField(); n != 3 {
		t.Errorf("a queued demand has %d fields, equal compares 3", n)
	}
}
