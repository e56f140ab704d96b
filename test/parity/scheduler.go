package main

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed scheduler.py
var schedulerSource string

// scheduler is Ray's scheduler in a Python process. It answers in the order in
// which it is asked; many cases may be on their way.
type scheduler struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// exact makes Ray's code compute with fractions.
const exact = "--exact"

// startScheduler starts a process that ends with the context or by stop.
func startScheduler(ctx context.Context, python string, args ...string) (*scheduler, error) {
	cmd := exec.CommandContext(ctx, python, append([]string{"-c", schedulerSource}, args...)...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("ray's scheduler: %w", err)
	}
	return &scheduler{cmd, in, bufio.NewReader(out)}, nil
}

// send asks; the case must be valid JSON.
func (s *scheduler) send(raw []byte) error {
	var line bytes.Buffer
	if err := json.Compact(&line, raw); err != nil {
		return err
	}
	line.WriteByte('\n')
	_, err := s.in.Write(line.Bytes())
	return err
}

func (s *scheduler) receive() (answer, error) {
	line, err := s.out.ReadBytes('\n')
	if errors.Is(err, io.EOF) {
		return answer{}, errors.New("ray's scheduler has ended: see its message above")
	} else if err != nil {
		return answer{}, fmt.Errorf("ray's scheduler: %w", err)
	}
	return parseAnswer(line)
}

func (s *scheduler) ask(raw []byte) (answer, error) {
	if err := s.send(raw); err != nil {
		return answer{}, err
	}
	return s.receive()
}

func (s *scheduler) stop() error {
	return errors.Join(s.in.Close(), s.cmd.Wait())
}

// lazily is a planner that asks Ray's scheduler, in a process that is started
// with the first case, and what stops it.
func lazily(ctx context.Context, python string, args ...string) (ask planner, stop func() error) {
	var s *scheduler
	ask = func(raw []byte) (a answer, err error) {
		if s == nil {
			if s, err = startScheduler(ctx, python, args...); err != nil {
				return answer{}, err
			}
		}
		return s.ask(raw)
	}
	return ask, func() error {
		if s == nil {
			return nil
		}
		return s.stop()
	}
}

// findPython is the interpreter beside the ray command in RAYBURST_RAY.
func findPython() (string, error) {
	ray := os.Getenv("RAYBURST_RAY")
	python := filepath.Join(filepath.Dir(ray), "python")
	if _, err := exec.LookPath(python); ray == "" || err != nil {
		return "", fmt.Errorf("real Ray is needed: run `make ray` and set RAYBURST_RAY to its ray command (%q)", ray)
	}
	return python, nil
}
