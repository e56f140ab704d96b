// Command parity compares our plans with those of Ray's own scheduler: on
// random cases, or on those of a file. Differences that no exception explains
// are shrunk and printed, and end it with 1.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"
	"time"
)

type options struct {
	n, processes              int
	seed                      uint64
	level, cases, python, csv string
	bench, full               bool
}

func main() {
	var o options
	flag.IntVar(&o.n, "n", 10_000, "random cases")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()%1_000_000_000), "of the random cases")
	flag.StringVar(&o.level, "level", "", "random cases of this level only: "+strings.Join(levelNames(), ", "))
	flag.StringVar(&o.cases, "cases", "", "compare the cases of this file (- for standard input) instead: JSON objects, each a case or {name, case, answer}")
	flag.IntVar(&o.processes, "processes", 1, "of Ray's scheduler")
	flag.StringVar(&o.python, "python", "", "an interpreter that has Ray (default: the one beside RAYBURST_RAY)")
	flag.BoolVar(&o.bench, "bench", false, "time the rows of docs/benchmarks.md instead, ours and Ray's")
	flag.BoolVar(&o.full, "full", false, "with -bench: ask Ray also where it needs minutes or hours")
	flag.StringVar(&o.csv, "csv", "", "with -bench: write how the time grows to this file")
	flag.Parse()
	if err := run(context.Background(), o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "parity:", err)
		os.Exit(1)
	}
}

func levelNames() []string {
	var names []string
	for _, l := range levels {
		names = append(names, l.name)
	}
	return names
}

func run(ctx context.Context, o options, w io.Writer) (err error) {
	if o.python == "" {
		if o.python, err = findPython(); err != nil {
			return err
		}
	}
	if o.bench {
		return bench(ctx, o.python, o.full, o.csv, w)
	}
	questions, err := o.questions(w)
	if err != nil {
		return err
	}
	exactly, stop := lazily(ctx, o.python, exact)
	defer func() { err = errors.Join(err, stop()) }()
	r := newReport(exactly)
	start := time.Now()
	take := func(v verdict) error {
		defer r.printProgress(w)
		return r.take(v)
	}
	if err := compare(ctx, o.python, o.processes, rayburst, questions, take); err != nil {
		return err
	}
	r.print(w, time.Since(start))
	if len(r.differences) == 0 {
		return nil
	}
	if err := printShrunk(ctx, o.python, r, w); err != nil {
		return err
	}
	return fmt.Errorf("%d unexplained differences", len(r.differences))
}

func (o options) questions(w io.Writer) (iter.Seq[question], error) {
	if o.cases == "-" {
		list, err := readQuestions(os.Stdin)
		return slices.Values(list), err
	}
	if o.cases != "" {
		f, err := os.Open(o.cases)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		list, err := readQuestions(f)
		return slices.Values(list), err
	}
	if o.level != "" && !slices.Contains(levelNames(), o.level) {
		return nil, fmt.Errorf("-level: must be one of %s (%q)", strings.Join(levelNames(), ", "), o.level)
	}
	fmt.Fprintf(w, "seed %d, %d cases\n", o.seed, o.n)
	return randomQuestions(o.seed, o.n, o.level), nil
}

func randomQuestions(seed uint64, n int, level string) iter.Seq[question] {
	return func(yield func(question) bool) {
		for i := range n {
			if !yield(generated(seed, i, level)) {
				return
			}
		}
	}
}

// readQuestions reads cases, bare ones or with a name and an answer.
func readQuestions(in io.Reader) ([]question, error) {
	var out []question
	for d := json.NewDecoder(in); ; {
		var raw json.RawMessage
		if err := d.Decode(&raw); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, fmt.Errorf("case %d: %w", len(out)+1, err)
		}
		q := question{name: fmt.Sprint("case ", len(out)+1), level: "file", raw: raw}
		var e struct {
			Name   string
			Case   json.RawMessage
			Answer *answer
		}
		if err := json.Unmarshal(raw, &e); err == nil && e.Case != nil {
			q.name, q.raw, q.written = e.Name, e.Case, e.Answer
		}
		out = append(out, q)
	}
}

// mostShrunk is how many differences are printed; the others are probably like
// them.
const mostShrunk = 10

func printShrunk(ctx context.Context, python string, r *report, w io.Writer) error {
	ray, stop := lazily(ctx, python)
	for _, v := range r.differences[:min(len(r.differences), mostShrunk)] {
		fmt.Fprintln(w, line(shrunk(v, rayburst, ray, r.exactly)))
	}
	return stop()
}

// shrunk is a smaller case in which the answers still differ, unexplained.
func shrunk(v verdict, ours, ray, exactly planner) verdict {
	if v.written != nil {
		return v // its answer belongs to this case alone
	}
	differs := func(raw []byte) bool {
		next, err := ask(question{name: v.name, raw: raw}, ours, ray)
		if err != nil || next.same() {
			return false
		}
		name, err := explain(next, exactly)
		if err != nil || name != "" {
			return false
		}
		v = next
		return true
	}
	shrink(v.raw, differs)
	return v
}

// ask asks both; it fails if our planner refuses the case.
func ask(q question, ours, ray planner) (v verdict, err error) {
	v.question = q
	if v.ours, err = ours(q.raw); err != nil {
		return v, err
	}
	v.ray, err = ray(q.raw)
	return v, err
}
