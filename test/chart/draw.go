package main

import (
	"bytes"
	"image/color"
	"math"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

const (
	width, height = 660, 270 // of the picture, in points
	least, most   = 0.1, 100 // milliseconds on the axis of both panels
)

var (
	blue  = color.RGBA{R: 0x0B, G: 0x5F, B: 0xA5, A: 0xFF}
	grey  = color.RGBA{R: 0x59, G: 0x59, B: 0x59, A: 0xFF}
	light = color.RGBA{R: 0xE6, G: 0xE6, B: 0xE6, A: 0xFF}
)

// draw is both panels, side by side, as SVG.
func draw(all curves) ([]byte, error) {
	left, err := tasksPanel(all[tasks])
	if err != nil {
		return nil, err
	}
	right, err := classesPanel(all[classes])
	if err != nil {
		return nil, err
	}
	svg := vgsvg.New(width, height)
	paint(vgdraw.New(svg), left, right)
	var b bytes.Buffer
	_, err = svg.WriteTo(&b)
	return withFonts(b.Bytes()), err
}

// paint fills the canvas with white, for dark pages, and draws the panels.
func paint(c vgdraw.Canvas, panels ...*plot.Plot) {
	c.SetColor(color.White)
	c.Fill(c.Path())
	tiles := vgdraw.Tiles{Rows: 1, Cols: len(panels), PadX: 18, PadTop: 8, PadBottom: 6, PadLeft: 6, PadRight: 12}
	for i, p := range panels {
		p.Draw(tiles.At(c, i, 0))
	}
}

// withFonts names fonts that browsers have: Arial is as wide as Liberation Sans.
func withFonts(svg []byte) []byte {
	return bytes.ReplaceAll(svg, []byte("font-family:Liberation Sans;"), []byte("font-family:'Liberation Sans',Arial,Helvetica,sans-serif;"))
}

func tasksPanel(measured plotter.XYs) (*plot.Plot, error) {
	p := panel("1,337 nodes, all with some CPU free", "tasks of one shape", 2)
	first, last := measured[0], measured[len(measured)-1]
	twice := plotter.XYs{{X: first.X, Y: 2 * first.Y}, {X: last.X, Y: 2 * first.Y}}
	if err := addReference(p, twice, twice[1], "twice the time of 1 task", text.XRight); err != nil {
		return nil, err
	}
	return p, addMeasured(p, measured)
}

func classesPanel(measured plotter.XYs) (*plot.Plot, error) {
	p := panel("10,000 nodes, 10,000 tasks of one shape", "classes of nodes (equal nodes are one class)", 1)
	return p, addMeasured(p, measured)
}

// panel is an empty plot; numbers stand at every step-th power of ten of x. Its
// axes are of logarithms: with those of plot.LogScale, plot takes a title of an
// axis to stand elsewhere and leaves room for it there.
func panel(title, x string, step int) *plot.Plot {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, "time of a plan, milliseconds"
	p.X.Tick.Marker, p.Y.Tick.Marker = decades(step), decades(1)
	p.Title.TextStyle.Font.Size, p.Title.Padding = 12, 8
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font.Size, a.Tick.Label.Font.Size, a.Label.Padding = 11, 11, 4
	}
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = light, light
	p.Add(grid)
	return p
}

// addMeasured adds the measured points, and the line of a time that grows as
// fast as x.
func addMeasured(p *plot.Plot, measured plotter.XYs) error {
	first, last := measured[0], measured[len(measured)-1]
	linear := plotter.XYs{first, {X: last.X, Y: first.Y * last.X / first.X}}
	beside := plotter.XY{X: first.X * most / 2 / first.Y, Y: most / 4}
	if err := addReference(p, linear, beside, "linear", text.XLeft); err != nil {
		return err
	}
	line, points, err := plotter.NewLinePoints(logarithms(measured))
	if err != nil {
		return err
	}
	line.Color, line.Width = blue, 1.5
	points.Color, points.Shape, points.Radius = blue, vgdraw.CircleGlyph{}, 2.5
	p.Add(line, points)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = math.Log10(first.X), math.Log10(last.X), math.Log10(least), math.Log10(most)
	return nil
}

// addReference adds a dashed line with its name at a place.
func addReference(p *plot.Plot, xys plotter.XYs, at plotter.XY, name string, align text.XAlignment) error {
	line, err := plotter.NewLine(logarithms(xys))
	if err != nil {
		return err
	}
	line.Color, line.Width, line.Dashes = grey, 0.75, []vg.Length{4, 3}
	label, err := plotter.NewLabels(plotter.XYLabels{XYs: logarithms(plotter.XYs{at}), Labels: []string{name}})
	if err != nil {
		return err
	}
	style := &label.TextStyle[0]
	style.Color, style.Font, style.XAlign = grey, font.From(plot.DefaultFont, 11), align
	label.Offset.Y = 3
	p.Add(line, label)
	return nil
}

func logarithms(xys plotter.XYs) plotter.XYs {
	var out plotter.XYs
	for _, p := range xys {
		out = append(out, plotter.XY{X: math.Log10(p.X), Y: math.Log10(p.Y)})
	}
	return out
}

// decades marks the powers of ten on an axis of logarithms, and what is between
// them; every so many-th power has its number.
type decades int

// Ticks is what plot.Ticker asks for.
func (d decades) Ticks(low, high float64) []plot.Tick {
	var out []plot.Tick
	print := message.NewPrinter(language.English)
	for e, last := exponent(low), exponent(high); e <= last; e++ {
		t := plot.Tick{Value: float64(e)}
		if e%int(d) == 0 {
			t.Label = print.Sprint(number.Decimal(math.Pow10(e)))
		}
		out = append(out, t)
		for digit := 2.0; digit < 10 && e < last; digit++ {
			out = append(out, plot.Tick{Value: float64(e) + math.Log10(digit)})
		}
	}
	return out
}

func exponent(logarithm float64) int { return int(math.Round(logarithm)) }
