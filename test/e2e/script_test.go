package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// script is a driver that runs beside the test: it says lines, and goes on when
// it is told to.
type script struct {
	t     *testing.T
	in    io.Writer
	lines chan string
}

func prelude(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("testdata/prelude.py")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// python is the command that runs Python in the head's pod.
func (c *cluster) python(args ...string) []string {
	return append([]string{"kubectl", "-n", c.namespace, "exec", "-i", "deploy/" + release + "-head", "-c", "ray", "--", "/opt/venv/bin/python"}, args...)
}

// begin starts a script. It is not waited for at the test's end.
func (c *cluster) begin(code string) *script {
	c.t.Helper()
	args := c.python("-c", prelude(c.t)+code)
	cmd := exec.CommandContext(c.t.Context(), args[0], args[1:]...)
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	cmd.Stderr = os.Stderr
	if inErr != nil || outErr != nil {
		c.t.Fatal(inErr, outErr)
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	s := &script{t: c.t, in: in, lines: make(chan string, 100)}
	go func() {
		defer close(s.lines)
		for r := bufio.NewScanner(out); r.Scan(); {
			s.lines <- r.Text()
		}
		_ = cmd.Wait() // what it has said counts
	}()
	return s
}

// says waits for a line that begins with a word and returns the words after it.
func (s *script) says(word string) []string {
	s.t.Helper()
	late := time.After(patience)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				s.t.Fatalf("the script ended before it said %q", word)
			}
			if words := strings.Fields(line); len(words) > 0 && words[0] == word {
				return words[1:]
			}
		case <-late:
			s.t.Fatalf("not after %v: the script says %q", patience, word)
		}
	}
}

// tell lets the script go on after a pause.
func (s *script) tell() {
	s.t.Helper()
	if _, err := fmt.Fprintln(s.in); err != nil {
		s.t.Fatal(err)
	}
}
