package ray_test

import (
	"os"
	"path/filepath"
	"testing"
)

// TestTokenAtHome: a file ~/.ray/auth_token, which any `ray.init()` of Ray 2.60
// leaves behind, changes nothing; RAY_AUTH_MODE=token makes everything use it.
func TestTokenAtHome(t *testing.T) {
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".ray"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".ray", "auth_token"), []byte("0123456789abcdef0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"", "token"} {
		t.Run("mode "+mode, func(t *testing.T) {
			t.Setenv("HOME", home)
			t.Setenv("RAY_AUTH_MODE", mode)
			if mode == "" {
				os.Unsetenv("RAY_AUTH_MODE") // given back by Setenv
			}
			c := start(t, "testdata/scenarios.yaml")
			finish(t, drive(t, c, "tasks", "1", "0.1", "1", "0"))
			empty(t, c)
		})
	}
}
