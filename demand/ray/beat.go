package ray

import (
	"hash/fnv"
	"time"

	"github.com/rayburst/rayburst/demand"
)

// rhythm lets the agents of one cluster poll and speak together, as far as
// their machines' clocks agree: what arrives together costs NATS and the scaler
// far less to carry, to read and to decide on. Clusters do not beat together.
// It is how far a cluster's beats are shifted.
type rhythm time.Duration

// rhythmOf is a cluster's.
func rhythmOf(c demand.Cluster) rhythm {
	h := fnv.New32a()
	_, _ = h.Write([]byte(c.String())) // never fails
	return rhythm(time.Duration(h.Sum32()) * time.Microsecond % workerRefresh)
}

// beat is the number of the beat, of a length of at most workerRefresh, that a
// moment is in.
func (r rhythm) beat(at time.Time, every time.Duration) int64 {
	return (at.UnixNano() + int64(r)) / int64(every)
}

// next is how long it takes until the next beat begins.
func (r rhythm) next(at time.Time, every time.Duration) time.Duration {
	return every - time.Duration((at.UnixNano()+int64(r))%int64(every))
}
