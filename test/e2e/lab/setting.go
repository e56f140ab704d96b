package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
)

// hostSettings are what a kubelet changes for the whole machine.
var hostSettings = []string{
	"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys",
	"kernel/keys/root_maxbytes",
}

// settingsFile holds them as they were before the first lab came up. Like
// them it is the machine's, and gone when the machine starts anew.
const settingsFile = "/run/rayburst-e2e.json"

// saveSettings notes them, for down to set them back.
func saveSettings() error {
	if _, err := os.Stat(settingsFile); err == nil {
		return nil
	}
	values := map[string]string{}
	for _, name := range hostSettings {
		if text, err := os.ReadFile("/proc/sys/" + name); err == nil {
			values[name] = strings.TrimSpace(string(text))
		}
	}
	text, err := json.Marshal(values)
	if err != nil {
		return fmt.Errorf("noting the machine's settings: %w", err)
	}
	return os.WriteFile(settingsFile, text, 0o644)
}

func restoreSettings() error {
	text, err := os.ReadFile(settingsFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	values := map[string]string{}
	if err = errors.Join(err, json.Unmarshal(text, &values)); err != nil {
		return fmt.Errorf("reading the machine's settings: %w", err)
	}
	for name, value := range values {
		path := "/proc/sys/" + name
		if now, _ := os.ReadFile(path); strings.TrimSpace(string(now)) != value {
			err = errors.Join(err, os.WriteFile(path, []byte(value), 0o644))
		}
	}
	return errors.Join(err, os.Remove(settingsFile))
}
