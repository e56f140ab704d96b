// Package record is a recording of one cluster's decisions: all that its core
// was told, in order and with the moments, and every decision that it made. A
// [Writer] writes one, a [Player] makes the same decisions again from it and
// compares them byte by byte. docs/recording.md describes the format.
package record

import (
	"errors"
	"fmt"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/scaler"
)

// The format's name and version, as a recording's first line has them.
const (
	format  = "rayburst-recording"
	version = 1
)

// MaxLine is how many bytes a line has at most: a report of 32 MiB fits, and
// the checkpoint of a cluster of 20,000 nodes.
const MaxLine = 64 << 20

// ErrRecording is wrapped by every error about a recording's contents.
var ErrRecording = errors.New("bad recording")

// Header says what a recording is of.
type Header struct {
	Rayburst string // the version of the program that made it
	Cluster  demand.Cluster
	Start    time.Time // the moment from which people count
	Windows  demand.Windows
}

// Event is one thing that a core was told at a moment, or one decision. One of
// the pointers is set.
type Event struct {
	At     time.Time
	Report *demand.Report
	Answer *Answer
	Step   *Step
}

// Answer is what came of a drain.
type Answer struct {
	Worker   string `json:"worker"`
	Accepted bool   `json:"accepted"`
	Message  string `json:"message,omitempty"`
}

// Step is one decision and the world that it was made from, but for what the
// core knows itself.
type Step struct {
	World    scaler.World
	Decision *scaler.Decision
}

// The reasons for which recordings end as they should.
const (
	EndAsked  = "as asked"
	EndScaler = "the scaler has ended"
)

// fail is the error about a key of a recording.
func fail(key, rule string, value any) error {
	return fmt.Errorf("%w: %s: %s (got %.200s)", ErrRecording, key, rule, fmt.Sprint(value))
}
