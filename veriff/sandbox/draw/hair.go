package main

import (
	"math"
	"math/rand/v2"
)

// strands draws hairs from a parting outwards, inside a shape.
func (l look) strands(d *drawer, clip, shape string, px, py float64, n int) {
	r := rand.New(rand.NewPCG(l.seed, uint64(n)))
	d.f(`<clipPath id="%s"><path d="%s"/></clipPath><g clip-path="url(#%s)" fill="none" stroke-linecap="round">`, clip, shape, clip)
	for i := range n {
		a := math.Pi * (1.05*float64(i)/float64(n) - .03)
		ex, ey := px-190*math.Cos(a), py+40+150*math.Abs(math.Cos(a))+60*r.Float64()
		colour, opacity := l.hairLight, .16+.3*r.Float64()
		if i%3 == 0 {
			colour = "#000"
			opacity *= .6
		}
		d.f(`<path d="M%.1f %.1f Q%.1f %.1f %.1f %.1f" stroke="%s" stroke-width="%.1f" opacity="%.2f"/>`,
			px+8*r.Float64(), py, px-120*math.Cos(a), py-24+10*r.Float64(), ex, ey, colour, 1.2+1.6*r.Float64(), opacity)
	}
	d.f(`</g>`)
}

// curls fills a region with small rings.
func (l look) curls(d *drawer, n int, at func(r *rand.Rand) (x, y float64), size float64) {
	r := rand.New(rand.NewPCG(l.seed, 9))
	for i := range n {
		x, y := at(r)
		colour, opacity := l.hairLight, .35+.4*r.Float64()
		if i%3 == 0 {
			colour, opacity = "#000", .35
		}
		s := size * (.6 + .7*r.Float64())
		d.f(`<path d="M%.1f %.1f a%.1f %.1f %.0f 1 1 %.1f %.1f" fill="none" stroke="%s" stroke-width="2.2" stroke-linecap="round" opacity="%.2f"/>`,
			x, y, s, s, 360*r.Float64(), s*1.2, s*.5*(r.Float64()-.5), colour, opacity)
	}
}

func (l look) backHair(id string) string {
	var d drawer
	fill := `fill="url(#` + id + `hair)"`
	switch l.style {
	case "afro":
		for i := range 34 {
			a := 2 * math.Pi * float64(i) / 34
			rx, ry := 142.0, 138.0
			d.f(`<circle cx="%.1f" cy="%.1f" r="%.1f" %s/>`, rx*math.Cos(a), -58+ry*math.Sin(a), 30+6*math.Sin(float64(i)*2.7), fill)
		}
		d.f(`<ellipse cx="0" cy="-58" rx="150" ry="146" %s/>`, fill)
		l.curls(&d, 420, func(r *rand.Rand) (float64, float64) {
			a, q := 2*math.Pi*r.Float64(), math.Sqrt(r.Float64())
			return 164 * q * math.Cos(a), -58 + 160*q*math.Sin(a)
		}, 7)
	case "bangs":
		const shape = "M-118 -40 C-126 -150 -62 -188 0 -188 C62 -188 126 -150 118 -40 C120 60 134 170 124 262 C96 274 -96 274 -124 262 C-134 170 -120 60 -118 -40 Z"
		d.f(`<path d="%s" %s/>`, shape, fill)
		for x := -116.0; x < 118; x += 9 {
			d.f(`<path d="M%.0f -40 C%.0f 80 %.0f 180 %.0f 266" fill="none" stroke="%s" stroke-width="2" opacity=".25"/>`, x, x*1.04, x*1.1, x*1.06, l.hairLight)
		}
	case "bob":
		d.f(`<path d="M-122 -30 C-134 -146 -64 -190 4 -190 C74 -190 134 -146 122 -30 C128 40 136 84 112 128 C90 142 70 132 60 110 L-60 110 C-70 132 -90 142 -112 128 C-136 84 -128 40 -122 -30 Z" %s/>`, fill)
	case "sweep":
		d.f(`<path d="M-108 -30 C-122 -150 -60 -186 6 -186 C84 -186 132 -130 122 -20 C132 60 128 104 118 150 C100 160 84 150 76 120 L40 60 L-90 20 Z" %s/>`, fill)
	}
	return d.String()
}

func (l look) frontHair(id string) string {
	var d drawer
	fill := `fill="url(#` + id + `hair)"`
	switch l.style {
	case "afro":
		for i := range 15 {
			a := math.Pi * (1.06 + .88*float64(i)/14)
			d.f(`<circle cx="%.1f" cy="%.1f" r="%.1f" %s/>`, 98*math.Cos(a), -46+104*math.Sin(a), 24+4*math.Sin(float64(i)*1.9), fill)
		}
		l.curls(&d, 120, func(r *rand.Rand) (float64, float64) {
			a, q := math.Pi*(1.04+.92*r.Float64()), .93+.2*r.Float64()
			return 100 * q * math.Cos(a), -46 + 108*q*math.Sin(a)
		}, 6)
	case "parted":
		const shape = "M-103 -14 C-122 -112 -84 -180 -6 -186 C78 -194 124 -118 103 -12 C99 -44 97 -62 88 -84 C56 -80 6 -92 -34 -126 C-50 -96 -84 -92 -91 -66 C-97 -48 -100 -34 -103 -14 Z"
		d.f(`<path d="%s" %s/>`, shape, fill)
		l.strands(&d, id+"h1", shape, -34, -150, 90)
	case "bangs":
		const shape = "M-106 60 C-108 20 -104 10 -104 -10 C-114 -112 -62 -174 0 -174 C62 -174 114 -112 104 -10 C104 10 108 20 106 60 C98 20 95 -20 90 -46 C60 -38 24 -36 0 -38 C-24 -36 -60 -38 -90 -46 C-95 -20 -98 20 -106 60 Z"
		d.f(`<path d="%s" %s/>`, shape, fill)
		l.strands(&d, id+"h1", shape, 0, -176, 120)
		d.f(`<path d="M-72 -128 C-30 -150 30 -150 66 -130" fill="none" stroke="#fff" stroke-width="16" opacity=".12" stroke-linecap="round" filter="url(#%sb3)"/>`, id)
	case "receding":
		const shape = "M-104 0 C-118 -96 -92 -150 -52 -166 C-20 -180 24 -180 52 -166 C92 -150 118 -96 104 0 C100 -26 97 -50 92 -74 C84 -100 74 -112 58 -122 C30 -134 -30 -134 -58 -122 C-74 -112 -84 -100 -92 -74 C-97 -50 -100 -26 -104 0 Z"
		d.f(`<path d="%s" %s/>`, shape, fill)
		l.strands(&d, id+"h1", shape, 0, -170, 90)
	case "bob":
		const shape = "M-108 70 C-122 -10 -122 -110 -72 -158 C-20 -196 84 -186 112 -104 C122 -50 118 20 110 76 C100 40 98 0 92 -40 C74 -74 44 -100 22 -116 C-10 -84 -60 -66 -90 -44 C-97 0 -98 40 -108 70 Z"
		d.f(`<path d="%s" %s/>`, shape, fill)
		l.strands(&d, id+"h1", shape, 24, -160, 110)
	case "fade":
		const shape = "M-100 -30 C-108 -124 -66 -176 0 -176 C66 -176 108 -124 100 -30 L93 -64 C90 -88 84 -100 72 -106 C30 -114 -30 -114 -72 -106 C-84 -100 -90 -88 -93 -64 Z"
		d.f(`<path d="%s" fill="%s" opacity=".93"/>`, shape, l.hair)
		l.curls(&d, 230, func(r *rand.Rand) (float64, float64) {
			a, q := math.Pi*(1.12+.76*r.Float64()), .82+.34*r.Float64()
			return 96 * q * math.Cos(a), -40 + 118*q*math.Sin(a)
		}, 5)
	case "sweep":
		const shape = "M-100 -36 C-112 -130 -58 -184 10 -184 C84 -184 128 -120 114 -24 C122 40 120 80 112 128 C102 90 100 30 94 -30 C80 -60 30 -84 -44 -120 C-60 -100 -88 -90 -93 -64 Z"
		d.f(`<path d="%s" %s/>`, shape, fill)
		l.strands(&d, id+"h1", shape, -48, -158, 110)
	}
	return d.String()
}
