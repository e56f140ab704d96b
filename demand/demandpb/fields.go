package demandpb

import "google.golang.org/protobuf/encoding/protowire"

// fields are those of a message, one after another in the order in which they
// stand: a number, or bytes. Next tells whether there is one more; err is why
// not, if the message is not one, and is set by a reader who wants no more.
type fields struct {
	of     []byte // the message
	key    fieldKey
	num    protowire.Number
	typ    protowire.Type
	number uint64
	from   int // where the field's bytes begin
	end    int // of the field
	err    error
}

// fieldKey tells fields apart: one that does not have its type is unknown.
type fieldKey uint64

func bytesField(n protowire.Number) fieldKey {
	return fieldKey(protowire.EncodeTag(n, protowire.BytesType))
}

func numberField(n protowire.Number) fieldKey {
	return fieldKey(protowire.EncodeTag(n, protowire.VarintType))
}

func (f *fields) next() bool {
	if f.end == len(f.of) || f.err != nil {
		return false
	}
	num, typ, n := protowire.ConsumeTag(f.of[f.end:])
	if n < 0 {
		return f.fail(n)
	}
	f.num, f.typ, f.key, f.end = num, typ, fieldKey(protowire.EncodeTag(num, typ)), f.end+n
	rest := f.of[f.end:]
	switch typ {
	case protowire.VarintType:
		f.number, n = protowire.ConsumeVarint(rest)
	case protowire.BytesType:
		var v []byte
		v, n = protowire.ConsumeBytes(rest)
		f.from = f.end + n - len(v)
	default:
		n = protowire.ConsumeFieldValue(num, typ, rest)
	}
	if n < 0 {
		return f.fail(n)
	}
	f.end += n
	return true
}

// check reads to the end.
func (f *fields) check() error {
	for f.next() {
		continue
	}
	return f.err
}

// bytes are those of a field that has them.
func (f *fields) bytes() []byte { return f.of[f.from:f.end] }

func (f *fields) fail(code int) bool {
	f.err = protowire.ParseError(code)
	return false
}
