package demand

import (
	"errors"
	"fmt"
	"strings"
)

// Cluster names a Ray cluster.
type Cluster struct{ Namespace, Name string }

// ErrName is wrapped by the error about a cluster's or node's name that cannot
// stand in a subject.
var ErrName = errors.New("bad name")

// String is namespace/name.
func (c Cluster) String() string { return c.Namespace + "/" + c.Name }

// Check fails with ErrName unless both names can stand in a NATS subject: not
// empty, at most 253 bytes, and no blank, dot, '*' or '>'.
func (c Cluster) Check() error {
	if err := CheckToken("namespace", c.Namespace); err != nil {
		return err
	}
	return CheckToken("cluster name", c.Name)
}

// CheckToken fails with ErrName unless s can be one token of a NATS subject.
func CheckToken(key, s string) error {
	if s == "" || len(s) > 253 || strings.ContainsAny(s, " .*>\t\r\n\x00") {
		return fmt.Errorf("%w: %s: must be 1…253 bytes without blanks, dots, '*' and '>' (got %.80q)", ErrName, key, s)
	}
	return nil
}
