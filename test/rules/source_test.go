package rules

import (
	"go/ast"
	"go/token"
	"slices"
	"testing"
)

// TestClock: the clock is read in cmd/ and in tests; all else is told the time.
func TestClock(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() || in(s.folder, "cmd") {
			continue
		}
		ast.Inspect(s.File, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && readsClock(sel) {
				t.Errorf("%s: time.%s outside cmd/ and tests", s.at(n), sel.Sel.Name)
			}
			return true
		})
	}
}

func readsClock(s *ast.SelectorExpr) bool {
	x, ok := s.X.(*ast.Ident)
	return ok && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until"}, s.Sel.Name)
}

// TestPureCode: no goroutines, channels or timers where everything is a value.
func TestPureCode(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() || !slices.Contains(pure, s.folder) {
			continue
		}
		ast.Inspect(s.File, func(n ast.Node) bool {
			if what := concurrent(n); what != "" {
				t.Errorf("%s: %s in a pure folder", s.at(n), what)
			}
			return true
		})
	}
}

func concurrent(n ast.Node) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "a goroutine"
	case *ast.ChanType:
		return "a channel"
	case *ast.SelectStmt:
		return "a select"
	case *ast.SelectorExpr:
		x, ok := n.X.(*ast.Ident)
		timers := []string{"After", "AfterFunc", "NewTicker", "NewTimer", "Sleep", "Tick"}
		if ok && x.Name == "time" && slices.Contains(timers, n.Sel.Name) {
			return "time." + n.Sel.Name
		}
	}
	return ""
}

// TestDocComments: every exported name says what it is.
func TestDocComments(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() || s.generated() {
			continue
		}
		for _, d := range s.Decls {
			for _, id := range undocumented(d) {
				t.Errorf("%s: %s has no doc comment", s.at(id), id.Name)
			}
		}
	}
}

func undocumented(d ast.Decl) []*ast.Ident {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && (d.Recv == nil || ast.IsExported(receiver(d))) {
			return []*ast.Ident{d.Name}
		}
	case *ast.GenDecl:
		if d.Tok == token.IMPORT || d.Doc != nil {
			return nil // one comment speaks for a group
		}
		var out []*ast.Ident
		for _, spec := range d.Specs {
			out = append(out, undocumentedSpec(spec)...)
		}
		return out
	}
	return nil
}

func undocumentedSpec(spec ast.Spec) []*ast.Ident {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Doc == nil && s.Comment == nil && s.Name.IsExported() {
			return []*ast.Ident{s.Name}
		}
	case *ast.ValueSpec:
		if s.Doc == nil && s.Comment == nil {
			return slices.DeleteFunc(slices.Clone(s.Names), func(id *ast.Ident) bool { return !id.IsExported() })
		}
	}
	return nil
}

// receiver is the name of a method's type.
func receiver(d *ast.FuncDecl) string {
	e := d.Recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}
