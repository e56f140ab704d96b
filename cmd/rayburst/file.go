package main

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// createRecording creates the file of a recording; one that ends in .gz is
// compressed.
func createRecording(path string) (io.WriteCloser, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("creating the recording: %w", err)
	}
	if !strings.HasSuffix(path, ".gz") {
		return f, nil
	}
	return &gzipFile{Writer: gzip.NewWriter(f), file: f, flushed: time.Now()}, nil
}

// gzipFile is a compressed file of which at most the last second is lost when
// the program is killed.
type gzipFile struct {
	*gzip.Writer
	file    *os.File
	flushed time.Time
}

// Write writes what can be read at once if the last time is a second ago.
func (g *gzipFile) Write(p []byte) (int, error) {
	n, err := g.Writer.Write(p)
	if err == nil && time.Since(g.flushed) > time.Second {
		g.flushed, err = time.Now(), g.Flush()
	}
	return n, err
}

// Close writes what is left.
func (g *gzipFile) Close() error { return errors.Join(g.Writer.Close(), g.file.Close()) }

// openRecording opens a recording, compressed or not.
func openRecording(path string) (io.Reader, func() error, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the recording: %w", err)
	}
	in := bufio.NewReader(f)
	if magic, err := in.Peek(2); err != nil || string(magic) != "\x1f\x8b" {
		return in, f.Close, nil
	}
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("opening the recording %s: %w", path, err), f.Close())
	}
	return z, f.Close, nil
}
