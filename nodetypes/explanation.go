package nodetypes

import "github.com/rayburst/rayburst/demand"

// Explanation is a plan with its reasons.
type Explanation struct {
	Reply Reply
	// Items are the constraint's requests, those of the gangs, then those of
	// the tasks, each in the order of the request.
	Items []Item
}

// Kind says which part of the demand an item belongs to.
type Kind string

// The kinds of items.
const (
	ConstraintItem Kind = "constraint" // of request_resources()
	GangItem       Kind = "gang"       // of a placement group
	TaskItem       Kind = "task"       // tasks and actors
)

// Item is one request of the demand and what became of it. Equal requests of
// the tasks, of a gang or of the constraint are added together; of a
// STRICT_PACK gang the sum of the bundles with one selector is one request.
//
// Count is the sum of Nodes, New and Infeasible.
type Item struct {
	Kind     Kind
	Gang     string // the gang's name, of a gang's item
	Strategy demand.Strategy
	demand.Shape
	Nodes      []OnNode // that exist, in the order of the request
	New        []OnType // nodes to launch, in the order of the node types
	Infeasible int64
	// Missing is how many found no place. Of a gang or a constraint that is
	// infeasible as a whole, it tells the requests that it failed for.
	Missing int64
	// Types has every node type, in their order.
	Types []Considered
	// Nearest is the type that lacks least, where no type can ever hold the
	// request; else empty.
	Nearest string
}

// OnNode is how many requests a node that exists takes.
type OnNode struct {
	ID, Type string
	Count    int64
}

// OnType is how many requests new nodes of a type take. Nodes counts those
// that were opened for this item: a node that takes several is opened for the
// first of them in the order of placement, the largest.
type OnType struct {
	Type  string
	Nodes int64
	Count int64
}

// Verdict says why new nodes of a type take a request or do not.
type Verdict string

// The verdicts.
const (
	Chosen      Verdict = "chosen"              // new nodes of the type take some
	Lacking     Verdict = "lacks"               // not even an empty node could
	TypeFull    Verdict = "max-workers-of-type" // the type is at its maximum
	ClusterFull Verdict = "max-workers"         // the cluster is at its maximum
	Outscored   Verdict = "outscored"           // another type scored higher, or equal and came first
	NotNeeded   Verdict = "not-needed"          // nodes that exist or are planned anyway have room
	NotPlaced   Verdict = "not-placed"          // it could, but not all of a gang or constraint has a place
)

// Considered is a node type and what was decided about it for an item.
type Considered struct {
	Type    string
	Verdict Verdict
	Detail  string // for people
	Lacks   []Lack // if Lacking
	// Score is the type's in the round in which a new node first took the
	// item, if it was compared there and lacks nothing.
	Score *Score
}

// Explain plans like [Schedule], with the same reply, and says why. It costs
// more: at least (requests) × (node types).
func Explain(q Request) Explanation {
	p := newPlan(&q, &Planner{})
	p.trace = &trace{plan: p, gangs: make([][]Item, len(q.Demand.Gangs))}
	return Explanation{p.run(), p.trace.items()}
}
