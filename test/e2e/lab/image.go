package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// image is one layer made from files of this machine.
type image struct {
	name       string
	user       string // numeric, or pods with runAsNonRoot refuse it
	entrypoint string // "-": none
	items      []string
}

// layer is a layer that grows.
type layer struct{ w *tar.Writer }

func (y layer) put(h tar.Header, content []byte) error {
	h.Name, h.Size = strings.TrimPrefix(h.Name, "/"), int64(len(content))
	if err := y.w.WriteHeader(&h); err != nil {
		return err
	}
	_, err := y.w.Write(content)
	return err
}

func (y layer) dir(path string, mode int64) error {
	return y.put(tar.Header{Name: path, Typeflag: tar.TypeDir, Mode: mode}, nil)
}

// add adds an item: HOST=PATH, dir:PATH[:MODE], link:PATH=TARGET or
// text:PATH=CONTENT.
func (y layer) add(item string) error {
	kind, rest, _ := strings.Cut(item, ":")
	path, value, _ := strings.Cut(rest, "=")
	switch kind {
	case "dir":
		path, mode, ok := strings.Cut(rest, ":")
		if !ok {
			return y.dir(path, 0o755)
		}
		m, err := strconv.ParseInt(mode, 8, 64)
		return errors.Join(err, y.dir(path, m))
	case "link":
		return y.put(tar.Header{Name: path, Typeflag: tar.TypeSymlink, Mode: 0o777, Linkname: value}, nil)
	case "text":
		return y.put(tar.Header{Name: path, Typeflag: tar.TypeReg, Mode: 0o644}, []byte(value))
	}
	host, path, ok := strings.Cut(item, "=")
	if !ok {
		return errors.New("an item is HOST=PATH, dir:PATH[:MODE], link:PATH=TARGET or text:PATH=CONTENT")
	}
	return y.tree(host, path)
}

// tree adds a file, or a folder and all in it; what links lead to is copied.
func (y layer) tree(host, path string) error {
	return filepath.WalkDir(host, func(file string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		to, mode := path+strings.TrimPrefix(file, host), int64(info.Mode().Perm())
		if info.IsDir() {
			return y.dir(to, mode)
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		return y.put(tar.Header{Name: to, Typeflag: tar.TypeReg, Mode: mode}, content)
	})
}

// layer makes the image's only one.
func (im image) layer() ([]byte, error) {
	var out bytes.Buffer
	y := layer{tar.NewWriter(&out)}
	if err := y.dir("/tmp", 0o1777); err != nil {
		return nil, err
	}
	for _, item := range im.items {
		if err := y.add(item); err != nil {
			return nil, fmt.Errorf("adding %q to image %s: %w", item, im.name, err)
		}
	}
	return out.Bytes(), y.w.Close()
}

// object is JSON.
type object = map[string]any

// config says how containers of the image are run.
func (im image) config(layer string) object {
	run := object{"User": im.user, "Env": []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}}
	if im.entrypoint != "-" {
		run["Entrypoint"] = []string{im.entrypoint}
	}
	return object{
		"architecture": "amd64", "os": "linux", "config": run,
		"rootfs": object{"type": "layers", "diff_ids": []string{"sha256:" + layer}},
	}
}

// archive is the image as `docker save` would write it.
func (im image) archive() ([]byte, error) {
	content, err := im.layer()
	if err != nil {
		return nil, err
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(content))
	config, err := json.Marshal(im.config(sum))
	if err != nil {
		return nil, fmt.Errorf("writing the config of image %s: %w", im.name, err)
	}
	configName := fmt.Sprintf("%x.json", sha256.Sum256(config))
	manifest, err := json.Marshal([]object{{"Config": configName, "RepoTags": []string{im.name}, "Layers": []string{sum + ".tar"}}})
	if err != nil {
		return nil, fmt.Errorf("writing the manifest of image %s: %w", im.name, err)
	}
	var out bytes.Buffer
	y := layer{tar.NewWriter(&out)}
	for _, f := range []struct {
		name    string
		content []byte
	}{{configName, config}, {sum + ".tar", content}, {"manifest.json", manifest}} {
		if err := y.put(tar.Header{Name: f.name, Typeflag: tar.TypeReg, Mode: 0o644}, f.content); err != nil {
			return nil, fmt.Errorf("writing image %s: %w", im.name, err)
		}
	}
	return out.Bytes(), y.w.Close()
}
