package main

import (
	"fmt"
	"math"
	"strings"
)

// curve samples a parametric curve into an SVG path.
func curve(n int, at func(t float64) (x, y float64)) string {
	var b strings.Builder
	for i := range n + 1 {
		x, y := at(float64(i) / float64(n))
		fmt.Fprintf(&b, "%c%.1f %.1f", "ML"[min(i, 1)], x, y)
	}
	return b.String()
}

// rosette is a guilloche rosette: rings whose radius swings, each a little
// out of step with the last.
func rosette(d *drawer, cx, cy, r float64, petals, rings int, colour string, opacity float64) {
	d.f(`<g fill="none" stroke="%s" stroke-width=".8" opacity="%.2f">`, colour, opacity)
	for i := range rings {
		phase := 2 * math.Pi * float64(i) / float64(rings)
		for _, band := range []struct{ mid, swing float64 }{{.78, .22}, {.42, .16}} {
			d.f(`<path d="%s"/>`, curve(360, func(t float64) (float64, float64) {
				a := 2 * math.Pi * t
				q := r * (band.mid + band.swing*math.Sin(float64(petals)*a+phase))
				return cx + q*math.Cos(a), cy + q*math.Sin(a)
			}))
		}
	}
	d.f(`</g>`)
}

// waves is a field of interlaced lines over the whole of a document.
func waves(d *drawer, w, h float64, step float64, colours ...string) {
	for k, colour := range colours {
		d.f(`<g fill="none" stroke="%s" stroke-width=".9" opacity=".42">`, colour)
		for y := -60.0; y < h+60; y += step {
			d.f(`<path d="%s"/>`, curve(90, func(t float64) (float64, float64) {
				x := w * t
				return x, y + 26*math.Sin(2*math.Pi*(t*(2.2+.5*float64(k))+float64(k)*.33)) + 12*math.Sin(2*math.Pi*(7*t+y/210))
			}))
		}
		d.f(`</g>`)
	}
}

// crest is the arms of a country that isn't on any map: a compass rose over
// waves for Utopia, a trident in a shell for Atlantis.
func crest(d *drawer, country string, cx, cy, size float64, colour string) {
	d.f(`<g transform="translate(%.1f %.1f) scale(%.3f)" fill="%s" stroke="none">`, cx, cy, size/100, colour)
	if country == "ATL" {
		d.f(`<path d="M-4 46 L-4 -6 C-30 -4 -36 -26 -34 -46 L-42 -40 L-33 -62 L-22 -40 L-28 -44 C-28 -28 -22 -18 -4 -18 L-4 -50 L-12 -44 L0 -70 L12 -44 L4 -50 L4 -18 C22 -18 28 -28 28 -44 L22 -40 L33 -62 L42 -40 L34 -46 C36 -26 30 -4 4 -6 L4 46 Z"/>`)
		d.f(`<path d="M-60 10 C-50 60 -20 74 0 76 C20 74 50 60 60 10 C50 40 28 58 0 60 C-28 58 -50 40 -60 10 Z"/>`)
	} else {
		for i := range 8 {
			long := 62.0
			if i%2 == 1 {
				long = 40
			}
			d.f(`<path d="M0 -%g L9 -9 L0 0 Z" transform="rotate(%d)"/><path d="M0 -%g L-9 -9 L0 0 Z" transform="rotate(%d)" opacity=".55"/>`, long, i*45, long, i*45)
		}
		d.f(`<circle r="30" fill="none" stroke="%s" stroke-width="3"/>`, colour)
		for _, y := range []int{66, 76} {
			d.f(`<path d="M-54 %d q13.5 -9 27 0 t27 0 t27 0 t27 0" fill="none" stroke="%s" stroke-width="4"/>`, y, colour)
		}
	}
	for _, s := range []int{-1, 1} { // laurels
		for i := range 7 {
			a := 25 + float64(i)*19
			x, y := 84*math.Sin(a*math.Pi/180)*float64(s), 84*math.Cos(a*math.Pi/180)
			d.f(`<ellipse cx="%.1f" cy="%.1f" rx="5" ry="13" transform="rotate(%.0f %.1f %.1f)"/>`, x, y, float64(s)*(-a-62), x, y)
		}
	}
	d.f(`</g>`)
}
