// Command mutate breaks the planner's rules one by one and runs its tests: each
// must notice. A rule that no test notices ends it with 1. The files of the
// project are not touched.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var survived []string
	for i, m := range mutations {
		overlay, err := m.overlay(filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			return fmt.Errorf("%s: %w", m.rule, err)
		}
		start := time.Now()
		by, err := test(ctx, overlay)
		if err != nil {
			return fmt.Errorf("%s: %w", m.rule, err)
		}
		fmt.Printf("%-60s %s (%.0f s)\n", m.rule, by, time.Since(start).Seconds())
		if by == "" {
			survived = append(survived, m.rule)
		}
	}
	if len(survived) > 0 {
		return fmt.Errorf("no test notices: %s", strings.Join(survived, "; "))
	}
	fmt.Printf("%d broken rules, all noticed\n", len(mutations))
	return nil
}

// overlay writes the broken file and what tells the compiler to read it.
func (m mutation) overlay(dir string) (string, error) {
	path, err := filepath.Abs(filepath.Join("nodetypes", m.file))
	if err != nil {
		return "", err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(b), m.code); n != 1 {
		return "", fmt.Errorf("%s has %q %d times, want once: the list of mutations is older than the code", m.file, m.code, n)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	broken, list := filepath.Join(dir, m.file), filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(broken, []byte(strings.Replace(string(b), m.code, m.broken, 1)), 0o644); err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": {path: broken}})
	if err != nil {
		return "", err
	}
	return list, os.WriteFile(list, text, 0o644)
}

// test runs the planner's tests and returns the first that fails; none: empty.
// It fails where the broken code does not compile, which shows nothing.
func test(ctx context.Context, overlay string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-overlay", overlay, "-count=1", "-failfast", "-timeout", "2m", "./nodetypes/...")
	out, err := cmd.CombinedOutput()
	if err == nil {
		return "", nil
	}
	text := string(out)
	if strings.Contains(text, "[build failed]") || strings.Contains(text, "[setup failed]") {
		return "", fmt.Errorf("the broken code does not compile:\n%s", text)
	}
	for l := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(l), "--- FAIL: "); ok && strings.Contains(text, "--- FAIL") {
			name, _, _ = strings.Cut(name, " ")
			return name, nil
		}
	}
	return "a test that does not end or panics", nil
}
