package main

import (
	"os"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"
)

// trim gives back the memory that only the start has needed: most of this
// program is code and tables of other commands, whose initialization has been
// read from the file once. What is used again is read again.
func trim() {
	debug.FreeOSMemory()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return // it only saves memory
	}
	self, _ := os.Executable()
	for line := range strings.Lines(string(maps)) {
		if begin, end, ok := readOnly(line, self); ok {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, begin, end-begin, unix.MADV_DONTNEED) // likewise
		}
	}
}
