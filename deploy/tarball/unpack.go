package tarball

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Unpack unpacks an archive at a path, as rsync does: an archive of one file is
// that file at the path, unless that is a folder or ends in a slash. Nothing is
// written outside the path: names and symbolic links that lead there fail.
func Unpack(r io.Reader, at string) error {
	in := tar.NewReader(r)
	first, err := in.Next()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the archive: %w", err)
	}
	dir := at
	if first.Typeflag == tar.TypeReg && !isFolder(at) {
		dir, first.Name = filepath.Dir(at), filepath.Base(at)
	}
	return unpack(in, first, dir)
}

func isFolder(p string) bool {
	info, err := os.Stat(p)
	return strings.HasSuffix(p, "/") || err == nil && info.IsDir()
}

func unpack(in *tar.Reader, h *tar.Header, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making %s: %w", dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("opening %s: %w", dir, err)
	}
	defer root.Close()
	for {
		if err := place(root, h, in); err != nil {
			return fmt.Errorf("unpacking %q in %s: %w", h.Name, dir, err)
		}
		h, err = in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the archive: %w", err)
		}
	}
}

func place(root *os.Root, h *tar.Header, in io.Reader) error {
	name := path.Clean(h.Name)
	mode := os.FileMode(h.Mode).Perm()
	if dir := path.Dir(name); dir != "." {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, mode|0o700)
	case tar.TypeSymlink:
		if err := root.Remove(name); err != nil && !os.IsNotExist(err) {
			return err
		}
		return root.Symlink(h.Linkname, name)
	case tar.TypeReg:
		return write(root, name, mode, in)
	}
	return nil
}

// write replaces a file, which may be a program that runs.
func write(root *os.Root, name string, mode os.FileMode, in io.Reader) error {
	if err := root.Remove(name); err != nil && !os.IsNotExist(err) {
		return err
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, in)
	return errors.Join(err, f.Close(), root.Chmod(name, mode))
}

// UnpackPlaces unpacks an archive whose names are places on this machine:
// absolute, or with ~/ in home.
func UnpackPlaces(r io.Reader, home string) error {
	in := tar.NewReader(r)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the archive: %w", err)
		}
		if err := placeAt(h, home, in); err != nil {
			return fmt.Errorf("unpacking %q: %w", h.Name, err)
		}
	}
}

func placeAt(h *tar.Header, home string, in io.Reader) error {
	full := Home(h.Name, home)
	if !filepath.IsAbs(full) {
		return errors.New("the place must be absolute or begin with ~/")
	}
	dir := filepath.Dir(filepath.Clean(full))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	at := *h
	at.Name = filepath.Base(full)
	return place(root, &at, in)
}

// Home is a path in which ~ stands for home.
func Home(p, home string) string {
	if p == "~" {
		return home
	}
	if rest, ok := strings.CutPrefix(p, "~/"); ok {
		joined := filepath.Join(home, rest)
		if strings.HasSuffix(p, "/") {
			joined += "/"
		}
		return joined
	}
	return p
}
