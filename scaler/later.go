package scaler

import "encoding/json"

// Later is a value that is made when it is read, each time anew: a decision is
// made on every report, and few of them are looked at closely.
type Later[T any] struct {
	value T
	make  func() T
}

// Now is a value that is there already.
func Now[T any](v T) Later[T] { return Later[T]{value: v} }

// later is a value that make returns, the same whenever it is called.
func later[T any](make func() T) Later[T] { return Later[T]{make: make} }

// Get is the value.
func (l Later[T]) Get() T {
	if l.make != nil {
		return l.make()
	}
	return l.value
}

// MarshalJSON writes the value.
func (l Later[T]) MarshalJSON() ([]byte, error) { return json.Marshal(l.Get()) }

// UnmarshalJSON reads the value.
func (l *Later[T]) UnmarshalJSON(b []byte) error {
	l.make = nil
	return json.Unmarshal(b, &l.value)
}
