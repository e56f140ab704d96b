package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"image/color"
	"io"
	"math"
	"os"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// phase is one change of the number of workers: its events in their order, each
// with the seconds at which it came about, once or for every worker.
type phase struct {
	name   string
	events []string
	at     map[string][]float64
}

var timelineHeader = []string{"phase", "event", "worker", "seconds"}

func readTimelineFile(path string) ([]phase, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readTimeline(f)
}

// readTimeline reads what TestTimeline writes. Errors name the line.
func readTimeline(in io.Reader) ([]phase, error) {
	r := csv.NewReader(in)
	r.FieldsPerRecord = len(timelineHeader)
	header, err := r.Read()
	if err != nil {
		return nil, err
	}
	if !slices.Equal(header, timelineHeader) {
		return nil, fmt.Errorf("line 1: the header must be %q, not %q", timelineHeader, header)
	}
	rows, err := r.ReadAll()
	if err != nil {
		return nil, err
	}
	var out []phase
	for i, row := range rows {
		seconds, err := strconv.ParseFloat(row[3], 64)
		if err != nil || seconds < 0 || math.IsInf(seconds, 0) || math.IsNaN(seconds) {
			return nil, fmt.Errorf("line %d: seconds: must be a number of at least 0, not %q", i+2, row[3])
		}
		out = added(out, row[0], row[1], seconds)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("line 2: there must be an event")
	}
	return out, nil
}

func added(phases []phase, name, event string, seconds float64) []phase {
	if n := len(phases); n == 0 || phases[n-1].name != name {
		phases = append(phases, phase{name: name, at: map[string][]float64{}})
	}
	p := &phases[len(phases)-1]
	if p.at[event] == nil {
		p.events = append(p.events, event)
	}
	p.at[event] = append(p.at[event], seconds)
	return phases
}

const (
	rowHeight = 17 // of an event, in points
	frame     = 70 // of a panel's title and axis
	wide      = 660
)

// drawTimeline is one panel a phase, one below another, as SVG.
func drawTimeline(phases []phase) ([]byte, error) {
	total := vg.Length(0)
	for _, p := range phases {
		total += heightOf(p)
	}
	svg := vgsvg.New(wide, total)
	c := vgdraw.New(svg)
	c.SetColor(color.White)
	c.Fill(c.Path())
	top := total
	for _, p := range phases {
		panel, err := timelinePanel(p)
		if err != nil {
			return nil, err
		}
		bottom := top - heightOf(p)
		panel.Draw(vgdraw.Crop(c, 8, -16, bottom+6, top-total-6))
		top = bottom
	}
	var b bytes.Buffer
	_, err := svg.WriteTo(&b)
	return withFonts(b.Bytes()), err
}

func heightOf(p phase) vg.Length { return vg.Length(rowHeight*len(p.events) + frame) }

// timelinePanel is a phase: a row for every event, the first on top, with a dot
// for each time, and the time of the last one as a number.
func timelinePanel(p phase) (*plot.Plot, error) {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	out := plot.New()
	out.Title.Text, out.X.Label.Text = p.name+" workers", "seconds"
	out.Title.TextStyle.Font.Size, out.Title.Padding = 12, 6
	out.X.Label.TextStyle.Font.Size, out.X.Tick.Label.Font.Size, out.Y.Tick.Label.Font.Size = 11, 11, 11
	out.Y.Padding = 2
	var dots, numbers plotter.XYs
	var labels, names []string
	for i, event := range slices.Backward(p.events) {
		y := float64(len(p.events) - 1 - i)
		for _, x := range p.at[event] {
			dots = append(dots, plotter.XY{X: x, Y: y})
		}
		last := slices.Max(p.at[event])
		numbers, labels, names = append(numbers, plotter.XY{X: last, Y: y}), append(labels, fmt.Sprintf("%.2f", last)), append(names, event)
	}
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = light, light
	out.Add(grid)
	out.NominalY(names...)
	scatter, err := plotter.NewScatter(dots)
	if err != nil {
		return nil, err
	}
	scatter.Color, scatter.Shape, scatter.Radius = blue, vgdraw.CircleGlyph{}, 3
	text, err := timeLabels(numbers, labels)
	if err != nil {
		return nil, err
	}
	out.Add(scatter, text)
	end := numbers[0].X
	out.X.Min, out.X.Max, out.Y.Min, out.Y.Max = 0, math.Max(end*1.12, 0.1), -0.5, float64(len(p.events))-0.5
	return out, nil
}

func timeLabels(at plotter.XYs, labels []string) (*plotter.Labels, error) {
	out, err := plotter.NewLabels(plotter.XYLabels{XYs: at, Labels: labels})
	if err != nil {
		return nil, err
	}
	for i := range out.TextStyle {
		s := &out.TextStyle[i]
		s.Color, s.Font, s.XAlign, s.YAlign = grey, font.From(plot.DefaultFont, 10), text.XLeft, text.YCenter
	}
	out.Offset.X = 6
	return out, nil
}
