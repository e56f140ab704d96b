package demandpb

import (
	"bytes"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/rayburst/rayburst/demand"
)

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

// begins tells whether a message begins with the amounts that were said last. A nil
// receiver has said nothing.
func (s *said[V]) begins(b []byte) bool {
	return s != nil && s.begin > 0 && bytes.HasPrefix(b, s.raw[:s.begin])
}

// remember keeps a copy of what a node says. It returns how many bytes more are kept.
func remember[V comparable](in map[string]*said[V], node string, now said[V]) int {
	s, ok := in[node]
	if !ok {
		now.raw = bytes.Clone(now.raw)
		in[node] = &now
		return len(now.raw) + len(node)
	}
	if s.value == now.value {
		return 0
	}
	more := len(now.raw) - len(s.raw)
	now.raw = append(s.raw[:0], now.raw...)
	*s = now
	return more
}

// cluster decodes the GCS's view: its rows one by one, as few of them change.
func (d *Decoder) cluster(b []byte) (*demand.ClusterState, error) {
	var rest []byte // all but the rows
	var rows []*demand.Node
	err := eachField(b, func(f field) error {
		switch {
		case f.key() == bytesField(2):
			row, err := d.row(f.bytes)
			rows = append(rows, row)
			return err
		case f.typ == protowire.BytesType:
			rest = protowire.AppendBytes(protowire.AppendTag(rest, f.num, f.typ), f.bytes)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var m ClusterState
	if err := proto.Unmarshal(rest, &m); err != nil {
		return nil, err
	}
	s := clusterState(&m)
	s.Nodes = rows
	return s, nil
}

func (d *Decoder) row(b []byte) (*demand.Node, error) {
	id := firstText(b)
	if n := d.rows[string(id)].again(b); n != nil {
		return n, nil
	}
	var m Node
	if err := proto.Unmarshal(b, &m); err != nil {
		return nil, err
	}
	n := node(&m)
	d.size += remember(d.rows, n.ID, said[*demand.Node]{raw: b, value: n})
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
