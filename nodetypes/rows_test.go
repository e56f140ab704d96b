package nodetypes_test

import (
	"strings"
	"testing"

	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/test/planbench/rows"
)

// BenchmarkRows times the rows of docs/benchmarks.md.
func BenchmarkRows(b *testing.B) {
	for _, r := range rows.All() {
		b.Run(strings.NewReplacer(", ", "/", " ", "_", ",", "").Replace(r.Name), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				nodetypes.Schedule(r.Request)
			}
		})
	}
}
