package record

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/rayburst/rayburst/demand"
	"github.com/rayburst/rayburst/scaler"
)

// line is one line of a recording. It is of one kind: a header, a checkpoint, a
// report, a drain's answer, a step (with n), or an end.
type line struct {
	Header     *header            `json:"header,omitempty"`
	Checkpoint *scaler.Checkpoint `json:"checkpoint,omitempty"`
	At         string             `json:"at,omitempty"`
	Report     string             `json:"report,omitempty"`
	Drain      *Answer            `json:"drain,omitempty"`
	N          int                `json:"n,omitempty"`
	World      sections           `json:"world,omitempty"`
	Decision   sections           `json:"decision,omitempty"`
	End        *string            `json:"end,omitempty"`
}

// header is a Header as it is written.
type header struct {
	Format    string         `json:"format"`
	Version   int            `json:"version"`
	Rayburst  string         `json:"rayburst"`
	Namespace string         `json:"namespace"`
	Cluster   string         `json:"cluster"`
	Start     string         `json:"start"`
	Windows   demand.Windows `json:"windows"`
}

// check fails unless the line is of exactly one kind.
func (l *line) check() error {
	kinds := 0
	for _, is := range []bool{l.Header != nil, l.Checkpoint != nil, l.Report != "", l.Drain != nil, l.N != 0, l.End != nil} {
		if is {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return fail("line", "must have one of header, checkpoint, report, drain, n and end", kinds)
	case l.N == 0 && (l.World != nil || l.Decision != nil):
		return fail("n", "must be there with a world or a decision", "none")
	}
	return nil
}

// stamp is a moment as text: UTC, with nanoseconds.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// moment reads a stamp.
func moment(key, s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Year() < 2000 || t.Year() > 2200 {
		return time.Time{}, fail(key, "must be a time within 2000…2200, such as 2026-01-02T15:04:05.000000001Z", fmt.Sprintf("%q", s))
	}
	return t.UTC(), nil
}

// ReadLine reads a line without its line break. It fails with io.EOF at the
// end, with io.ErrUnexpectedEOF where the last line is cut off, and with
// ErrRecording where a line is longer than MaxLine.
func ReadLine(in *bufio.Reader) ([]byte, error) { return readLine(in, MaxLine) }

func readLine(in *bufio.Reader, limit int) ([]byte, error) {
	var out []byte
	for {
		part, err := in.ReadSlice('\n')
		out = append(out, part...)
		switch {
		case len(out) > limit:
			return nil, fail("line", fmt.Sprintf("must have at most %d bytes", limit), "more")
		case err == nil:
			return out[:len(out)-1], nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(out) == 0:
			return nil, io.EOF
		case errors.Is(err, io.EOF):
			return nil, io.ErrUnexpectedEOF
		default:
			return nil, err
		}
	}
}

// decode reads one JSON value strictly. Its errors name the key, the rule and
// the value as far as encoding/json tells them.
func decode(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil && d.InputOffset() < int64(len(bytes.TrimRight(raw, " \t\r"))) {
		return fail("line", "must be one JSON object", "more")
	}
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong):
		return fail(wrong.Field, "must be of another type ("+wrong.Type.String()+")", wrong.Value)
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		return fail(strings.Trim(strings.TrimPrefix(err.Error(), "json: unknown field "), `"`), "is not a known field", "it")
	case errors.Is(err, ErrRecording):
		return err
	}
	return fmt.Errorf("%w: line: must be a JSON object of a recording: %w", ErrRecording, err)
}
