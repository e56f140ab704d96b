package demandpb

import (
	"hash/maphash"
	"slices"
	"unique"

	"github.com/rayburst/rayburst/demand"
)

// Of what a node said last not the message is kept but its print, and what it
// means. Prints of two messages are equal by chance once in 2⁶⁴ times, and nobody
// can bring it about, as the seed is a decoder's own secret.

// speaker is a node and what it said last.
type speaker struct {
	of   demand.Cluster
	last *demand.Report
	load load
	view view
}

// nobody has said nothing yet.
var nobody = speaker{last: &demand.Report{}}

func (d *Decoder) speaker(id []byte) *speaker {
	if s, ok := d.speakers[string(id)]; ok {
		return s
	}
	return &nobody
}

// repeats tells whether a report says no more than that its node is still there.
func (m *message) repeats(r *demand.Report) bool {
	last := m.load.value
	return (r.Cluster == nil || m.known.Cluster) && last != nil && r.Raylet.Same(last) && m.of == m.cluster
}

// load is a node's, as it said it.
type load struct {
	value      *demand.RayletLoad // nil: none
	print      uint64
	size       int
	begin      int // so many of its first bytes are all its amounts; 0: not known
	beginPrint uint64
}

// view is the GCS's, as the head said it.
type view struct {
	value  *demand.ClusterState // nil: none
	packed uint64               // the print of what came packed; 0: it did not
	prints []uint64             // of its rows
}

// row is one of the GCS's, as the head said it.
type row struct {
	value *demand.Node // nil: none
	print uint64
	size  int
}

func (d *Decoder) print(b []byte) uint64 { return maphash.Bytes(d.seed, b) }

// begins tells whether a message begins with the amounts that were said last.
func (d *Decoder) begins(b []byte, last *load) bool {
	return last.begin > 0 && len(b) >= last.begin && d.print(b[:last.begin]) == last.beginPrint
}

// remember keeps what a report says that was found to be right.
func (d *Decoder) remember(r *demand.Report, m *message) {
	s := m.speaker
	if s == &nobody {
		s = &speaker{}
		d.speakers[r.NodeID] = s
		d.size += len(r.NodeID)
	}
	s.view = m.seen
	if s.last = r; s.of != m.cluster {
		s.of = unique.Make(m.cluster).Value() // the subject that it came from is not kept so
	}
	if r.Raylet != nil {
		d.size += m.raylet.size - s.load.size
		s.load = m.raylet
	}
	for _, row := range m.rows {
		last, ok := d.rows[row.value.ID]
		if !ok {
			d.size += len(row.value.ID)
		}
		d.size += row.size - last.size
		d.rows[row.value.ID] = row
	}
}

// shared is an amount of resources, or one of those that equals it: so a node
// that says the same of itself several times keeps it once.
func shared(r demand.Resources, others ...demand.Resources) demand.Resources {
	if i := slices.IndexFunc(others, func(o demand.Resources) bool { return slices.Equal(o, r) }); i >= 0 {
		return others[i]
	}
	return slices.Clone(r)
}
