package footprint

import (
	"strconv"
	"strings"
)

// readOnly is the range of a line of /proc/self/maps if it is a part of a file
// that is mapped without being writable:
//
//	00400000-02a3b000 r-xp 00000000 fe:00 12345   /rayburst
func readOnly(line, file string) (begin, end uintptr, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 6 || strings.Join(fields[5:], " ") != file || fields[1] != "r-xp" && fields[1] != "r--p" {
		return 0, 0, false
	}
	from, to, found := strings.Cut(fields[0], "-")
	low, err := strconv.ParseUint(from, 16, 64)
	high, err2 := strconv.ParseUint(to, 16, 64)
	return uintptr(low), uintptr(high), found && err == nil && err2 == nil && low < high
}
