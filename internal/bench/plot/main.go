// Plot draws how the costs grow with the number of sessions, from what the
// benchmarks measured, as SVG files in the directory that it is given. It is
// a module of its own, so that what it needs is no dependency of the product.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// point is what one number of sessions costs, as the benchmarks write it.
type point struct {
	Sessions                          float64
	Mount, List, ListLong, Cold, Warm time.Duration
	Known, Found, Forgotten           float64 // bytes
}

// line is one curve.
type line struct {
	name  string
	value func(point) float64
}

// colours are told apart by people who see few of them (Okabe and Ito, 2008).
var colours = []color.RGBA{
	{0, 114, 178, 255}, {230, 159, 0, 255}, {0, 158, 115, 255}, {213, 94, 0, 255}, {204, 121, 167, 255},
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "plot:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return errors.New("one directory is wanted, and the points as JSON on standard input")
	}
	var points []point
	if err := json.NewDecoder(os.Stdin).Decode(&points); err != nil {
		return err
	}
	err := curves(filepath.Join(args[0], "bench-time.svg"), "Time", "seconds", points, []line{
		{"find, cold", func(p point) float64 { return p.Cold.Seconds() }},
		{"find, warm", func(p point) float64 { return p.Warm.Seconds() }},
		{"ls -l sessions/, warm", func(p point) float64 { return p.ListLong.Seconds() }},
		{"ls sessions/", func(p point) float64 { return p.List.Seconds() }},
		{"mount", func(p point) float64 { return p.Mount.Seconds() }},
	})
	if err != nil {
		return err
	}
	return curves(filepath.Join(args[0], "bench-memory.svg"), "Memory of the mount", "MB", points, []line{
		{"after find, cold and warm", func(p point) float64 { return p.Found / 1e6 }},
		{"once the kernel has forgotten", func(p point) float64 { return p.Forgotten / 1e6 }},
		{"sessions known, none entered", func(p point) float64 { return p.Known / 1e6 }},
	})
}

// curves draws curves over the number of sessions, both axes logarithmic.
func curves(file, title, unit string, points []point, lines []line) error {
	p := plot.New()
	p.Title.Text = title + " by the number of sessions, of ten files each"
	p.BackgroundColor = color.White
	p.X.Label.Text, p.Y.Label.Text = "sessions", unit
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Scale, axis.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	}
	p.Add(plotter.NewGrid())
	p.Legend.Top, p.Legend.Left = true, true
	for i, l := range lines {
		values := make(plotter.XYs, len(points))
		for j, at := range points {
			values[j] = plotter.XY{X: at.Sessions, Y: l.value(at)}
		}
		curve, marks, err := plotter.NewLinePoints(values)
		if err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
		curve.Color, curve.Width = colours[i], vg.Points(1.5)
		marks.Color, marks.Shape = colours[i], draw.CircleGlyph{}
		p.Add(curve, marks)
		p.Legend.Add(l.name, curve, marks)
	}
	return p.Save(16*vg.Centimeter, 11*vg.Centimeter, file)
}
