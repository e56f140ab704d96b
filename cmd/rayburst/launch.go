package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/rayburst/rayburst/deploy"
	"github.com/rayburst/rayburst/deploy/helm"
	"github.com/rayburst/rayburst/deploy/kubectl"
)

// launch makes or updates one cluster.
type launch struct {
	target
	*upCmd
	begun time.Time
}

// run shows the change, asks, applies it and waits for the head.
func (l launch) run(ctx context.Context) error {
	l.begun = time.Now()
	l.warn(l.cluster)
	values, files, err := l.surrounded(ctx)
	if err != nil {
		return err
	}
	releases, err := helm.NewReleases(l.getter, l.Client.Namespace, 5*time.Minute)
	if err != nil {
		return err
	}
	changes, fresh, err := l.changes(ctx, releases, values)
	if err != nil {
		return err
	}
	if len(changes) == 0 {
		fmt.Fprintf(os.Stderr, "Ray cluster %s in namespace %s: nothing changes.\n", l.release(), l.Client.Namespace)
		return l.wait(ctx, "")
	}
	after, err := l.agreed(ctx, changes, fresh)
	if err != nil {
		return err
	}
	if err := l.apply(ctx, releases, values, files); err != nil {
		return err
	}
	return l.wait(ctx, after)
}

// surrounded are the values with what Kubernetes offers: RuntimeClasses and the
// scaler.
func (l launch) surrounded(ctx context.Context) (map[string]any, deploy.Files, error) {
	classes, err := l.RuntimeClasses(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "warning: no RuntimeClass is chosen for GPUs:", err)
	}
	values, files, err := l.values(l.cluster, classes)
	if err != nil {
		return nil, files, fmt.Errorf("%s: %w", l.Cluster, err)
	}
	scaler, err := l.FindScaler(ctx)
	if err != nil && values["rayburst"] != nil { // said with --values
		return values, files, nil
	}
	if err != nil {
		return nil, files, fmt.Errorf("%w (or say rayburst.namespace, release and image in a file for --values)", err)
	}
	return deploy.Overlay(map[string]any{"rayburst": scaler.Values()}, values), files, nil
}

// changes are what an update does; fresh: there is no such cluster yet.
func (l launch) changes(ctx context.Context, r *helm.Releases, values map[string]any) (changes []deploy.Change, fresh bool, err error) {
	found, plan, err := r.Plan(ctx, l.release(), values)
	if err != nil {
		return nil, false, err
	}
	old := ""
	if found != nil {
		old = found.Manifest
	}
	changes, err = deploy.Changes(old, plan)
	return changes, found == nil, err
}

// agreed shows changes and asks. It returns the UID of a head that they replace.
func (l launch) agreed(ctx context.Context, changes []deploy.Change, fresh bool) (after string, err error) {
	question := "Cluster not running. Launching a new cluster."
	if !fresh {
		question = "Updating the running cluster."
	}
	fmt.Fprintf(os.Stderr, "Ray cluster %s in namespace %s:\n%s", l.release(), l.Client.Namespace, describe(changes, fresh))
	if replaces(changes, l.release()+"-head") {
		if l.NoRestart {
			return "", fmt.Errorf("--no-restart: this change replaces the head: leave it out to make it")
		}
		if head, err := l.Head(ctx, l.release()); err == nil {
			after = string(head.UID)
			question += " The head is replaced: what runs ends."
		}
	}
	if l.Yes {
		return after, nil
	}
	return after, confirm(question)
}

func replaces(changes []deploy.Change, name string) bool {
	for _, c := range changes {
		if c.Verb == "change" && c.Kind == "Deployment" && c.Name == name {
			return c.ReplacesPods
		}
	}
	return false
}

var signs = map[string]string{"create": "+", "change": "~", "remove": "-"}

// describe are changes for people; those of a new cluster without their texts.
func describe(changes []deploy.Change, fresh bool) string {
	var b strings.Builder
	for _, c := range changes {
		note := ""
		if c.ReplacesPods && !fresh {
			note = " (its pods are replaced)"
		}
		fmt.Fprintf(&b, "  %s %s %s%s\n", signs[c.Verb], c.Kind, c.Name, note)
		for line := range strings.Lines(c.Diff) {
			fmt.Fprintf(&b, "      %s\n", strings.TrimRight(line, "\n"))
		}
	}
	return b.String()
}

func (l launch) apply(ctx context.Context, r *helm.Releases, values map[string]any, files deploy.Files) error {
	if files.Secret != "" {
		if err := l.PutFiles(ctx, l.release(), files); err != nil {
			return err
		}
	}
	if err := r.Apply(ctx, l.release(), values); err != nil {
		return err
	}
	if files.Secret == "" {
		return l.DropFiles(ctx, l.release())
	}
	return l.KeepFiles(ctx, l.release(), files)
}

// restart replaces the head's pod.
func (l launch) restart(ctx context.Context) error {
	head, err := l.Head(ctx, l.release())
	if err != nil {
		return err
	}
	if !l.Yes {
		if err := confirm("Restarting Ray on the head: what runs ends."); err != nil {
			return err
		}
	}
	l.begun = time.Now()
	if err := l.Delete(ctx, head.Name, 10*time.Second); err != nil {
		return err
	}
	return l.wait(ctx, string(head.UID))
}

// wait waits for the head and says what can be done with it.
func (l launch) wait(ctx context.Context, after string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, l.Timeout, fmt.Errorf("not ready after %s (--timeout)", l.Timeout))
	defer cancel()
	pod, err := l.WaitReady(ctx, l.release(), after, progress{begun: l.begun})
	if err != nil {
		if errors.Is(err, kubectl.ErrFailed) {
			return fmt.Errorf("%w\nit is tried again; mend the file and run rayburst up once more, or end it with rayburst down", err)
		}
		return err
	}
	l.next(pod)
	return nil
}

// next are the commands that people need now.
func (l launch) next(head *corev1.Pod) {
	args := l.again()
	fmt.Fprintf(os.Stderr, `
The head %s is ready. Useful commands:
  rayburst attach %[2]s             a shell there
  rayburst exec %[2]s 'ray status'  one command
  rayburst submit %[2]s SCRIPT.py   a script of yours
  rayburst dashboard %[2]s          Ray's dashboard
  rayburst status %[2]s             workers, and why
  rayburst down %[2]s
`, head.Name, args)
}

// again are the arguments that name the same cluster in another command.
func (f clusterFile) again() string {
	out := f.Cluster
	for _, a := range []struct{ flag, value string }{
		{"--cluster-name", f.ClusterName}, {"--kubeconfig", f.Kubeconfig}, {"--context", f.Context}, {"--namespace", f.Namespace},
	} {
		if a.value != "" {
			out += " " + a.flag + " " + a.value
		}
	}
	return out
}

// progress shows on standard error how a head starts.
type progress struct{ begun time.Time }

// Phase is a line with the time since the beginning.
func (p progress) Phase(text string) {
	fmt.Fprintf(os.Stderr, "%5.1fs %s\n", time.Since(p.begun).Seconds(), text)
}

// Log is a line of Ray's container.
func (p progress) Log(line string) { fmt.Fprintf(os.Stderr, "       | %s\n", line) }
