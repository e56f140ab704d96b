// Package pod is what runs inside a Ray pod: the agent's door, at which Ray's
// container asks whether it may start Ray, and the start itself, which keeps Ray
// running until its node is drained or the pod ends.
//
// The two containers share a folder: the agent puts the rayburst program, its
// socket and the latch there. No secret is ever in it, as Ray's tasks can read it.
package pod

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The names in the shared folder.
const (
	programName = "rayburst"
	socketName  = "agent.sock"
	latchName   = "drained"
)

// Latch keeps Ray from being started again in a pod whose node has been drained.
// It outlives the containers.
type Latch struct{ Dir string }

// Closed tells whether the node has been drained.
func (l Latch) Closed() bool {
	_, err := os.Stat(filepath.Join(l.Dir, latchName))
	return err == nil || !errors.Is(err, fs.ErrNotExist)
}

// Close closes the latch for good.
func (l Latch) Close() error {
	if err := os.WriteFile(filepath.Join(l.Dir, latchName), nil, 0o644); err != nil { //nolint:gosec // Ray's container reads it, as another user
		return fmt.Errorf("closing the latch: %w", err)
	}
	return nil
}
