package tarball

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/moby/patternmatcher"
)

// Exclude is Source.Skip for rsync's --exclude patterns and for files such as
// .gitignore with further ones in the folders of a tree: a pattern without a
// slash fits at any depth, one with a slash in front only at the top.
func Exclude(root string, patterns, ignoreFiles []string) (func(string, bool) bool, error) {
	var all []string
	for _, p := range patterns {
		all = append(all, anywhere("", p))
	}
	more, err := ignored(root, ignoreFiles)
	if err != nil {
		return nil, err
	}
	matcher, err := patternmatcher.New(append(all, more...))
	if err != nil {
		return nil, fmt.Errorf("rsync_exclude: must be patterns (got %q): %w", patterns, err)
	}
	return func(p string, _ bool) bool {
		skip, err := matcher.MatchesOrParentMatches(p)
		return err == nil && skip
	}, nil
}

// anywhere is a pattern of rsync or git, of a folder, as the matcher reads it.
func anywhere(dir, pattern string) string {
	not := ""
	if rest, ok := strings.CutPrefix(pattern, "!"); ok {
		not, pattern = "!", rest
	}
	pattern = strings.TrimSuffix(pattern, "/")
	if rest, ok := strings.CutPrefix(pattern, "/"); ok {
		return not + path.Join(dir, rest)
	}
	return not + path.Join(dir, "**", pattern)
}

// ignored are the patterns of all files with the given names in a tree.
func ignored(root string, names []string) ([]string, error) {
	var out []string
	for _, name := range names {
		files, err := find(root, name)
		if err != nil {
			return nil, fmt.Errorf("rsync_filter: looking for %s in %s: %w", name, root, err)
		}
		for _, f := range files {
			patterns, err := patternsOf(root, f)
			if err != nil {
				return nil, err
			}
			out = append(out, patterns...)
		}
	}
	return out, nil
}

func find(root, name string) ([]string, error) {
	var out []string
	err := filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() == name {
			out = append(out, p)
		}
		return err
	})
	return out, err
}

func patternsOf(root, file string) ([]string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("rsync_filter: %w", err)
	}
	dir, err := filepath.Rel(root, filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	if dir = filepath.ToSlash(dir); dir == "." {
		dir = ""
	}
	var out []string
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, anywhere(dir, line))
		}
	}
	return out, nil
}
