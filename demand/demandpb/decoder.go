package demandpb

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/rayburst/rayburst/demand"
)

// Decoder decodes reports. It remembers the parts that come again and again, so
// that most of a report costs a look-up: names, resources and requests as they
// stand in the message, and what each node said last. It is not safe for
// concurrent use; its zero value is ready. What it returns shares memory with
// what it returned before and must not be changed: a load or a row that has not
// changed is the very same one.
type Decoder struct {
	names     map[string]string
	resources map[string]demand.Resource
	requests  map[string]demand.ResourceRequest
	loads     map[string]*said[*demand.RayletLoad] // by node
	rows      map[string]*said[*demand.Node]       // by node
	size      int                                  // bytes of what is remembered, as they came
}

// maxRemembered is how many bytes a Decoder remembers until it forgets all.
const maxRemembered = 16 << 20

// Report decodes and checks a report. It fails with demand.ErrReport, naming
// the key, the rule and the value. Requests come out canonical and merged.
func (d *Decoder) Report(b []byte) (*demand.Report, error) {
	if len(b) > MaxReportBytes {
		return nil, fmt.Errorf("%w: message: must have at most %d bytes (got %d)", demand.ErrReport, MaxReportBytes, len(b))
	}
	if d.names == nil || d.size > maxRemembered {
		*d = Decoder{
			names: map[string]string{}, resources: map[string]demand.Resource{}, requests: map[string]demand.ResourceRequest{},
			loads: map[string]*said[*demand.RayletLoad]{}, rows: map[string]*said[*demand.Node]{},
		}
	}
	r, raylet, err := d.report(b)
	if err != nil {
		return nil, fmt.Errorf("%w: message: must be a rayburst.v1.Report: %w", demand.ErrReport, err)
	}
	if err := r.Check(); err != nil {
		return nil, err
	}
	r = canonical(r)
	if raylet.raw != nil {
		d.size += remember(d.loads, r.NodeID, raylet)
	}
	return r, nil
}

// report decodes a report. The second result is its raylet as it came, with nil
// bytes if it has none.
func (d *Decoder) report(b []byte) (*demand.Report, said[*demand.RayletLoad], error) {
	r := &demand.Report{}
	var raylet said[*demand.RayletLoad]
	var cluster []byte
	err := eachField(b, func(f field) error {
		switch f.key() {
		case bytesField(1):
			return d.text(&r.NodeID, f.bytes)
		case numberField(2):
			r.Incarnation = f.number
		case numberField(3):
			r.Sequence = f.number
		case bytesField(4):
			return d.text(&r.InstanceID, f.bytes)
		case bytesField(5):
			return d.text(&r.NodeType, f.bytes)
		case bytesField(6):
			raylet.raw = joined(raylet.raw, f.bytes)
		case bytesField(7):
			cluster = joined(cluster, f.bytes)
		case bytesField(8):
			return d.text(&r.AgentVersion, f.bytes)
		}
		return nil
	})
	if err == nil && raylet.raw != nil {
		err = d.load(r.NodeID, &raylet)
		r.Raylet = raylet.value
	}
	if err == nil && cluster != nil {
		r.Cluster, err = d.cluster(cluster)
	}
	return r, raylet, err
}

// joined are the parts of one message, which merge when they are decoded one
// after another.
func joined(first, second []byte) []byte {
	if first == nil {
		return second
	}
	return slices.Concat(first, second)
}

// load decodes what a node says: of amounts that it has said before, nothing.
func (d *Decoder) load(node string, s *said[*demand.RayletLoad]) error {
	last := d.loads[node]
	if s.value = last.again(s.raw); s.value != nil {
		return nil
	}
	s.value = &demand.RayletLoad{}
	shapes := 8 // as many as there were last time, or a few
	if last != nil {
		shapes = len(last.value.Demand)
	}
	if last.begins(s.raw) {
		s.begin, s.value.Total, s.value.Available = last.begin, last.value.Total, last.value.Available
	} else if err := d.amounts(s); err != nil {
		return err
	}
	return d.raylet(s, shapes)
}

var errOther = errors.New("a field of another kind")

// amounts decodes what a load begins with.
func (d *Decoder) amounts(s *said[*demand.RayletLoad]) error {
	rest, err := fields(s.raw, func(f field) error {
		switch f.key() {
		case bytesField(1):
			return d.resource(&s.value.Total, f.bytes)
		case bytesField(2):
			return d.resource(&s.value.Available, f.bytes)
		}
		return errOther
	})
	if s.begin = len(s.raw) - len(rest); err != nil && !errors.Is(err, errOther) {
		return err
	}
	return nil
}

// raylet decodes a load behind its beginning. There may be more amounts, which
// spoil the beginning for the next time.
func (d *Decoder) raylet(s *said[*demand.RayletLoad], shapes int) error {
	l := s.value
	more := func(to *demand.Resources, b []byte) error {
		s.begin, *to = 0, slices.Clone(*to)
		return d.resource(to, b)
	}
	return eachField(s.raw[s.begin:], func(f field) error {
		switch f.key() {
		case bytesField(1):
			return more(&l.Total, f.bytes)
		case bytesField(2):
			return more(&l.Available, f.bytes)
		case bytesField(3):
			q, err := d.queued(f.bytes)
			if l.Demand == nil {
				l.Demand = make([]demand.QueuedDemand, 0, shapes)
			}
			l.Demand = append(l.Demand, q)
			return err
		case numberField(4):
			l.Idle = millis(f.number)
		case numberField(5):
			l.Draining = f.number != 0
		case numberField(6):
			l.Truncated = f.number != 0
		}
		return nil
	})
}

func (d *Decoder) queued(b []byte) (q demand.QueuedDemand, err error) {
	var request []byte
	err = eachField(b, func(f field) error {
		switch f.key() {
		case bytesField(1):
			request = joined(request, f.bytes)
		case numberField(2):
			q.Queued = count(f.number)
		case numberField(3):
			q.Backlog = count(f.number)
		}
		return nil
	})
	if err == nil {
		q.ResourceRequest, err = d.request(request)
	}
	return q, err
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

// resource sets one entry of a map, in order of names; the last of equal ones
// counts.
func (d *Decoder) resource(to *demand.Resources, b []byte) error {
	e, ok := d.resources[string(b)]
	if !ok {
		var err error
		if e, err = d.entry(b); err != nil {
			return err
		}
		d.resources[string(b)] = e
		d.size += len(b)
	}
	if *to == nil {
		*to = make(demand.Resources, 0, 8)
	}
	if n := len(*to); n == 0 || (*to)[n-1].Name < e.Name {
		*to = append(*to, e)
		return nil
	}
	i, found := slices.BinarySearchFunc(*to, e.Name, func(r demand.Resource, name string) int { return strings.Compare(r.Name, name) })
	if found {
		(*to)[i] = e
	} else {
		*to = slices.Insert(*to, i, e)
	}
	return nil
}

func (d *Decoder) entry(b []byte) (e demand.Resource, err error) {
	err = eachField(b, func(f field) error {
		switch f.key() {
		case bytesField(1):
			return d.text(&e.Name, f.bytes)
		case numberField(2):
			e.Amount = demand.Amount(f.number)
		}
		return nil
	})
	return e, err
}

var errText = errors.New("text must be UTF-8")

func (d *Decoder) text(to *string, b []byte) error {
	s, ok := d.names[string(b)]
	if !ok {
		if !utf8.Valid(b) {
			return errText
		}
		s = string(b)
		d.names[s] = s
		d.size += len(s)
	}
	*to = s
	return nil
}

// field is one field of a message: a number or bytes.
type field struct {
	num    protowire.Number
	typ    protowire.Type
	number uint64
	bytes  []byte
}

// fieldKey tells fields apart: one that does not have its type is unknown.
type fieldKey uint64

func (f field) key() fieldKey { return fieldKey(protowire.EncodeTag(f.num, f.typ)) }

func bytesField(n protowire.Number) fieldKey {
	return fieldKey(protowire.EncodeTag(n, protowire.BytesType))
}
func numberField(n protowire.Number) fieldKey {
	return fieldKey(protowire.EncodeTag(n, protowire.VarintType))
}

// eachField visits the fields of a message in the order in which they stand.
func eachField(b []byte, visit func(field) error) error {
	_, err := fields(b, visit)
	return err
}

// fields is eachField. It returns what is left of the message from where it failed.
func fields(b []byte, visit func(field) error) ([]byte, error) {
	for len(b) > 0 {
		f, n := field{}, 0
		rest := b
		if f.num, f.typ, n = protowire.ConsumeTag(rest); n < 0 {
			return b, protowire.ParseError(n)
		}
		rest = rest[n:]
		switch f.typ {
		case protowire.VarintType:
			f.number, n = protowire.ConsumeVarint(rest)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(rest)
		default:
			n = protowire.ConsumeFieldValue(f.num, f.typ, rest)
		}
		if n < 0 {
			return b, protowire.ParseError(n)
		}
		if err := visit(f); err != nil {
			return b, err
		}
		b = rest[n:]
	}
	return b, nil
}
