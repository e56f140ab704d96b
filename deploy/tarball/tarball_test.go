package tarball_test

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rayburst/rayburst/deploy/tarball"
)

// tree makes files, whose names end in / for folders and hold -> for links.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		switch to, link := strings.CutPrefix(text, "-> "); {
		case err != nil:
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(path, 0o755)
		case link:
			err = os.Symlink(to, path)
		default:
			err = os.WriteFile(path, []byte(text), 0o640)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// list is what tree has made.
func list(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		name, _ := filepath.Rel(dir, p)
		switch {
		case d.IsDir():
			if entries, _ := os.ReadDir(p); len(entries) == 0 {
				out[name+"/"] = ""
			}
		case d.Type() == fs.ModeSymlink:
			to, _ := os.Readlink(p)
			out[name] = "-> " + to
		default:
			b, err := os.ReadFile(p)
			out[name] = string(b)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var project = map[string]string{"main.py": "1", "lib/a.py": "2", "lib/deep/b.txt": "3", "empty/": "", "link": "-> main.py"}

// TestCopy copies as rsync does.
func TestCopy(t *testing.T) {
	for _, c := range []struct {
		name, from, to string // below the project, and below the target
		there, want    map[string]string
	}{
		{"a folder", "lib", "to/", nil, map[string]string{"to/lib/a.py": "2", "to/lib/deep/b.txt": "3"}},
		{"what is in a folder", "lib/", "to", nil, map[string]string{"to/a.py": "2", "to/deep/b.txt": "3"}},
		{"a file as", "main.py", "to/other.py", nil, map[string]string{"to/other.py": "1"}},
		{"a file into", "main.py", "to/", nil, map[string]string{"to/main.py": "1"}},
		{"a file into a folder that is there", "main.py", "to", map[string]string{"to/x": "y"}, map[string]string{"to/x": "y", "to/main.py": "1"}},
		{"a file over another", "main.py", "x", map[string]string{"x": "yyy"}, map[string]string{"x": "1"}},
		{"a link that is there is replaced", "main.py", "x", map[string]string{"x": "-> /none"}, map[string]string{"x": "1"}},
		{"links and empty folders", "./", "to", nil, map[string]string{
			"to/main.py": "1", "to/lib/a.py": "2", "to/lib/deep/b.txt": "3", "to/empty/": "", "to/link": "-> main.py",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			from, to := tree(t, project), tree(t, c.there)
			var b bytes.Buffer
			if err := tarball.Pack(&b, tarball.Source{Path: from + "/" + c.from, Name: tarball.Base(c.from)}); err != nil {
				t.Fatal(err)
			}
			if err := tarball.Unpack(&b, to+"/"+c.to); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, list(t, to)); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestPlaces unpacks at absolute places and at home.
func TestPlaces(t *testing.T) {
	from, to := tree(t, project), t.TempDir()
	var b, again bytes.Buffer
	sources := []tarball.Source{{Path: from + "/main.py", Name: to + "/etc/app.py"}, {Path: from + "/lib", Name: "~/code"}}
	if err := tarball.Pack(&b, sources...); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(from+"/main.py", fs.FileInfo.ModTime(must(os.Stat("/"))), fs.FileInfo.ModTime(must(os.Stat("/")))); err != nil {
		t.Fatal(err)
	}
	if err := tarball.Pack(&again, sources...); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Errorf("the same contents are other bytes: %v", err)
	}
	if err := tarball.UnpackPlaces(&b, to+"/home"); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"etc/app.py": "1", "home/code/a.py": "2", "home/code/deep/b.txt": "3"}
	if d := cmp.Diff(want, list(t, to)); d != "" {
		t.Error(d)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestOutside: an archive from elsewhere writes nothing outside its folder.
func TestOutside(t *testing.T) {
	for name, entries := range map[string][]tar.Header{
		"a name that leads out":           {{Name: "in/x", Typeflag: tar.TypeDir}, {Name: "../out", Typeflag: tar.TypeReg}},
		"an absolute name":                {{Name: "in/", Typeflag: tar.TypeDir}, {Name: "/out", Typeflag: tar.TypeReg}},
		"a link that leads out":           {{Name: "in", Typeflag: tar.TypeSymlink, Linkname: ".."}, {Name: "in/out", Typeflag: tar.TypeReg}},
		"an absolute link that leads out": {{Name: "in", Typeflag: tar.TypeSymlink, Linkname: "/tmp"}, {Name: "in/out", Typeflag: tar.TypeReg}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			var b bytes.Buffer
			w := tar.NewWriter(&b)
			for _, h := range entries {
				if err := w.WriteHeader(&h); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			err := tarball.Unpack(&b, dir+"/at")
			if err == nil {
				t.Error("it is unpacked")
			}
			for name := range list(t, dir) {
				if !strings.HasPrefix(name, "at") {
					t.Errorf("%s was written", name)
				}
			}
		})
	}
}

// TestExclude has patterns as rsync and git read them.
func TestExclude(t *testing.T) {
	from := tree(t, map[string]string{
		"a.py": "", "a.pyc": "", "b/a.pyc": "", "b/c.txt": "", "data/x": "", "b/data/x": "", "b/keep.log": "", "b/x.log": "", ".git/config": "",
		"b/.gitignore": "*.log\n!keep.log\n# a comment\n/c.txt\n",
	})
	skip, err := tarball.Exclude(from, []string{"*.pyc", "/data", ".git/"}, []string{".gitignore"})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := tarball.Pack(&b, tarball.Source{Path: from, Name: ".", Skip: skip}); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	if err := tarball.Unpack(&b, to); err != nil {
		t.Fatal(err)
	}
	var got []string
	for name := range list(t, to) {
		got = append(got, name)
	}
	want := []string{"a.py", "b/.gitignore", "b/data/x", "b/keep.log"}
	if d := cmp.Diff(want, slices.Sorted(slices.Values(got))); d != "" {
		t.Error(d)
	}
	if _, err := tarball.Exclude(from, []string{"[a"}, nil); err == nil || !strings.Contains(err.Error(), `rsync_exclude: must be patterns (got ["[a"])`) {
		t.Errorf("got %v", err)
	}
}

// FuzzUnpack: nothing that comes from elsewhere is written outside, or panics.
func FuzzUnpack(f *testing.F) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range []tar.Header{{Name: "d/", Typeflag: tar.TypeDir}, {Name: "d/l", Typeflag: tar.TypeSymlink, Linkname: "../.."}, {Name: "d/l/x", Typeflag: tar.TypeReg}} {
		_ = w.WriteHeader(&h)
	}
	_ = w.Close()
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, in []byte) {
		dir := t.TempDir()
		_ = tarball.Unpack(bytes.NewReader(in), dir+"/at")
		for name := range list(t, dir) {
			if !strings.HasPrefix(name, "at") {
				t.Errorf("%s was written", name)
			}
		}
	})
}
