package rules

import (
	"go/ast"
	"slices"
	"testing"
)

// The limits of a function's lines, from its first line to its last brace.
const (
	medianLines = 10
	ninthLines  = 40 // of nine in ten functions
)

// TestFunctionSizes holds the sizes of what is neither test nor generated.
func TestFunctionSizes(t *testing.T) {
	var sizes []int
	longest := ""
	for _, s := range sources(t) {
		if s.test() || s.generated() {
			continue
		}
		for _, d := range s.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			lines := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line + 1
			if len(sizes) == 0 || lines > slices.Max(sizes) {
				longest = f.Name.Name + " at " + s.at(f)
			}
			sizes = append(sizes, lines)
		}
	}
	slices.Sort(sizes)
	median, ninth := sizes[len(sizes)/2], sizes[len(sizes)*9/10]
	t.Logf("%d functions: median %d lines, 90 %% at most %d, the longest %d (%s)", len(sizes), median, ninth, sizes[len(sizes)-1], longest)
	if median > medianLines || ninth > ninthLines {
		t.Errorf("functions are too long: median %d (at most %d), 90 %% %d (at most %d)", median, medianLines, ninth, ninthLines)
	}
}
