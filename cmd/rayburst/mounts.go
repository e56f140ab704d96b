package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/rayburst/rayburst/deploy"
	"github.com/rayburst/rayburst/deploy/tarball"
)

// packMounts packs the file_mounts of a cluster, by their places on the nodes.
func packMounts(c *deploy.Cluster) (deploy.Files, error) {
	sources, err := mounts(c)
	if err != nil {
		return deploy.Files{}, err
	}
	var tar, archive bytes.Buffer
	if err := tarball.Pack(&tar, sources...); err != nil {
		return deploy.Files{}, fmt.Errorf("file_mounts: %w", err)
	}
	z, err := gzip.NewWriterLevel(&archive, gzip.BestCompression)
	if err != nil {
		return deploy.Files{}, err
	}
	if _, err := z.Write(tar.Bytes()); err != nil {
		return deploy.Files{}, err
	}
	if err := z.Close(); err != nil {
		return deploy.Files{}, err
	}
	return deploy.NewFiles(c.Release(), tar.Bytes(), archive.Bytes())
}

// mounts are the file_mounts in the order of their places.
func mounts(c *deploy.Cluster) ([]tarball.Source, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "~" // then a path with ~ is not found
	}
	var out []tarball.Source
	var failed []error
	for _, place := range slices.Sorted(maps.Keys(c.FileMounts)) {
		local := tarball.Home(c.FileMounts[place], home)
		if _, err := os.Stat(local); err != nil {
			failed = append(failed, fmt.Errorf("file_mounts.%s: must be a local file or folder (got %q): %w", place, c.FileMounts[place], err))
			continue
		}
		skip, err := tarball.Exclude(local, c.RsyncExclude, c.RsyncFilter)
		if err != nil {
			return nil, err
		}
		out = append(out, tarball.Source{Path: local, Name: place, Skip: skip})
	}
	return out, errors.Join(failed...)
}
