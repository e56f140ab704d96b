package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"syscall"
	"time"

	"github.com/rayburst/rayburst/nodetypes"
	"github.com/rayburst/rayburst/test/planbench/rows"
)

// point is one measured point of a curve.
type point struct {
	curve string
	x     int
	ms    float64
}

// growth measures how the time grows with the number of tasks of a shape and
// with the number of classes of nodes. Every point is taken in turn, again and
// again, so that a noisy moment of the machine does not bend the curve.
func growth() []point {
	var out []point
	var asked []nodetypes.Request
	for _, n := range []int{1, 10, 100, 1000, 10_000, 100_000, 1_000_000} {
		out, asked = append(out, point{curve: "tasks", x: n}), append(asked, rows.Tasks(1337, int64(n)))
	}
	for _, n := range []int{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000} {
		out, asked = append(out, point{curve: "classes", x: n}), append(asked, rows.Classes(10_000, n))
	}
	times := make([][]time.Duration, len(out))
	for range timesGrowth {
		for i, q := range asked {
			times[i] = append(times[i], once(q))
		}
	}
	for i := range out {
		slices.Sort(times[i])
		out[i].ms = ms(times[i][timesGrowth/2])
	}
	return out
}

// timesGrowth is how often every point of a curve is measured.
const timesGrowth = 40

// printGrowth prints some of the points.
func printGrowth(w io.Writer, points []point) {
	fmt.Fprintln(w, "\n1,337 spare nodes, one shape:")
	printPoints(w, points, "tasks", 1, 1000, 1_000_000)
	fmt.Fprintln(w, "10,000 nodes of so many classes, 10,000 tasks:")
	printPoints(w, points, "classes", 1, 10, 100, 1000, 10_000)
}

// printMemory prints the most memory that this process has used.
func printMemory(w io.Writer) {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) == nil {
		fmt.Fprintf(w, "\nmost memory of this process: %d MB\n", u.Maxrss/1024)
	}
}

func printPoints(w io.Writer, points []point, curve string, xs ...int) {
	for _, p := range points {
		if p.curve == curve && slices.Contains(xs, p.x) {
			fmt.Fprintf(w, "  %9d %s %6.2f ms\n", p.x, p.curve, p.ms)
		}
	}
}

// table is the points as CSV, of which test/chart makes the picture.
func table(points []point) []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, "curve,x,milliseconds")
	for _, p := range points {
		fmt.Fprintf(&b, "%s,%d,%.3f\n", p.curve, p.x, p.ms)
	}
	return b.Bytes()
}
