// Package local runs a Ray cluster's workers as processes of this machine: the
// embedded default, with no Kubernetes. It does what a Deployment and a
// kubelet do elsewhere: it starts, restarts and removes workers until there
// are as many as the target says, and never removes one that Ray has started
// and not been drained.
package local

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ErrNoRay is wrapped when Ray is not installed where it was looked for.
var ErrNoRay = errors.New("ray is not installed")

// Ray is an installed Ray.
type Ray struct {
	Path    string   // of the ray command
	Python  []string // the interpreter that runs it
	Version string
	Client  bool // whether Ray Client's server would start with a head
}

// probe asks the installation without importing Ray, which takes a second.
const probe = `import importlib.metadata as m, importlib.util as u; print(m.version("ray"), u.find_spec("grpc") is not None)`

// FindRay looks for the ray command, in the PATH if it is no path. It fails
// with ErrNoRay and says what to do.
func FindRay(ctx context.Context, command string) (Ray, error) {
	path, err := exec.LookPath(command)
	if err != nil {
		return Ray{}, fmt.Errorf("%w: no command %q: run pip install ray, or give its path with --ray", ErrNoRay, command)
	}
	if path, err = filepath.Abs(path); err != nil {
		return Ray{}, fmt.Errorf("finding ray: %w", err)
	}
	python, err := interpreter(path)
	if err != nil {
		return Ray{}, fmt.Errorf("%w: %q: %w", ErrNoRay, path, err)
	}
	out, err := exec.CommandContext(ctx, python[0], append(python[1:], "-c", probe)...).Output()
	version, client, ok := strings.Cut(strings.TrimSpace(string(out)), " ")
	if err != nil || !ok {
		return Ray{}, fmt.Errorf("%w: %s finds no package ray: run pip install ray, or give another command with --ray", ErrNoRay, python[0])
	}
	return Ray{Path: path, Python: python, Version: version, Client: client == "True"}, nil
}

// interpreter is the Python that a script's first line names.
func interpreter(script string) ([]string, error) {
	f, err := os.Open(script)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	line, err := bufio.NewReader(f).ReadString('\n')
	words := strings.Fields(strings.TrimPrefix(line, "#!"))
	if err != nil || !strings.HasPrefix(line, "#!") || len(words) == 0 {
		return nil, errors.New("is not a script with an interpreter")
	}
	return words, nil
}
