package deploy

import (
	"slices"

	"github.com/rayburst/rayburst/nodetypes"
)

// Request asks for the plan of a cluster of which nothing runs and nothing
// waits. A head's type that can have no workers comes last, so that a node can
// be of it.
func (c *Cluster) Request() nodetypes.Request {
	types := slices.Clone(c.Types)
	if _, ok := c.Type(c.Head.Name); !ok {
		types = append(types, c.Head)
	}
	if c.MaxWorkers == 0 { // which a request cannot say
		for i := range types {
			types[i].MaxWorkers = 0
		}
	}
	return nodetypes.Request{
		NodeTypes: types, MaxWorkers: max(c.MaxWorkers, 1), IdleTimeout: new(c.IdleTimeout),
		UpscalingSpeed: new(c.UpscalingSpeed), ConserveGPUNodes: true,
	}
}
