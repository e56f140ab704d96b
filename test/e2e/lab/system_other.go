//go:build !linux

package main

import "errors"

var errLinux = errors.New("needs Linux")

func newNetns() error           { return errLinux }
func setNetns(uintptr) error    { return errLinux }
func newMounts() error          { return errLinux }
func bind(string, string) error { return errLinux }
func unmount(string) error      { return errLinux }
