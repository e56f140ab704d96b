// Package charts holds the Helm charts, so that the binary carries them.
package charts

import "embed"

// RayCluster is the chart ray-cluster, in a folder of that name.
//
//go:embed all:ray-cluster
var RayCluster embed.FS
