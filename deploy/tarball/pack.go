// Package tarball packs files of this machine into tar archives and unpacks
// them: for files that go to pods and come from there.
package tarball

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Source is a local file or folder and its place in an archive.
type Source struct {
	// Path is the local file or folder.
	Path string
	// Name is what it is called in the archive; that of a folder may be "." for its
	// contents alone.
	Name string
	// Skip says what of a folder is left out, by slash-separated paths relative to
	// it. nil: nothing.
	Skip func(path string, folder bool) bool
}

// Pack writes sources as a tar archive, files of folders in the order of their
// names, without times and owners: the same contents are the same bytes. What is
// neither file, folder nor symbolic link is left out.
func Pack(w io.Writer, sources ...Source) error {
	out := tar.NewWriter(w)
	for _, s := range sources {
		if err := s.pack(out); err != nil {
			return fmt.Errorf("packing %s: %w", s.Path, err)
		}
	}
	return out.Close()
}

func (s Source) pack(out *tar.Writer) error {
	root, err := filepath.EvalSymlinks(s.Path)
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if rel != "." && s.Skip != nil && s.Skip(rel, d.IsDir()) {
			return skipped(d)
		}
		return entry(out, p, path.Join(s.Name, rel), d)
	})
}

func skipped(d fs.DirEntry) error {
	if d.IsDir() {
		return fs.SkipDir
	}
	return nil
}

func entry(out *tar.Writer, file, name string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	h := &tar.Header{Name: name, Mode: int64(info.Mode().Perm())}
	switch kind := info.Mode().Type(); kind {
	case 0:
		h.Typeflag, h.Size = tar.TypeReg, info.Size()
		return errors.Join(out.WriteHeader(h), contents(out, file, h.Size))
	case fs.ModeDir:
		h.Typeflag, h.Name = tar.TypeDir, name+"/"
		return out.WriteHeader(h)
	case fs.ModeSymlink:
		h.Typeflag = tar.TypeSymlink
		if h.Linkname, err = os.Readlink(file); err != nil {
			return err
		}
		return out.WriteHeader(h)
	}
	return nil
}

// contents copies as many bytes as the header says: a file that grows meanwhile
// is cut.
func contents(out io.Writer, file string, size int64) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.CopyN(out, in, size)
	return err
}

// Base is the name that rsync gives a local or remote path in the target: empty
// for a folder that ends in a slash, whose contents are meant.
func Base(p string) string {
	if strings.HasSuffix(p, "/") || p == "." || strings.HasSuffix(p, "/.") {
		return "."
	}
	return path.Base(p)
}
