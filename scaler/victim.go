package scaler

import "time"

// Who goes when a Deployment shrinks is chosen by its ReplicaSet: pods that do not
// run yet before any others, then those that are not ready, then those that are
// marked (ActivePodsWithRanks in k8s.io/kubernetes pkg/controller).

const (
	// startPatience is for how long a worker that is about to run keeps the target
	// of its type from falling: it would go in the place of a drained one. One that
	// takes longer waits for a machine, which a drained one may be on.
	startPatience = 30 * time.Second
	// keptAfter is when a worker by which the target has fallen, and that nobody
	// removes, counts again.
	keptAfter = 2 * time.Second
)

// starting tells whether a worker of a type is about to run.
func (r *round) starting(nodeType string) bool {
	for name, since := range r.Loop.joining {
		if r.Now.Sub(since) >= startPatience || r.withdrawn[name] != nil {
			continue
		}
		at, there := r.roster.find(name, none)
		switch {
		case there && r.Workers[at].Type == nodeType && !r.Workers[at].Started:
			return true
		case !there && phantomType(name) == nodeType:
			return true
		}
	}
	return false
}

// takeBack finds the workers by which a target has fallen and that stay, since others
// went in their place: their type has no more workers than it asks for.
func (r *round) takeBack() {
	if len(r.removals)+len(r.withdrawn) == 0 {
		return
	}
	there := map[string]int{}
	for i := range r.Workers {
		there[r.Workers[i].Type]++
	}
	stays := func(since *time.Time, name string, lowered bool) bool {
		at, ok := r.roster.find(name, none)
		if !ok || !lowered {
			return false
		}
		t := r.byType[r.Workers[at].Type]
		return r.since(since, t != nil && t.Replicas == r.asked[t.Name] && there[t.Name] <= t.Replicas) >= keptAfter
	}
	for name, rem := range r.removals {
		if stays(&rem.kept, name, rem.lowered && !rem.recycled) {
			rem.lowered, rem.settled, rem.kept = false, time.Time{}, time.Time{}
		}
	}
	for name, g := range r.withdrawn {
		if stays(&g.kept, name, g.lowered) {
			delete(r.withdrawn, name)
		}
	}
}

// since is for how long something has been so; below zero: it is not.
func (r *round) since(at *time.Time, is bool) time.Duration {
	switch {
	case !is:
		*at = time.Time{}
		return -1
	case at.IsZero():
		*at = r.Now
	}
	return r.Now.Sub(*at)
}
