// Package docs holds what the documents say of the code against the code.
package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

var (
	heading = regexp.MustCompile("(?m)^##.* `?(?:[^`\n]*: )?`([^`\n]+)`$")
	verb    = regexp.MustCompile(`%[-+#.0-9]*[a-zA-Z]`)
)

// TestMessages: every heading of docs/troubleshooting.md that quotes a message
// quotes one that the programs can say.
func TestMessages(t *testing.T) {
	text, err := os.ReadFile(root + "/docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	said := sayings(literals(t))
	found := heading.FindAllStringSubmatch(string(text), -1)
	if quoted := strings.Count(string(text), "\n### `"); len(found) < quoted || quoted < 30 {
		t.Fatalf("read %d headings of at least %d", len(found), quoted)
	}
	for _, m := range found {
		if !says(said, m[1]) {
			t.Errorf("nothing in the Go sources says %q", m[1])
		}
	}
}

// saying is a literal of the sources, and what it may become.
type saying struct {
	literal, shown string // verbs are … in what is shown
	pattern        *regexp.Regexp
}

func sayings(literals []string) []saying {
	out := make([]saying, len(literals))
	for i, l := range literals {
		out[i] = saying{l, verb.ReplaceAllString(l, "…"), pattern(l)}
	}
	return out
}

// says tells whether a text is one of the literals, or, if it is more than a
// word, a part of one. A verb of a literal is … in the text, or anything.
func says(said []saying, text string) bool {
	return slices.ContainsFunc(said, func(s saying) bool {
		return s.literal == text || strings.Contains(text, " ") && strings.Contains(s.shown, text) || s.pattern.MatchString(text)
	})
}

// never matches no text.
var never = regexp.MustCompile(`$.`)

// pattern is what a literal with verbs may become. One that is hardly more than
// its verbs says nothing.
func pattern(literal string) *regexp.Regexp {
	parts, fixed := verb.Split(literal, -1), 0
	for i, p := range parts {
		fixed += len(strings.Trim(p, ": ();,"))
		parts[i] = regexp.QuoteMeta(p)
	}
	if len(parts) == 1 || fixed < 8 {
		return never
	}
	return regexp.MustCompile("^" + strings.Join(parts, ".+") + "$")
}

// literals are the strings in the programs' sources, tests apart.
func literals(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, dir := range []string{"cmd", "demand", "deploy", "nodetypes", "scaler"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			more, err := literalsOf(path)
			out = append(out, more...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func literalsOf(path string) ([]string, error) {
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var out []string
	ast.Inspect(f, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if s, err := strconv.Unquote(l.Value); err == nil {
				out = append(out, s)
			}
		}
		return true
	})
	return out, nil
}

// TestSays: what is said is found, and what is not is missed.
func TestSays(t *testing.T) {
	said := sayings([]string{"%w: %s", "%d workers did not join (%s), next try %s", "report dropped", "%s: must be %d"})
	for text, want := range map[string]bool{
		"… workers did not join (…), next try …":            true,
		"3 workers did not join (quota), next try 10:00:00": true,
		"report dropped":     true,
		"workers did join":   false,
		"anything: at all":   false,
		"dropped":            false,
		"report drop is bad": false,
	} {
		if got := says(said, text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
