package record_test

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/rayburst/rayburst/scaler/record"
)

// FuzzPlayer: whatever follows a header, it is played or refused with an error
// that says what is wrong. So is another first line.
func FuzzPlayer(f *testing.F) {
	file, err := os.ReadFile(smallFile)
	if err != nil {
		f.Fatal(err)
	}
	lines := bytes.SplitAfter(file, []byte("\n"))
	f.Add(lines[0], []byte(nil))
	for _, line := range lines[1:] {
		f.Add([]byte(nil), line)
	}
	f.Add([]byte(nil), bytes.Join(lines[1:5], nil))
	f.Add([]byte(nil), bytes.Join(bytes.SplitAfter(record.FromMiddle(f, file), []byte("\n"))[1:], nil))
	f.Fuzz(func(t *testing.T, first, rest []byte) {
		if len(first) == 0 {
			first = lines[0]
		}
		_, err := play(append(bytes.Clone(first), rest...))
		var other *record.Difference
		if err != nil && !errors.Is(err, record.ErrRecording) && !errors.As(err, &other) {
			t.Errorf("an error of another kind: %v", err)
		}
	})
}
