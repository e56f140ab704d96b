package main

import "syscall"

const setnsCall = 308 // of x86-64

func newNetns() error { return syscall.Unshare(syscall.CLONE_NEWNET) }

func setNetns(fd uintptr) error {
	if _, _, e := syscall.RawSyscall(setnsCall, fd, syscall.CLONE_NEWNET, 0); e != 0 {
		return e
	}
	return nil
}

// newMounts makes a mount namespace from which nothing comes back.
func newMounts() error {
	if err := syscall.Unshare(syscall.CLONE_NEWNS); err != nil {
		return err
	}
	return syscall.Mount("", "/", "", syscall.MS_SLAVE|syscall.MS_REC, "")
}

func bind(from, to string) error { return syscall.Mount(from, to, "", syscall.MS_BIND, "") }

// unmount takes a mount away even while it is used.
func unmount(path string) error { return syscall.Unmount(path, syscall.MNT_DETACH) }
