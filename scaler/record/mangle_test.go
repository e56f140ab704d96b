package record_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/rayburst/rayburst/scaler/record"
)

// extremes are put in the place of values.
var extremes = []string{
	"null", "0", "-1", "1", "1e300", "9223372036854775807", "-9223372036854775808", "50000", `""`, `"x"`, `"cpu"`, `"inf"`, "[]", "{}", "true",
	`"0001-01-01T00:00:00Z"`, `"9999-12-31T23:59:59Z"`, `["x","x"]`, `{"x":{}}`, `[{}]`,
}

// mangle puts an extreme in the place of one value of a JSON text.
func mangle(t *testing.T, rng *rand.Rand, line []byte) []byte {
	t.Helper()
	var v any
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(mangled(rng, v))
	if err != nil {
		t.Fatal(err)
	}
	return append(out, '\n')
}

func mangled(rng *rand.Rand, v any) any {
	switch v := v.(type) {
	case map[string]any:
		if keys := slices.Sorted(maps.Keys(v)); len(keys) > 0 && rng.IntN(10) > 0 {
			key := keys[rng.IntN(len(keys))]
			v[key] = mangled(rng, v[key])
			return v
		}
	case []any:
		if len(v) > 0 && rng.IntN(10) > 0 {
			i := rng.IntN(len(v))
			v[i] = mangled(rng, v[i])
			return v
		}
	}
	return json.RawMessage(extremes[rng.IntN(len(extremes))])
}

// TestMangled: a recording in which values have been exchanged for others is
// played, or refused with an error that says what is wrong: nothing panics, and
// nothing takes long.
func TestMangled(t *testing.T) {
	file, err := os.ReadFile(smallFile)
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(120) {
		rng := rand.New(rand.NewPCG(seed, 1))
		lines := slices.Collect(bytes.Lines(file))
		if seed%2 == 0 {
			lines = slices.Collect(bytes.Lines(record.FromMiddle(t, file)))
		}
		for range 1 + rng.IntN(3) {
			i := rng.IntN(min(len(lines), 8))
			lines[i] = mangle(t, rng, lines[i])
		}
		begin := time.Now()
		_, err := play(bytes.Join(lines, nil))
		var other *record.Difference
		if err != nil && !errors.Is(err, record.ErrRecording) && !errors.As(err, &other) {
			t.Errorf("seed %d: an error of another kind: %v\n%s", seed, err, bytes.Join(lines, nil))
		}
		if took := time.Since(begin); took > 2*time.Second {
			t.Errorf("seed %d: took %v", seed, took)
		}
	}
}
