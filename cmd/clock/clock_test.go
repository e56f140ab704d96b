package clock

import (
	"testing"
	"time"
)

func TestSteady(t *testing.T) {
	now := Steady()
	a, b := now(), now()
	if b.Before(a) || a != a.Round(0) || a.Location() != time.UTC || time.Since(a) > time.Minute {
		t.Errorf("%v, then %v", a, b)
	}
}
