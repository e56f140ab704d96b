package demandpb

import "google.golang.org/protobuf/encoding/protowire"

// fields are those of a message, one after another in the order in which they
// stand: a number, or bytes. Next tells whether there is one more; err is why
// not, if the message is not one, and is set by a reader who wants no more.
type fields struct {
	key    fieldKey
	num    protowire.Number
	typ    protowire.Type
	number uint64
	bytes  []byte
	rest   []byte // behind this field
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
	if len(f.rest) == 0 || f.err != nil {
		return false
	}
	num, typ, n := protowire.ConsumeTag(f.rest)
	if n < 0 {
		return f.fail(n)
	}
	f.num, f.typ, f.key, f.rest = num, typ, fieldKey(protowire.EncodeTag(num, typ)), f.rest[n:]
	switch typ {
	case protowire.VarintType:
		f.number, n = protowire.ConsumeVarint(f.rest)
	case protowire.BytesType:
		f.bytes, n = protowire.ConsumeBytes(f.rest)
	default:
		n = protowire.ConsumeFieldValue(num, typ, f.rest)
	}
	if n < 0 {
		return f.fail(n)
	}
	f.rest = f.rest[n:]
	return true
}

func (f *fields) fail(code int) bool {
	f.err = protowire.ParseError(code)
	return false
}
