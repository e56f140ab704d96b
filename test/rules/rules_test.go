// Package rules holds the project's rules over its own source: who may import
// whom, where the clock is read, what is documented, how long functions are,
// and what errors say.
package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/rayburst/rayburst/"

// root is the module's folder.
const root = "../.."

// goPackage is one package of the module, its folder relative to the root.
type goPackage struct {
	Name, Dir, ImportPath                              string
	GoFiles, TestGoFiles, XTestGoFiles, IgnoredGoFiles []string
	Imports                                            []string
}

// folder is the package's path within the module.
func (p goPackage) folder() string { return strings.TrimPrefix(p.ImportPath, module) }

// packages are the module's packages; nested modules are not among them.
var packages = sync.OnceValues(func() ([]goPackage, error) {
	cmd := exec.Command("go", "list", "-json=Name,Dir,ImportPath,GoFiles,TestGoFiles,XTestGoFiles,IgnoredGoFiles,Imports", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var list []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
})

func allPackages(t *testing.T) []goPackage {
	t.Helper()
	list, err := packages()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 15 {
		t.Fatalf("go list found %d packages only", len(list))
	}
	return list
}

// source is one parsed file.
type source struct {
	*ast.File
	name   string // relative to the module's root
	folder string
	fset   *token.FileSet
}

func (s source) test() bool      { return strings.HasSuffix(s.name, "_test.go") || in(s.folder, "test") }
func (s source) generated() bool { return ast.IsGenerated(s.File) }

// at is a node's place for people.
func (s source) at(n ast.Node) string {
	p := s.fset.Position(n.Pos())
	return s.name + ":" + strconv.Itoa(p.Line)
}

// in tells whether a folder is dir or within it.
func in(folder, dir string) bool { return folder == dir || strings.HasPrefix(folder, dir+"/") }

// sources are all Go files of the module, those for other systems included.
func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	for _, p := range allPackages(t) {
		for _, list := range [][]string{p.GoFiles, p.IgnoredGoFiles, p.TestGoFiles, p.XTestGoFiles} {
			for _, f := range list {
				fset := token.NewFileSet()
				file, err := parser.ParseFile(fset, filepath.Join(p.Dir, f), nil, parser.ParseComments)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, source{file, p.folder() + "/" + f, p.folder(), fset})
			}
		}
	}
	return out
}
