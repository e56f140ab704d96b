package deploy

import "fmt"

// FieldError is what is wrong at one key of a cluster YAML. It wraps ErrYAML.
type FieldError struct {
	Line  int    // of the file; 0: none is known
	Key   string // the way to it, joined by '.'
	Rule  string // what it must be
	Value string // what it is
}

// Error names the line, the key, the rule and the value.
func (e *FieldError) Error() string {
	line := ""
	if e.Line > 0 {
		line = fmt.Sprintf("line %d: ", e.Line)
	}
	return fmt.Sprintf("%v: %s%s", ErrYAML, line, e.Bare())
}

// Bare is the error without where it comes from: key, rule and value.
func (e *FieldError) Bare() string { return fmt.Sprintf("%s: %s (got %s)", e.Key, e.Rule, e.Value) }

// Unwrap is ErrYAML.
func (e *FieldError) Unwrap() error { return ErrYAML }
