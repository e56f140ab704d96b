//go:build !linux

package footprint

import "time"

// trim does nothing here.
func trim() {}

// cpuTime is not known here, so that one core seems to suffice never.
func cpuTime() time.Duration { return time.Duration(time.Now().UnixNano()) }
