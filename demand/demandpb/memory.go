package demandpb

import (
	"bytes"

	"github.com/rayburst/rayburst/demand"
)

// speaker is a node with what it called itself last, and said.
type speaker struct {
	of                              demand.Cluster
	id, instance, nodeType, version string
	load                            said[*demand.RayletLoad]
}

// nobody has said nothing yet.
var nobody speaker

func (d *Decoder) speaker(id []byte) *speaker {
	if s, ok := d.speakers[string(id)]; ok {
		return s
	}
	return &nobody
}

// repeats tells whether a report says no more than that its node is still there.
func (m *message) repeats(r *demand.Report) bool {
	last := m.load.value
	return r.Cluster == nil && last != nil && r.Raylet.Same(last) && m.of == m.cluster
}

// said is what a node said last: as it came, and what it means.
type said[V comparable] struct {
	raw   []byte
	value V
	begin int // of a load: so many of the first bytes are all its amounts; 0: not known
}

// again is what was said if it is said again, else V's zero value. A nil
// receiver has said nothing.
func (s *said[V]) again(b []byte) (v V) {
	if s != nil && bytes.Equal(s.raw, b) {
		v = s.value
	}
	return v
}

// begins tells whether a message begins with the amounts that were said last.
func (s *said[V]) begins(b []byte) bool {
	return s.begin > 0 && bytes.HasPrefix(b, s.raw[:s.begin])
}

// keep copies what a node says now. It returns how many bytes more are kept.
func (s *said[V]) keep(now *said[V]) int {
	if s.value == now.value {
		return 0
	}
	raw := append(s.raw[:0], now.raw...)
	more := len(raw) - len(s.raw)
	*s = said[V]{raw, now.value, now.begin}
	return more
}

// remember keeps what a report says that was found to be right.
func (d *Decoder) remember(r *demand.Report, m *message) {
	s := m.speaker
	if s == &nobody {
		s = &speaker{id: r.NodeID}
		d.speakers[s.id] = s
		d.size += len(s.id)
	}
	s.of, s.instance, s.nodeType, s.version = m.cluster, r.InstanceID, r.NodeType, r.AgentVersion
	if m.raylet.raw != nil {
		d.size += s.load.keep(&m.raylet)
	}
	for i := range m.rows {
		d.rememberRow(&m.rows[i])
	}
}

func (d *Decoder) rememberRow(row *said[*demand.Node]) {
	s, ok := d.rows[row.value.ID]
	if !ok {
		s = &said[*demand.Node]{}
		d.rows[row.value.ID] = s
		d.size += len(row.value.ID)
	}
	d.size += s.keep(row)
}
