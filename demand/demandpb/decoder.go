package demandpb

import (
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rayburst/rayburst/demand"
)

// Decoder decodes reports. It remembers the parts that come again and again, so
// that most of a report costs a look-up: names, resources and requests as they
// stand in the message, and what each node said last. It is not safe for
// concurrent use; its zero value is ready. What it returns shares memory with
// what it returned before and must not be changed: a load or a row that has not
// changed is the very same one.
type Decoder struct {
	seed      maphash.Seed
	names     map[string]string
	resources map[string]demand.Resource
	requests  map[string]demand.ResourceRequest
	speakers  map[string]*speaker // by node
	rows      map[string]row      // by node
	size      int                 // bytes of what is remembered, as they came

	total, free demand.Resources // room for what is being decoded
	unpacked    []byte           // likewise
}

// maxRemembered is how many bytes a Decoder remembers until it forgets all.
const maxRemembered = 16 << 20

// Report decodes and checks a report. It fails with demand.ErrReport, naming
// the key, the rule and the value. Requests come out canonical and merged.
func (d *Decoder) Report(b []byte) (*demand.Report, error) {
	r, _, err := d.From(demand.Cluster{}, b)
	return r, err
}

// From is Report for what came from a cluster. The second result tells whether it
// says no more than that its node is still there: its load is the Same as in the
// cluster's report of that node before, and so is what a head says of the cluster.
func (d *Decoder) From(c demand.Cluster, b []byte) (r *demand.Report, repeats bool, err error) {
	if len(b) > MaxReportBytes {
		return nil, false, fmt.Errorf("%w: message: must have at most %d bytes (got %d)", demand.ErrReport, MaxReportBytes, len(b))
	}
	if d.names == nil || d.size > maxRemembered {
		*d = Decoder{
			seed: maphash.MakeSeed(), names: map[string]string{}, resources: map[string]demand.Resource{},
			requests: map[string]demand.ResourceRequest{}, speakers: map[string]*speaker{}, rows: map[string]row{},
		}
	}
	m := message{cluster: c}
	if r, err = d.report(b, &m); err != nil {
		return nil, false, fmt.Errorf("%w: message: must be a rayburst.v1.Report: %w", demand.ErrReport, err)
	}
	if err := r.CheckBut(m.known); err != nil {
		return nil, false, err
	}
	m.canonize(r)
	repeats = m.repeats(r)
	d.remember(r, &m)
	return r, repeats, nil
}

// message is a report as it came.
type message struct {
	*speaker // whose it is; nobody: a new one
	cluster  demand.Cluster
	raylet   load
	seen     view
	said     []byte // of the raylet; nil: it has none
	state    []byte // of the cluster; nil: it has none
	rows     []row  // that are new
	known    demand.Known
}

// report decodes a report.
func (d *Decoder) report(b []byte, m *message) (*demand.Report, error) {
	m.speaker = &nobody
	r := &demand.Report{}
	var packed []byte
	f := fields{of: b}
	for f.next() {
		switch f.key {
		case bytesField(1):
			m.speaker = d.speaker(f.bytes())
			f.err = d.text(&r.NodeID, f.bytes(), m.last.NodeID)
		case numberField(2):
			r.Incarnation = f.number
		case numberField(3):
			r.Sequence = f.number
		case bytesField(4):
			f.err = d.text(&r.InstanceID, f.bytes(), m.last.InstanceID)
		case bytesField(5):
			f.err = d.text(&r.NodeType, f.bytes(), m.last.NodeType)
		case bytesField(6):
			f.err = join(&m.said, f.bytes())
		case bytesField(7):
			f.err = join(&m.state, f.bytes())
		case bytesField(8):
			f.err = d.text(&r.AgentVersion, f.bytes(), m.last.AgentVersion)
		case bytesField(9):
			packed = f.bytes()
		}
	}
	if f.err == nil && len(packed) > 0 {
		f.err = d.unpack(m, packed)
	}
	if f.err == nil && m.said != nil {
		f.err = d.raylet(m, r)
	}
	if f.err == nil && m.state != nil {
		m.seen.value, f.err = d.cluster(m)
	}
	r.Cluster = m.seen.value
	return r, f.err
}

// join adds a part to a message: parts merge when they are decoded one after
// another. It fails if one that is joined is no message of its own.
func join(to *[]byte, part []byte) error {
	if *to == nil {
		*to = part
		return nil
	}
	for _, b := range [][]byte{*to, part} {
		if f := (fields{of: b}); f.check() != nil {
			return f.err
		}
	}
	*to = slices.Concat(*to, part)
	return nil
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
	f := fields{of: b}
	for f.next() {
		switch f.key {
		case bytesField(1):
			f.err = d.text(&e.Name, f.bytes(), "")
		case numberField(2):
			e.Amount = demand.Amount(f.number)
		}
	}
	return e, f.err
}

var errText = errors.New("text must be UTF-8")

// text is a name, mostly the one that stood there last.
func (d *Decoder) text(to *string, b []byte, last string) error {
	if string(b) == last {
		*to = last
		return nil
	}
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
