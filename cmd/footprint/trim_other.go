//go:build !linux

package footprint

// trim does nothing here.
func trim() {}
