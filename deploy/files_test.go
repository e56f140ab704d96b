package deploy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/rayburst/rayburst/deploy"
)

func TestFiles(t *testing.T) {
	a, err := deploy.NewFiles("train", []byte("tar"), []byte("gz"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := deploy.NewFiles("train", []byte("another tar"), []byte("gz"))
	if err != nil || a.Secret == other.Secret || !strings.HasPrefix(a.Secret, "train-files-") {
		t.Errorf("%q and %q, %v", a.Secret, other.Secret, err)
	}
	if m, err := a.Manifest("train"); err != nil || !strings.Contains(m, "files.tar.gz: Z3o=\n") || !strings.Contains(m, "ray.io/cluster: train\n") {
		t.Error(m, err)
	}
	_, err = deploy.NewFiles("train", nil, make([]byte, 1<<20))
	if !errors.Is(err, deploy.ErrYAML) || !strings.Contains(err.Error(), "file_mounts: must be at most 1044480 bytes") || !strings.Contains(err.Error(), "(got 1048576)") {
		t.Errorf("got %v", err)
	}
}
