//go:build !linux

package main

import (
	"errors"
	"syscall"
)

func namespace() *syscall.SysProcAttr { return nil }

func loopbackUp() error { return errors.New("the comparison with Ray's autoscaler needs Linux") }
