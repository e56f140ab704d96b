// Package deploy is a Ray cluster as something that can be deployed: Ray's
// cluster YAML in, node types, pods and the values of the Helm chart out.
package deploy

import (
	"fmt"
	"time"

	"github.com/rayburst/rayburst/nodetypes"
)

// Cluster is what a Ray cluster YAML says.
type Cluster struct {
	Name string
	// Types are the worker types in the file's order, which decides ties.
	Types []nodetypes.NodeType
	// Head is the head's type; it is also in Types if it may have workers.
	Head           nodetypes.NodeType
	MaxWorkers     int // of the whole cluster, without the head
	UpscalingSpeed float64
	IdleTimeout    time.Duration
	// HeadPod is how the head's pod is made, and Pods how those of a type are, by
	// the type's name.
	HeadPod Pod
	Pods    map[string]Pod
	// FileMounts are local paths by their place on all nodes.
	FileMounts map[string]string
	// RsyncExclude are patterns of what of them is left out, and RsyncFilter names
	// of files with further ones.
	RsyncExclude, RsyncFilter []string
	// Namespace is that of Ray's former Kubernetes provider; empty: any.
	Namespace string
	// Warnings are things in the file that have no effect here, for people.
	Warnings []string
}

// Type is a worker type by name.
func (c *Cluster) Type(name string) (nodetypes.NodeType, bool) {
	for _, t := range c.Types {
		if t.Name == name {
			return t, true
		}
	}
	return nodetypes.NodeType{}, false
}

func (c *Cluster) warnf(format string, args ...any) {
	c.Warnings = append(c.Warnings, fmt.Sprintf(format, args...))
}
