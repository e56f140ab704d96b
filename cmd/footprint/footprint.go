// Package footprint keeps programs that run for long, beside KEDA and in every
// Ray pod, small.
package footprint

import (
	"os"
	"runtime/debug"
	"time"
)

// started is when a program that runs for long has started, on its own and with
// many clusters.
var started = []time.Duration{3 * time.Second, 15 * time.Second}

// garbage is how much garbage may be left, in percent of what is in use.
const garbage = 40

// Reduce makes the program spare memory, for a little more CPU, and give back
// twice what only its start needed. $GOGC overrides how much garbage is left.
func Reduce() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	for _, after := range started {
		time.AfterFunc(after, trim)
	}
}
