package scaler

import (
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/nodetypes"
)

// member is one replica: a worker, or one that is asked for and not there yet.
type member struct {
	*Worker
	node  *demand.LiveNode // that it runs; nil: none
	at    int              // of node in the snapshot
	there bool
	use   *nodetypes.Use // what the plan puts on it; nil: nothing
	*await
}

// await is what only a member that has not joined has.
type await struct {
	plan  string    // its id in the plan
	since time.Time // since when it has been joining
	empty bool      // the plan leaves it empty
	extra bool      // it came although the target had fallen already
}

// id is the member's in the plan.
func (m *member) id() string {
	if m.node != nil {
		return m.node.ID
	}
	return m.plan
}

// owner says whose an alive node is.
type owner uint8

const (
	nobodys   owner = iota // no node type of ours started it, or its worker is not there and it leaves
	ours                   // a member's
	unclaimed              // of a type of ours; its worker is not there, and no replica is missing
	former                 // of a life of its worker that is over
)
