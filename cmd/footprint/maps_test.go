package footprint

import "testing"

func TestReadOnly(t *testing.T) {
	for line, want := range map[string]bool{
		"00400000-02a3b000 r-xp 00000000 fe:00 12345   /rayburst":         true,
		"02a3b000-05e00000 r--p 0263b000 fe:00 12345   /rayburst":         true,
		"05e00000-05f00000 rw-p 05a00000 fe:00 12345   /rayburst":         false,
		"7f0000000000-7f0000100000 r-xp 00000000 fe:00 99   /lib/libc.so": false,
		"c000000000-c000400000 rw-p 00000000 00:00 0":                     false,
		"zz-02a3b000 r-xp 00000000 fe:00 12345   /rayburst":               false,
		"": false,
	} {
		if _, _, ok := readOnly(line, "/rayburst"); ok != want {
			t.Errorf("%q: %v", line, ok)
		}
	}
	if begin, end, _ := readOnly("00400000-02a3b000 r-xp 00000000 fe:00 12345 /ray burst", "/ray burst"); begin != 0x400000 || end != 0x2a3b000 {
		t.Errorf("%x-%x", begin, end)
	}
}

// TestTrim: the program works on after it.
func TestTrim(t *testing.T) {
	trim()
	TestReadOnly(t)
}
