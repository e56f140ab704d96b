package footprint

import (
	"debug/elf"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

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
	relocated := dynamic(self)
	for line := range strings.Lines(string(maps)) {
		if begin, end, ok := readOnly(line, self); ok && !(relocated && strings.Contains(line, " r--p ")) {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, begin, end-begin, unix.MADV_DONTNEED) // likewise
		}
	}
}

// dynamic tells whether a program was linked dynamically, as with cgo: what the
// linker wrote into its read-only data is lost when that is read again.
func dynamic(file string) bool {
	f, err := elf.Open(file)
	if err != nil {
		return true
	}
	defer f.Close()
	return slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_DYNAMIC })
}

// cpuTime is how much CPU the program has used.
func cpuTime() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u) // it fails for others than ourselves only
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
