package keda_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rayburst/rayburst/scaler/keda"
)

// TestHeldWhileLed: KEDA is told of a rise from zero that somebody else writes
// when its cache shows it, or a second later if it is not written.
func TestHeldWhileLed(t *testing.T) {
	led := func(c *keda.Config) { c.Led = true }
	for name, tc := range map[string]struct {
		led     bool
		written int // tenths of a second until it is; 0: never
		stream  string
		asked   float64 // seconds until IsActive is answered
	}{
		"written by KEDA":    {false, 0, "0:false 3:true", 0},
		"written at once":    {true, 1, "0:false 4.1:true", 1.1},
		"written late":       {true, 8, "0:false 4.8:true", 1.8},
		"not written at all": {true, 0, "0:false 4:true", 1},
	} {
		t.Run(name, func(t *testing.T) {
			change := []func(*keda.Config){}
			if tc.led {
				change = append(change, led)
			}
			virtual(t, func(f *fixture) {
				f.publish("gpu=0/0")
				h := f.listenActive(ref("gpu"))
				f.confirm(3, "gpu=0/0")
				f.publish("gpu=5/0")
				begin, done := time.Now(), make(chan string, 1)
				go func() {
					active, err := f.isActive(ref("gpu"))
					done <- fmt.Sprint(active, " ", err, " ", time.Since(begin).Seconds())
				}()
				for i := 1; i <= 40; i++ {
					time.Sleep(100 * time.Millisecond)
					if tc.written > 0 && i >= tc.written {
						f.publish("gpu=5/5")
					}
				}
				wantHeard(t, h, tc.stream)
				if got, want := <-done, fmt.Sprint(true, " ", error(nil), " ", tc.asked); got != want {
					t.Errorf("IsActive: %s, want %s", got, want)
				}
			}, change...)
		})
	}
}
