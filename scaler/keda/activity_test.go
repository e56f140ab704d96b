package keda

import (
	"testing"
	"time"
)

func TestActivityDue(t *testing.T) {
	at := func(s float64) time.Time { return time.Unix(0, 0).Add(time.Duration(s * float64(time.Second))) }
	old := at(-100)
	tests := map[string]struct {
		sent activity
		v    answer
		want float64 // seconds; now is 0
	}{
		"opening, inactive":                      {activity{}, answer{workers: 0, replicas: 3, activated: old}, 0},
		"opening, active for long":               {activity{}, answer{workers: 2, replicas: 2, activated: old}, 0},
		"opening, activation not seen to work":   {activity{}, answer{workers: 2, replicas: 0, activated: at(-1)}, 0},
		"opening soon after an activation":       {activity{}, answer{workers: 2, replicas: 1, activated: at(-1)}, 4},
		"edge up":                                {activity{true, false, at(-1)}, answer{workers: 2, activated: at(0)}, 0},
		"edge down":                              {activity{true, true, at(-1)}, answer{workers: 0, activated: at(-1)}, 0},
		"edge down and up in one look":           {activity{true, true, at(-1)}, answer{workers: 1, activated: at(0)}, 0},
		"repeated true":                          {activity{true, true, at(-3)}, answer{workers: 2, activated: old}, 12},
		"repeated false":                         {activity{true, false, at(-3)}, answer{workers: 0, activated: old}, 12},
		"repeat overdue after an unknown while":  {activity{true, true, at(-30)}, answer{workers: 2, activated: old}, -15},
		"sent at the very moment of activation":  {activity{true, true, at(0)}, answer{workers: 2, activated: at(0)}, 15},
		"a number that changes above 0 is none":  {activity{true, true, at(0)}, answer{workers: 9, replicas: 2, activated: at(-9)}, 15},
		"false is not held after an activation":  {activity{}, answer{workers: 0, replicas: 2, activated: at(-1)}, 0},
		"an edge is not held after another edge": {activity{true, false, at(-0.1)}, answer{workers: 1, replicas: 1, activated: at(0)}, 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tc.sent.due(at(0), tc.v); !got.Equal(at(tc.want)) {
				t.Errorf("due in %v, want %vs", got.Sub(at(0)), tc.want)
			}
		})
	}
}
