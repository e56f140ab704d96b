package httpapi

import (
	"net/http"
	"time"
)

// patience is how long a reader of a recording may take nothing at all.
const patience = 30 * time.Second

// record streams a recording.
func (c Config) record(w http.ResponseWriter, r *http.Request) {
	d := c.find(w, r)
	if d == nil {
		return
	}
	out := &stream{w: w, control: http.NewResponseController(w)}
	if err := c.Record(r.Context(), d.Cluster, out); err != nil && !out.begun {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	} // else the recording's last line says why it has ended
}

// stream sends what is written at once.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
}

// Write fails once the reader has taken nothing for too long.
func (s *stream) Write(p []byte) (int, error) {
	if !s.begun {
		s.begun = true
		s.w.Header().Set("Content-Type", "application/jsonl")
	}
	late := time.AfterFunc(patience, func() { _ = s.control.SetWriteDeadline(time.Unix(1, 0)) }) // a moment that is over
	defer late.Stop()
	n, err := s.w.Write(p)
	if err == nil {
		err = s.control.Flush()
	}
	return n, err
}
