package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// report counts what was compared.
type report struct {
	asked       int
	levels      map[string]int // questions
	shows       map[string]int // answers of Ray's that have something
	used        map[string]int // exceptions
	differences []verdict      // that no exception explains
	exactly     planner
}

func newReport(exactly planner) *report {
	return &report{levels: map[string]int{}, shows: map[string]int{}, used: map[string]int{}, exactly: exactly}
}

// take counts a verdict.
func (r *report) take(v verdict) error {
	r.asked++
	r.levels[v.level]++
	for what := range v.ray.has() {
		r.shows[what]++
	}
	if v.same() {
		return nil
	}
	name, err := explain(v, r.exactly)
	if err != nil {
		return err
	}
	if name == "" {
		r.differences = append(r.differences, v)
		return nil
	}
	r.used[name]++
	return nil
}

// explain is the name of the exception that a difference comes from, or
// nothing. No exception explains another answer than the written one.
func explain(v verdict, exactly planner) (string, error) {
	if v.written != nil && !v.written.equal(v.ours) {
		return "", nil
	}
	for _, e := range exceptions {
		if ok, err := e.explains(v, exactly); ok || err != nil {
			return e.name, err
		}
	}
	return "", nil
}

// has names what an answer shows.
func (a answer) has() map[string]bool {
	m := map[string]bool{}
	for key := range a.multisets() {
		what, rest, _ := strings.Cut(key, ": ")
		reason, _, _ := strings.Cut(rest, " ")
		switch what {
		case "terminate":
			m[reason] = true
		case "launch":
			m[what] = true
		case "task", "gang", "constraint":
			m["infeasible "+what] = true
		}
	}
	switch {
	case a.Error != "":
		m["error"] = true
	case len(m) == 0:
		m["nothing"] = true
	}
	return m
}

// printProgress says now and then how far it is.
func (r *report) printProgress(w io.Writer) {
	if r.asked%10_000 == 0 {
		fmt.Fprintf(w, "… %d cases, %d differences\n", r.asked, len(r.differences))
	}
}

// print tells the counts.
func (r *report) print(w io.Writer, took time.Duration) {
	fmt.Fprintf(w, "%d cases in %.0f s, %d unexplained differences\n", r.asked, took.Seconds(), len(r.differences))
	fmt.Fprintln(w, "levels:     ", counts(r.levels))
	fmt.Fprintln(w, "Ray's plans:", counts(r.shows))
	for _, e := range exceptions {
		fmt.Fprintf(w, "exception %q: %d\n", e.name, r.used[e.name])
	}
}

func counts(m map[string]int) string {
	var parts []string
	for _, name := range sorted(m) {
		parts = append(parts, fmt.Sprintf("%s %d", name, m[name]))
	}
	return strings.Join(parts, ", ")
}

// line is a difference in the form of the examples, with our answer besides.
func line(v verdict) string {
	return text(struct {
		Name    string          `json:"name"`
		Case    json.RawMessage `json:"case"`
		Answer  answer          `json:"answer"`
		Ours    answer          `json:"ours"`
		Written *answer         `json:"written,omitempty"`
	}{v.name, v.raw, v.ray, v.ours, v.written})
}
