package local

import (
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
)

// spares is how many interpreters stand ready: the first workers of a burst do
// not wait for Python to import Ray, which is half of their start.
const spares = 2

// warmUp imports what `ray start` needs, waits for a line, and then is that
// `ray start`. It ends when we end.
const warmUp = `
import sys
sys.path = [p for p in sys.path if p]
import json, os
import ray.scripts.scripts as scripts
line = sys.stdin.readline()
if not line:
    sys.exit(0)
spec = json.loads(line)
log = os.open(spec["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
null = os.open(os.devnull, os.O_RDONLY)
os.dup2(null, 0), os.dup2(log, 1), os.dup2(log, 2)
os.environ.update(spec["env"])
sys.argv = spec["argv"]
sys.exit(scripts.main())
`

// spare is an interpreter that has imported Ray and started nothing.
type spare struct {
	cmd *exec.Cmd
	in  io.WriteCloser
}

func newSpare(r Ray, env []string) (*spare, error) {
	cmd := exec.Command(r.Python[0], append(r.Python[1:], "-u", "-c", warmUp)...)
	cmd.Env = env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("preparing a spare interpreter: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("preparing a spare interpreter: %w", err)
	}
	return &spare{cmd, in}, nil
}

// become turns the spare into a `ray start`.
func (s *spare) become(argv, env []string, log string) error {
	vars := make(map[string]string, len(env))
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		vars[name] = value
	}
	defer s.in.Close()
	return json.NewEncoder(s.in).Encode(map[string]any{"argv": argv, "env": vars, "log": log})
}

// end ends a spare that nobody needed.
func (s *spare) end() {
	_ = s.in.Close()
	_ = s.cmd.Wait() // it ends with its input
}
