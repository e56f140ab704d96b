// Package helm renders the chart of a Ray cluster with Helm's engine, so that
// what Rayburst applies is what `helm install` would.
package helm

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"text/template"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"

	"github.com/rayburst/rayburst/charts"
)

const chartName = "ray-cluster"

// Load is the chart that the binary carries.
func Load() (*chart.Chart, error) {
	var files []*archive.BufferedFile
	err := fs.WalkDir(charts.RayCluster, chartName, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := charts.RayCluster.ReadFile(path)
		files = append(files, &archive.BufferedFile{Name: strings.TrimPrefix(path, chartName+"/"), Data: b})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the chart: %w", err)
	}
	c, err := loader.LoadFiles(files)
	if err != nil {
		return nil, fmt.Errorf("loading the chart: %w", err)
	}
	return c, nil
}

// Release is what a chart is rendered for.
type Release struct {
	Name, Namespace string
	Kubernetes      string // the version; empty: the one that Helm was built for
	// Lookup finds an object for the chart, which keeps what it has made at random
	// so. An empty one is not found; nil: nothing is asked of a Kubernetes cluster.
	Lookup func(apiVersion, kind, namespace, name string) (map[string]any, error)
}

// Render are the manifests of a release with these values, in the order of
// installation. It fails with what Lookup fails with.
func Render(r Release, values map[string]any) (string, error) {
	c, err := Load()
	if err != nil {
		return "", err
	}
	capabilities := common.DefaultCapabilities.Copy()
	if r.Kubernetes != "" {
		v, err := common.ParseKubeVersion(r.Kubernetes)
		if err != nil {
			return "", fmt.Errorf("the version of Kubernetes: %w (got %q)", err, r.Kubernetes)
		}
		capabilities.KubeVersion = *v
	}
	options := common.ReleaseOptions{Name: r.Name, Namespace: r.Namespace, IsInstall: true, Revision: 1}
	all, err := util.ToRenderValues(c, values, options, capabilities)
	if err != nil {
		return "", fmt.Errorf("the chart's values: %w", err)
	}
	var e engine.Engine
	if r.Lookup != nil {
		e.CustomTemplateFuncs = template.FuncMap{"lookup": r.Lookup}
	}
	files, err := e.RenderWithContext(context.Background(), c, all) // the engine waits for nothing else
	if err != nil {
		return "", fmt.Errorf("rendering the chart: %w", err)
	}
	return manifests(files)
}

// manifests are the objects of rendered files as one YAML stream.
func manifests(files map[string]string) (string, error) {
	for name := range files {
		if strings.HasSuffix(name, "NOTES.txt") {
			delete(files, name)
		}
	}
	_, sorted, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return "", fmt.Errorf("rendering the chart: %w", err)
	}
	var out strings.Builder
	for _, m := range sorted {
		out.WriteString("---\n" + strings.TrimSpace(m.Content) + "\n")
	}
	return out.String(), nil
}
