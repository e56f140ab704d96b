package footprint

import (
	"os"
	"runtime"
	"time"
)

// OneCore makes a program that mostly waits use one core, and all of them while that
// does not suffice. On several cores threads wake one another for a little work
// each, which costs a tenth of the CPU. $GOMAXPROCS overrides it.
func OneCore() {
	if os.Getenv("GOMAXPROCS") == "" {
		go new(cores).adapt()
	}
}

// cores is how many cores are used.
type cores struct {
	one  bool
	calm int // looks in a row at which one would have sufficed
}

const (
	look   = 100 * time.Millisecond // so often it is looked at
	enough = 0.85                   // of one core in use between two looks: more, and one may not suffice
	calms  = 50                     // looks until one is tried again
)

// next tells whether one core suffices, after so much CPU in so much time.
func (c *cores) next(used, passed time.Duration) bool {
	if float64(used) > enough*float64(passed) {
		c.one, c.calm = false, 0
	} else if c.calm++; c.calm >= calms {
		c.one = true
	}
	return c.one
}

// adapt looks for ever.
func (c *cores) adapt() {
	used, at := cpuTime(), time.Now()
	for now := range time.Tick(look) {
		before, total := c.one, cpuTime()
		one := c.next(total-used, now.Sub(at))
		used, at = total, now
		switch {
		case one && !before:
			runtime.GOMAXPROCS(1)
		case before && !one:
			runtime.SetDefaultGOMAXPROCS()
		}
	}
}
