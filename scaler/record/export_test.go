package record

import (
	"testing"

	"github.com/rayburst/rayburst/scaler"
)

// Rewrite tells whether expected results are to be written anew.
var Rewrite = rewrite

// WorldAgain is a world as it is read after it was written.
func WorldAgain(w scaler.World) (scaler.World, error) {
	s, err := newSections(newWorld(w))
	if err != nil {
		return w, err
	}
	return readWorld(s)
}

// FromMiddle is a recording that begins with a checkpoint after five decisions
// of another.
func FromMiddle(t testing.TB, file []byte) []byte { return recordAgain(t, file, 5, 1<<30, false) }

// Limit is another longest line.
func (w *Writer) Limit(bytes int) { w.limit = bytes }

// ReadLineOf is ReadLine with another longest line.
var ReadLineOf = readLine
