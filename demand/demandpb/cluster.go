package demandpb

import (
	"errors"
	"fmt"
	"slices"

	"github.com/klauspost/compress/s2"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/rayburst/rayburst/demand"
)

var errTwice = errors.New("must have cluster or cluster_snappy, not both")

// maxRoom is how much room for a cluster's state is kept for the next.
const maxRoom = 1 << 20

// unpack takes the cluster's state out of a block of Snappy's format, unless it is
// what the head said last.
func (d *Decoder) unpack(m *message, packed []byte) error {
	if m.state != nil {
		return errTwice
	}
	if m.seen.packed = d.print(packed); m.view.value != nil && m.view.packed == m.seen.packed {
		m.seen, m.known.Cluster = m.view, true
		return nil
	}
	n, err := s2.DecodedLen(packed)
	if err == nil && n > MaxReportBytes {
		err = fmt.Errorf("must have at most %d bytes (got %d)", MaxReportBytes, n)
	}
	if err == nil {
		m.state, err = s2.Decode(d.unpacked, packed)
	}
	if err != nil {
		return fmt.Errorf("cluster_snappy: %w", err)
	}
	if n <= maxRoom {
		d.unpacked = m.state
	}
	if m.state == nil {
		m.state = []byte{} // it is there, and says nothing
	}
	return nil
}

// cluster decodes the GCS's view: its rows one by one, as few of them change.
func (d *Decoder) cluster(m *message) (*demand.ClusterState, error) {
	var rest []byte // all but the rows
	rows := make([]*demand.Node, 0, len(m.view.prints))
	m.seen.prints, m.known.Rows = make([]uint64, 0, len(m.view.prints)), make([]bool, 0, len(m.view.prints))
	f := fields{of: m.state}
	for f.next() {
		switch {
		case f.key == bytesField(2):
			var row *demand.Node
			row, f.err = d.row(m, f.bytes())
			rows = append(rows, row)
		case f.typ == protowire.BytesType:
			rest = protowire.AppendBytes(protowire.AppendTag(rest, f.num, f.typ), f.bytes())
		}
	}
	if f.err != nil {
		return nil, f.err
	}
	var state ClusterState
	if err := proto.Unmarshal(rest, &state); err != nil {
		return nil, err
	}
	s := clusterState(&state)
	s.Nodes = rows
	return s, nil
}

// row decodes a row, mostly the one that stood there last.
func (d *Decoder) row(m *message, b []byte) (*demand.Node, error) {
	now, at := row{print: d.print(b), size: len(b)}, len(m.seen.prints)
	m.seen.prints = append(m.seen.prints, now.print)
	if at < len(m.view.prints) && m.view.prints[at] == now.print {
		m.known.Rows = append(m.known.Rows, true)
		return m.view.value.Nodes[at], nil
	}
	last := d.rows[string(firstText(b))]
	known := last.value != nil && last.print == now.print
	if m.known.Rows = append(m.known.Rows, known); known {
		return last.value, nil
	}
	if last.value == nil {
		last.value = &demand.Node{}
	}
	var err error
	if now.value, err = d.node(b, last.value); err != nil {
		return nil, err
	}
	m.rows = append(m.rows, now)
	return now.value, nil
}

// firstText is field 1 if the message begins with it, as messages of ours do.
func firstText(b []byte) []byte {
	num, typ, n := protowire.ConsumeTag(b)
	if n < 0 || num != 1 || typ != protowire.BytesType {
		return nil
	}
	text, _ := protowire.ConsumeBytes(b[n:])
	return text
}

// node decodes a row. It has in common with the last one, or with what the node
// says itself, what is equal.
func (d *Decoder) node(b []byte, last *demand.Node) (*demand.Node, error) {
	n := &demand.Node{}
	d.total, d.free = d.total[:0], d.free[:0]
	f := fields{of: b}
	for f.next() {
		switch f.key {
		case bytesField(1):
			f.err = d.text(&n.ID, f.bytes(), last.ID)
		case bytesField(2):
			f.err = d.text(&n.InstanceID, f.bytes(), last.InstanceID)
		case bytesField(3):
			f.err = d.text(&n.Type, f.bytes(), last.Type)
		case numberField(4):
			n.Head = f.number != 0
		case numberField(5):
			n.Status = demand.NodeStatus(int32(f.number)) //nolint:gosec // as the generated code does
		case bytesField(6):
			f.err = d.resource(&d.total, f.bytes())
		case bytesField(7):
			f.err = d.resource(&d.free, f.bytes())
		case bytesField(8):
			f.err = d.label(n, f.bytes())
		case bytesField(9):
			f.err = d.more(&n.Gangs, f.bytes())
		case numberField(10):
			n.Idle = millis(f.number)
		case bytesField(11):
			f.err = d.more(&n.Activity, f.bytes())
		case bytesField(12):
			f.err = d.text(&n.Address, f.bytes(), last.Address)
		case numberField(13):
			n.StartTime = f.number
		}
	}
	d.share(n, last)
	return n, f.err
}

func (d *Decoder) share(n, last *demand.Node) {
	own := &demand.RayletLoad{}
	if s := d.speakers[n.ID]; s != nil && s.load.value != nil {
		own = s.load.value
	}
	n.Total = shared(d.total, last.Total, own.Total)
	n.Available = shared(d.free, last.Available, own.Available, n.Total)
	if slices.Equal(n.Labels, last.Labels) {
		n.Labels = last.Labels
	}
	if slices.Equal(n.Gangs, last.Gangs) {
		n.Gangs = last.Gangs
	}
	if slices.Equal(n.Activity, last.Activity) {
		n.Activity = last.Activity
	}
}

func (d *Decoder) more(to *[]string, b []byte) error {
	var s string
	err := d.text(&s, b, "")
	*to = append(*to, s)
	return err
}

// label sets a label; the last of equal ones counts.
func (d *Decoder) label(n *demand.Node, b []byte) error {
	var key, value string
	f := fields{of: b}
	for f.next() {
		switch f.key {
		case bytesField(1):
			f.err = d.text(&key, f.bytes(), "")
		case bytesField(2):
			f.err = d.text(&value, f.bytes(), n.ID)
		}
	}
	n.Labels = n.Labels.With(key, value)
	return f.err
}
