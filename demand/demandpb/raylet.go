package demandpb

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/rayburst/rayburst/demand"
)

// raylet decodes what a node says: of amounts that it has said before, nothing.
func (d *Decoder) raylet(m *message, r *demand.Report) error {
	last, now := &m.load, &m.raylet
	*now = load{print: d.print(m.said), size: len(m.said)}
	if last.value != nil && last.print == now.print {
		*now, m.known.Raylet = *last, true
		r.Raylet = last.value
		return nil
	}
	l, shapes := &demand.RayletLoad{}, 8 // as many as there were last time, or a few
	if last.value != nil {
		shapes = len(last.value.Demand)
	}
	r.Raylet, now.value = l, l
	if d.begins(m.said, last) {
		now.begin, now.beginPrint, l.Total, l.Available = last.begin, last.beginPrint, last.value.Total, last.value.Available
	} else if err := d.amounts(m, r.NodeID); err != nil {
		return err
	}
	return d.rest(m, shapes)
}

// amounts decodes what a load begins with. Before, the node mostly had as much,
// or has as much in the GCS's row, or all of it is free.
func (d *Decoder) amounts(m *message, node string) error {
	d.total, d.free = d.total[:0], d.free[:0]
	now, f := &m.raylet, fields{of: m.said}
read:
	for ; f.next(); now.begin = f.end {
		switch f.key {
		case bytesField(1):
			f.err = d.resource(&d.total, f.bytes())
		case bytesField(2):
			f.err = d.resource(&d.free, f.bytes())
		default:
			break read
		}
	}
	last, row := &demand.RayletLoad{}, &demand.Node{}
	if m.load.value != nil {
		last = m.load.value
	}
	if known := d.rows[node].value; known != nil {
		row = known
	}
	l := now.value
	now.beginPrint = d.print(m.said[:now.begin])
	l.Total = shared(d.total, last.Total, row.Total)
	l.Available = shared(d.free, last.Available, row.Available, l.Total)
	return f.err
}

// rest decodes a load behind its beginning. There may be more amounts, which
// spoil the beginning for the next time.
func (d *Decoder) rest(m *message, shapes int) error {
	l, now := m.raylet.value, &m.raylet
	more := func(to *demand.Resources, b []byte) error {
		now.begin, *to = 0, slices.Clone(*to)
		return d.resource(to, b)
	}
	f := fields{of: m.said[now.begin:]}
	for f.next() {
		switch f.key {
		case bytesField(1):
			f.err = more(&l.Total, f.bytes())
		case bytesField(2):
			f.err = more(&l.Available, f.bytes())
		case bytesField(3):
			if l.Demand == nil {
				l.Demand = make([]demand.QueuedDemand, 0, shapes)
			}
			l.Demand = append(l.Demand, demand.QueuedDemand{})
			f.err = d.queued(&l.Demand[len(l.Demand)-1], f.bytes())
		case numberField(4):
			l.Idle = millis(f.number)
		case numberField(5):
			l.Draining = f.number != 0
		case numberField(6):
			l.Truncated = f.number != 0
		}
	}
	return f.err
}

func (d *Decoder) queued(q *demand.QueuedDemand, b []byte) error {
	var request []byte
	f := fields{of: b}
	for f.next() {
		switch f.key {
		case bytesField(1):
			f.err = join(&request, f.bytes())
		case numberField(2):
			q.Queued = count(f.number)
		case numberField(3):
			q.Backlog = count(f.number)
		}
	}
	if f.err == nil {
		q.ResourceRequest, f.err = d.request(request)
	}
	return f.err
}

func (d *Decoder) request(b []byte) (demand.ResourceRequest, error) {
	if r, ok := d.requests[string(b)]; ok {
		return r, nil
	}
	var m ResourceRequest
	if err := proto.Unmarshal(b, &m); err != nil {
		return demand.ResourceRequest{}, err
	}
	r := request(&m)
	d.requests[string(b)] = r
	d.size += len(b)
	return r, nil
}
