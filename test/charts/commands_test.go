package charts

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
)

// TestCommands runs what the head's container runs, with echo for Ray: the
// user's commands in their order, each seen, none after one that fails.
func TestCommands(t *testing.T) {
	for name, c := range map[string]struct{ values, want string }{
		"both": {`{setupCommands: ['cd / && echo "$(pwd)" $$ | cut -d" " -f1', 'echo ''a  b'''], startCommands: [export A=1, 'echo "A=$A"']}`,
			"+ cd / && echo \"$(pwd)\" $$ | cut -d\" \" -f1\n/\n+ echo 'a  b'\na  b\n+ export A=1\n+ echo \"A=$A\"\nA=1\nstart -- ray start --head\n"},
		"start only":  {"{startCommands: [ulimit -n 64, ulimit -n]}", "+ ulimit -n 64\n+ ulimit -n\n64\nstart -- ray start --head\n"},
		"setup fails": {"{setupCommands: [echo a, exit 3, echo b], startCommands: [echo c]}", "+ echo a\na\n+ exit 3\nexit status 3\n"},
		"start fails": {"{startCommands: ['false', echo c]}", "+ false\nexit status 1\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := render(t, "ray-cluster", parsed(t, "head: "+c.values), newest)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, runHead(t, r)); d != "" {
				t.Error(d)
			}
		})
	}
}

// runHead runs the head's container up to the first option that follows
// --head, and returns what it says and how it ends.
func runHead(t *testing.T, r rendered) string {
	t.Helper()
	for _, m := range r.manifests {
		d, ok := object(t, m).(*appsv1.Deployment)
		if !ok || d.Name != "train-head" {
			continue
		}
		container := d.Spec.Template.Spec.Containers[0]
		args := slices.Concat(container.Command, container.Args)
		args = args[:slices.Index(args, "--head")+1]
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "$$", "$") // as the kubelet does
		}
		args[slices.Index(args, "/rayburst/rayburst")] = "echo"
		out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
		if err != nil {
			return string(out) + err.Error() + "\n"
		}
		return string(out)
	}
	t.Fatal("there is no head")
	return ""
}

// TestLauncher: what `rayburst up` makes of Ray's cluster YAMLs is taken by an
// API server, field by field.
func TestLauncher(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "deploy", "helm", "testdata", "*.yaml"))
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range strings.Split(string(text), "---\n")[1:] {
			object(t, m)
		}
	}
}
