package footprint

import (
	"testing"
	"time"
)

func TestCores(t *testing.T) {
	var c cores
	after := func(looks int, used time.Duration) (one bool) {
		for range looks {
			one = c.next(used, look)
		}
		return one
	}
	for i, step := range []struct {
		looks int
		used  time.Duration
		one   bool
	}{
		{calms - 1, 0, false},                     // a program begins with all
		{1, 0, true},                              // it has been calm for five seconds
		{1000, 85 * time.Millisecond, true},       // one suffices
		{1, 86 * time.Millisecond, false},         // it may not: all at the next look
		{calms - 1, 10 * time.Millisecond, false}, // a pause in a burst
		{1, 150 * time.Millisecond, false},
		{calms - 1, 0, false},
		{1, 0, true},
	} {
		if one := after(step.looks, step.used); one != step.one {
			t.Errorf("step %d: one core is %v, want %v", i, one, step.one)
		}
	}
	if used := cpuTime(); used <= 0 {
		t.Errorf("this program has used %v", used)
	}
}
