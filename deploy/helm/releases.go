package helm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/kube"
	"helm.sh/helm/v4/pkg/release"
	v1 "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"
	"k8s.io/cli-runtime/pkg/genericclioptions"
)

// Releases are the Helm releases of a namespace, kept where `helm` keeps them.
type Releases struct {
	config    *action.Configuration
	namespace string
	timeout   time.Duration
}

// NewReleases reaches the releases of a namespace. Each step may take as long as
// timeout says.
func NewReleases(getter genericclioptions.RESTClientGetter, namespace string, timeout time.Duration) (*Releases, error) {
	config := action.NewConfiguration(action.ConfigurationSetLogger(slog.DiscardHandler))
	if err := config.Init(getter, namespace, "secret"); err != nil {
		return nil, fmt.Errorf("reaching Helm's releases: %w", err)
	}
	return &Releases{config: config, namespace: namespace, timeout: timeout}, nil
}

// Found is a release as it is installed.
type Found struct {
	Chart    string // its chart's name
	Manifest string
	Values   map[string]any // those that it was given
}

// Find is a release by name, or nil if there is none.
func (r *Releases) Find(name string) (*Found, error) {
	found, err := action.NewGet(r.config).Run(name)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the release %s/%s: %w", r.namespace, name, err)
	}
	rel, err := releaseOf(found)
	if err != nil {
		return nil, err
	}
	return &Found{Chart: rel.Chart.Metadata.Name, Manifest: rel.Manifest, Values: rel.Config}, nil
}

func releaseOf(found release.Releaser) (*v1.Release, error) {
	rel, ok := found.(*v1.Release)
	if !ok {
		return nil, fmt.Errorf("helm's release is of an unknown version: %T", found)
	}
	return rel, nil
}

// Plan is the manifest that Apply would apply, and the release as it is; nil: there
// is none. The API server is asked for what the chart looks up, and nothing is changed.
func (r *Releases) Plan(ctx context.Context, name string, values map[string]any) (*Found, string, error) {
	return r.run(ctx, name, values, action.DryRunServer)
}

// Apply installs or upgrades a release of the chart ray-cluster. It does not wait
// for pods. What others changed in fields of the chart is set back.
func (r *Releases) Apply(ctx context.Context, name string, values map[string]any) error {
	_, _, err := r.run(ctx, name, values, action.DryRunNone)
	return err
}

func (r *Releases) run(ctx context.Context, name string, values map[string]any, dry action.DryRunStrategy) (*Found, string, error) {
	found, err := r.Find(name)
	if err != nil {
		return nil, "", err
	}
	if found != nil && found.Chart != chartName {
		return nil, "", fmt.Errorf("cluster_name: must not be the name of a Helm release of another chart (got %q, which is of %s)", name, found.Chart)
	}
	c, err := Load()
	if err != nil {
		return nil, "", err
	}
	var out release.Releaser
	if found == nil {
		out, err = r.install(name, dry).RunWithContext(ctx, c, values)
	} else {
		out, err = r.upgrade(dry).RunWithContext(ctx, name, c, values)
	}
	if err != nil {
		return nil, "", fmt.Errorf("helm release %s/%s: %w", r.namespace, name, err)
	}
	rel, err := releaseOf(out)
	if err != nil {
		return nil, "", err
	}
	return found, rel.Manifest, nil
}

func (r *Releases) install(name string, dry action.DryRunStrategy) *action.Install {
	i := action.NewInstall(r.config)
	i.ReleaseName, i.Namespace, i.CreateNamespace = name, r.namespace, true
	i.WaitStrategy, i.Timeout, i.DryRunStrategy, i.ForceConflicts = kube.HookOnlyStrategy, r.timeout, dry, true
	return i
}

func (r *Releases) upgrade(dry action.DryRunStrategy) *action.Upgrade {
	u := action.NewUpgrade(r.config)
	u.Namespace, u.MaxHistory, u.ResetValues = r.namespace, 10, true
	u.WaitStrategy, u.Timeout, u.DryRunStrategy = kube.HookOnlyStrategy, r.timeout, dry
	u.ServerSideApply, u.ForceConflicts = "true", true
	return u
}

// Remove uninstalls a release; one that is not there is no failure. It does not
// wait for pods.
func (r *Releases) Remove(name string) error {
	u := action.NewUninstall(r.config)
	u.WaitStrategy, u.Timeout, u.IgnoreNotFound, u.DeletionPropagation = kube.HookOnlyStrategy, r.timeout, true, "background"
	if _, err := u.Run(name); err != nil {
		return fmt.Errorf("removing the Helm release %s/%s: %w", r.namespace, name, err)
	}
	return nil
}
