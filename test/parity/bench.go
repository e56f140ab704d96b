package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/nodetypes/plancase"
	"github.com/rayburst/rayburst/test/planbench/rows"
)

// timesOurs is how often our plan is made; the median counts.
const timesOurs = 10

// moment is how long one of these times takes at least.
const moment = 20 * time.Millisecond

// bench times the rows of the table, ours and Ray's, in one run, and compares
// the answers. Rows for which Ray needs more than a minute are asked of it only
// if full. The growth is also written to the file csv, if one is named.
func bench(ctx context.Context, python string, full bool, csv string, w io.Writer) (err error) {
	ray, stop := lazily(ctx, python)
	defer func() { err = errors.Join(err, stop()) }()
	if _, err := ray([]byte(`{"nodeTypes":[]}`)); err != nil { // starts it and imports Ray
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "ours\tgoal\tallocations\tkB\tRay\tratio\tequal\t  row")
	missed := 0
	for _, r := range rows.All() {
		ours, allocations, bytes := timed(r.Request)
		fmt.Fprintf(t, "%.2f ms\t%.0f ms\t%d\t%d\t", ms(ours), r.GoalMS, allocations, bytes/1000)
		theirs, equal, err := asked(ray, r, full)
		if err != nil {
			return err
		}
		if theirs == 0 {
			fmt.Fprintf(t, "not asked\t\t\t  %s\n", r.Name)
		} else {
			fmt.Fprintf(t, "%.2f s\t%.0f\t%v\t  %s\n", theirs.Seconds(), theirs.Seconds()/ours.Seconds(), equal, r.Name)
		}
		if ms(ours) > r.GoalMS || !equal {
			missed++
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	printMemory(w)
	points := growth()
	printGrowth(w, points)
	if csv != "" {
		if err := os.WriteFile(csv, table(points), 0o644); err != nil {
			return err
		}
	}
	if missed > 0 {
		return fmt.Errorf("%d rows miss their goal or differ from Ray", missed)
	}
	return nil
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }

// timed is the median time of a plan, and what one allocates, in a process that
// has planned before.
func timed(q nodetypes.Request) (median time.Duration, allocations, bytes uint64) {
	allocations, bytes = allocated(q)
	times := make([]time.Duration, timesOurs)
	for i := range times {
		times[i] = sample(q)
	}
	slices.Sort(times)
	return times[len(times)/2], allocations, bytes
}

// sample is the time of one plan, of as many as take a moment: a single one of
// a millisecond is mostly waiting for memory.
func sample(q nodetypes.Request) time.Duration {
	plans, sum := time.Duration(0), time.Duration(0)
	for sum < moment {
		sum += once(q)
		plans++
	}
	return sum / plans
}

func once(q nodetypes.Request) time.Duration {
	start := time.Now()
	nodetypes.Schedule(q)
	return time.Since(start)
}

// allocated is what one plan allocates.
func allocated(q nodetypes.Request) (allocations, bytes uint64) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	nodetypes.Schedule(q)
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs, after.TotalAlloc - before.TotalAlloc
}

// asked is how long Ray's scheduler takes for a row, 0 if it is not asked, and
// whether its answer is ours.
func asked(ray planner, r rows.Row, full bool) (time.Duration, bool, error) {
	if r.Slow && !full {
		return 0, true, nil
	}
	raw, err := plancase.Marshal(r.Request)
	if err != nil {
		return 0, false, err
	}
	ours, err := rayburst(raw)
	if err != nil {
		return 0, false, err
	}
	start := time.Now()
	theirs, err := ray(raw)
	return time.Since(start), err == nil && ours.equal(theirs), err
}
