package kube

import (
	"fmt"
	"maps"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
)

// mirror keeps what we read of the objects of one resource and namespace. It is
// what a client-go Reflector fills: the whole objects are never kept.
type mirror[T comparable] struct {
	read    func(any) T
	index   func(T) string
	changed func()                // something is another now
	became  func(old, now T)      // an object that was known is another now; nil: nobody asks
	same    func(old, now T) bool // nothing is another that anybody waits for; nil: they are equal
	synced  chan struct{}

	mu    sync.RWMutex
	once  sync.Once
	items map[string]*T            // none is changed later
	by    map[string]map[string]*T // the same, by index
}

func newMirror[T comparable](read func(any) T, index func(T) string, changed func()) *mirror[T] {
	return &mirror[T]{
		read: read, index: index, changed: changed, synced: make(chan struct{}), items: map[string]*T{}, by: map[string]map[string]*T{},
	}
}

// get is an object by its name.
func (m *mirror[T]) get(name string) (T, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if v, ok := m.items[name]; ok {
		return *v, true
	}
	var none T
	return none, false
}

// all are the objects of an index value, by name. They must not be changed.
func (m *mirror[T]) all(index string) map[string]*T {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return maps.Clone(m.by[index])
}

// Add takes in an object.
func (m *mirror[T]) Add(obj any) error { return m.Update(obj) }

// Update takes in an object.
func (m *mirror[T]) Update(obj any) error {
	name, err := nameOf(obj)
	if err != nil {
		return err
	}
	v := m.read(obj)
	m.mu.Lock()
	old, had := m.items[name]
	if had {
		m.remove(name, *old)
	}
	m.put(name, v)
	m.mu.Unlock()
	news := !had || *old != v && (m.same == nil || !m.same(*old, v))
	if had && news && m.became != nil {
		m.became(*old, v)
	}
	if news {
		m.changed()
	}
	return nil
}

// Delete drops an object.
func (m *mirror[T]) Delete(obj any) error {
	name, err := nameOf(obj)
	if err != nil {
		return err
	}
	m.mu.Lock()
	if v, ok := m.items[name]; ok {
		m.remove(name, *v)
	}
	m.mu.Unlock()
	m.changed()
	return nil
}

// Replace makes the objects those of a list.
func (m *mirror[T]) Replace(list []any, _ string) error {
	m.mu.Lock()
	clear(m.items)
	clear(m.by)
	for _, obj := range list {
		name, err := nameOf(obj)
		if err != nil {
			m.mu.Unlock()
			return err
		}
		m.put(name, m.read(obj))
	}
	m.mu.Unlock()
	m.once.Do(func() { close(m.synced) })
	m.changed()
	return nil
}

// Resync does nothing.
func (m *mirror[T]) Resync() error { return nil }

func (m *mirror[T]) put(name string, v T) {
	m.items[name] = &v
	if i := m.index(v); m.by[i] == nil {
		m.by[i] = map[string]*T{name: &v}
	} else {
		m.by[i][name] = &v
	}
}

func (m *mirror[T]) remove(name string, v T) {
	delete(m.items, name)
	i := m.index(v)
	if delete(m.by[i], name); len(m.by[i]) == 0 {
		delete(m.by, i)
	}
}

func nameOf(obj any) (string, error) {
	o, err := meta.Accessor(obj)
	if err != nil {
		return "", fmt.Errorf("reading the name of a %T: %w", obj, err)
	}
	return o.GetName(), nil
}
