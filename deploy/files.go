package deploy

import (
	"fmt"
	"hash/fnv"

	"sigs.k8s.io/yaml"
)

// FilesKey is the key of the archive in the Secret of file_mounts.
const FilesKey = "files.tar.gz"

// Files are the file_mounts of a cluster as they get to pods: an archive in a
// Secret that is called by its contents.
type Files struct {
	Secret  string // its name
	Archive []byte // tar.gz
}

// maxFiles is what a Secret holds, less what is around it.
const maxFiles = 1<<20 - 4096

// NewFiles are files of a cluster: tar tells contents apart, archive is it
// compressed. It fails with ErrYAML if a Secret cannot hold it.
func NewFiles(release string, tar, archive []byte) (Files, error) {
	if len(archive) > maxFiles {
		return Files{}, fmt.Errorf("%w: file_mounts: must be at most %d bytes when compressed, as they travel in a Secret; put what is larger into the image, mount a volume (run_options: -v), or copy it with rayburst rsync-up (got %d)",
			ErrYAML, maxFiles, len(archive))
	}
	h := fnv.New64a()
	_, _ = h.Write(tar) // a hash takes all
	return Files{Secret: fmt.Sprintf("%s-files-%016x", release, h.Sum64()), Archive: archive}, nil
}

// Labels are those of the Secret.
func (f Files) Labels(release string) map[string]string {
	return map[string]string{"app.kubernetes.io/name": "ray", "app.kubernetes.io/instance": release, "ray.io/cluster": release, "rayburst.io/files": "true"}
}

// Manifest is the Secret as YAML.
func (f Files) Manifest(release string) (string, error) {
	b, err := yaml.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Secret",
		"metadata": map[string]any{"name": f.Secret, "labels": f.Labels(release)},
		"data":     map[string][]byte{FilesKey: f.Archive},
	})
	if err != nil {
		return "", fmt.Errorf("writing the Secret of file_mounts: %w", err)
	}
	return "---\n" + string(b), nil
}
