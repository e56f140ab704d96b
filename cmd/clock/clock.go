// Package clock is the time that programs decide by.
package clock

import "time"

// Steady is the time as it was when the program began, and as the
// machine's monotonic clock has gone on since: it does not move when somebody
// sets the machine's clock, and its readings compare as a recording keeps them.
func Steady() func() time.Time {
	begin := time.Now()
	wall := begin.Round(0).UTC()
	return func() time.Time { return wall.Add(time.Since(begin)) }
}
