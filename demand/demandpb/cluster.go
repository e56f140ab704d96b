package demandpb

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/rayburst/rayburst/demand"
)

// cluster decodes the GCS's view: its rows one by one, as few of them change.
func (d *Decoder) cluster(m *message) (*demand.ClusterState, error) {
	var rest []byte // all but the rows
	var rows []*demand.Node
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

func (d *Decoder) row(m *message, b []byte) (*demand.Node, error) {
	n := d.rows[string(firstText(b))].again(b)
	if m.known = append(m.known, n != nil); n != nil {
		return n, nil
	}
	var row Node
	if err := proto.Unmarshal(b, &row); err != nil {
		return nil, err
	}
	n = node(&row)
	m.rows = append(m.rows, said[*demand.Node]{raw: b, value: n})
	return n, nil
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
