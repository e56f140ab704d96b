package main

import (
	"compress/gzip"
	"fmt"
	"os"

	"github.com/rayburst/rayburst/deploy/tarball"
)

// unpackCmd unpacks what rayburst up and rsync-up brought.
type unpackCmd struct {
	Archive string `arg:"" help:"A tar.gz with places on this machine, or - for a tar on standard input."`
	To      string `arg:"" optional:"" help:"The place for what comes on standard input."`
}

// Run unpacks.
func (c *unpackCmd) Run() error {
	home, err := os.UserHomeDir()
	if err != nil {
		return fmt.Errorf("finding the home folder: %w", err)
	}
	if c.Archive == "-" {
		return tarball.Unpack(os.Stdin, tarball.Home(c.To, home))
	}
	f, err := os.Open(c.Archive)
	if err != nil {
		return fmt.Errorf("unpacking files: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("unpacking %s: %w", c.Archive, err)
	}
	return tarball.UnpackPlaces(z, home)
}

// packCmd packs what rsync-down fetches.
type packCmd struct {
	Path string `arg:"" help:"A file or folder; with a slash at the end, a folder's contents."`
}

// Run writes a tar to standard output.
func (c *packCmd) Run() error {
	home, err := os.UserHomeDir()
	if err != nil {
		return fmt.Errorf("finding the home folder: %w", err)
	}
	return tarball.Pack(os.Stdout, tarball.Source{Path: tarball.Home(c.Path, home), Name: tarball.Base(c.Path)})
}
