package main

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Tables are what documents lie on. Each is noise sent through a ramp of
// colours.
var tables = map[string]string{
	"oak": grain("0.0016 0.045", 5, 11,
		".50 .58 .66 .60 .72 .64 .76", ".33 .40 .47 .42 .53 .45 .57", ".19 .24 .29 .25 .34 .27 .37") + planks,
	"walnut": grain("0.0013 0.052", 5, 5,
		".20 .27 .34 .28 .38 .30 .42", ".12 .165 .21 .17 .24 .18 .27", ".08 .105 .13 .11 .15 .12 .17") + planks,
	"marble": grain("0.0042 0.0065", 6, 8,
		".93 .92 .90 .70 .90 .93 .95", ".93 .92 .90 .71 .90 .93 .95", ".92 .91 .90 .73 .90 .92 .94"),
	"slate": grain("0.9 0.8", 3, 3,
		".19 .23 .27 .31", ".22 .26 .30 .34", ".25 .29 .33 .38"),
	"linen": grain("0.35 0.6", 2, 21,
		".60 .68 .76 .82", ".56 .63 .71 .77", ".49 .56 .63 .69") + weave,
}

const planks = `<g stroke="#000" stroke-opacity=".38" stroke-width="4"><path d="M-200 215 H1900 M-200 560 H1900 M-200 905 H1900"/></g><g stroke="#fff" stroke-opacity=".10" stroke-width="3"><path d="M-200 219 H1900 M-200 564 H1900 M-200 909 H1900"/></g>`

const weave = `<defs><pattern id="weave" width="8" height="8" patternUnits="userSpaceOnUse"><path d="M0 2 H8 M0 6 H8" stroke="#000" stroke-opacity=".10" stroke-width="1.6"/><path d="M2 0 V8 M6 0 V8" stroke="#fff" stroke-opacity=".13" stroke-width="1.6"/></pattern></defs><rect x="-200" y="-200" width="2100" height="1500" fill="url(#weave)"/>`

func grain(frequency string, octaves, seed int, r, g, b string) string {
	return fmt.Sprintf(`<defs><filter id="grain" x="0" y="0" width="100%%" height="100%%" color-interpolation-filters="sRGB"><feTurbulence type="fractalNoise" baseFrequency="%s" numOctaves="%d" seed="%d"/><feColorMatrix values="1.7 0 0 0 -.35  1.7 0 0 0 -.35  1.7 0 0 0 -.35  0 0 0 0 1"/><feComponentTransfer><feFuncR type="table" tableValues="%s"/><feFuncG type="table" tableValues="%s"/><feFuncB type="table" tableValues="%s"/></feComponentTransfer></filter></defs><rect x="-200" y="-200" width="2100" height="1500" filter="url(#grain)"/>`,
		frequency, octaves, seed, r, g, b)
}

const (
	photoW, photoH = 1600, 1000
	faceW, faceH   = 900, 1200
)

// table draws the ground of a photo.
func table(kind string, turn float64) string {
	var d drawer
	svgOpen(&d, photoW, photoH)
	d.f(`<g transform="rotate(%.1f 800 500)">%s</g></svg>`, turn, tables[kind])
	return d.String()
}

// light is laid over a photo: a window on one side, shade on the other, and
// the glare that made a document unreadable if asked for.
func light(left, glare bool) string {
	var d drawer
	svgOpen(&d, photoW, photoH)
	x := 0.85
	if left {
		x = .15
	}
	d.f(`<defs><radialGradient id="in" cx="%.2f" cy="0" r="1.15"><stop offset="0" stop-color="#fff6e2" stop-opacity=".30"/><stop offset=".45" stop-color="#fff6e2" stop-opacity=".04"/><stop offset="1" stop-color="#0b1020" stop-opacity=".42"/></radialGradient>
<radialGradient id="glare"><stop offset="0" stop-color="#fff" stop-opacity="1"/><stop offset=".35" stop-color="#fff" stop-opacity=".93"/><stop offset="1" stop-color="#fff" stop-opacity="0"/></radialGradient></defs><rect width="%d" height="%d" fill="url(#in)"/>`, x, photoW, photoH)
	if glare {
		d.f(`<ellipse cx="930" cy="450" rx="470" ry="250" fill="url(#glare)" transform="rotate(-18 930 450)"/>`)
	}
	d.f(`</svg>`)
	return d.String()
}

// room is the background of a selfie, out of focus.
func room(seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 77))
	var d drawer
	wall := []string{"#c9b79c", "#aebfc2", "#d3a98f", "#b7b39a", "#c3b2c4", "#9fb3a0", "#d8cbb4"}[seed%7]
	d.f(`<defs><filter id="far" x="-5%%" y="-5%%" width="110%%" height="110%%"><feGaussianBlur stdDeviation="9"/></filter><linearGradient id="wall" x1="0" y1="0" x2="1" y2=".3"><stop offset="0" stop-color="#fff7e8"/><stop offset=".35" stop-color="%s"/><stop offset="1" stop-color="%s"/></linearGradient></defs>`, wall, wall)
	d.f(`<g filter="url(#far)"><rect x="-60" y="-60" width="1020" height="1320" fill="url(#wall)"/><path d="M960 -60 V1260 H500 Z" fill="#000" opacity=".12"/>`)
	switch seed % 3 {
	case 0: // a shelf of books
		d.f(`<rect x="520" y="-40" width="460" height="1000" fill="#5b4029"/>`)
		for row := range 4 {
			y := -10 + row*245
			d.f(`<rect x="545" y="%d" width="420" height="215" fill="#3c2a1b"/>`, y)
			for x := 550.0; x < 940; {
				w, h := 22+24*r.Float64(), 130+70*r.Float64()
				d.f(`<rect x="%.0f" y="%.0f" width="%.0f" height="%.0f" fill="%s"/>`, x, float64(y)+215-h, w, h, []string{"#a5493d", "#d8b25c", "#44707f", "#e4dcc8", "#6a7f4f", "#7d4f71", "#30455e"}[r.IntN(7)])
				x += w + 2
			}
		}
		d.f(`<g transform="translate(120 260)"><rect width="220" height="280" fill="#f5efe2" stroke="#4a3a2a" stroke-width="16"/><circle cx="110" cy="110" r="52" fill="#e08b4f"/><path d="M14 220 Q110 130 206 210 V266 H14 Z" fill="#4d7a72"/></g>`)
	case 1: // a window and a plant
		d.f(`<rect x="40" y="40" width="360" height="640" fill="#f7fbff"/><path d="M40 480 Q140 380 240 460 T400 430 V680 H40 Z" fill="#9cc39a"/><path d="M220 40 V680 M40 350 H400" stroke="#fffdf6" stroke-width="20"/><rect x="40" y="40" width="360" height="640" fill="none" stroke="#efe6d4" stroke-width="26"/><path d="M-20 0 C60 300 10 600 -10 760 L-60 760 L-60 0 Z M400 0 C420 260 470 520 480 760 L400 760 Z" fill="#e9d4b2"/>`)
		d.f(`<g transform="translate(770 720)"><path d="M-80 200 L-60 420 H60 L80 200 Z" fill="#b8643f"/>`)
		for range 22 {
			d.f(`<path d="M0 200 Q%.0f 0 %.0f %.0f Q%.0f 60 0 200" fill="%s"/>`, -60+120*r.Float64(), -220+440*r.Float64(), -160+260*r.Float64(), -20+40*r.Float64(), []string{"#3f7a4c", "#5b9a5e", "#2f5f40"}[r.IntN(3)])
		}
		d.f(`</g>`)
	default: // a lamp, a sofa, pictures
		d.f(`<path d="M690 150 L880 150 L940 380 L630 380 Z" fill="#ffe9b0"/><circle cx="785" cy="330" r="230" fill="#fff2c4" opacity=".5"/><rect x="776" y="380" width="18" height="560" fill="#5c4a3a"/>`)
		for i := range 3 {
			d.f(`<rect x="%d" y="%d" width="150" height="190" fill="%s" stroke="#3f342a" stroke-width="12"/>`, 50+i*175, 120+(i%2)*60, []string{"#7aa2a8", "#d99a6c", "#8a8fb5"}[i])
		}
		d.f(`<path d="M-60 900 Q-40 760 120 760 H780 Q960 760 960 900 V1260 H-60 Z" fill="#55707c"/><path d="M-60 980 H960" stroke="#3e545e" stroke-width="14"/>`)
	}
	d.f(`</g>`)
	return d.String()
}

// selfie is a person in a room. With a room rendered before it is linked,
// not drawn again.
func (p person) selfie(po pose, dx, dy, scale float64, linked string, held func(*drawer)) string {
	var d drawer
	svgOpen(&d, faceW, faceH)
	if linked != "" {
		d.f(`<image width="%d" height="%d" xlink:href="%s"/>`, faceW, faceH, linked)
	} else {
		d.WriteString(room(p.look.seed))
	}
	d.f(`<defs><linearGradient id="warm" x1="0" y1="0" x2="1" y2=".4"><stop offset="0" stop-color="#ffe8c0" stop-opacity=".26"/><stop offset=".5" stop-color="#ffe8c0" stop-opacity="0"/><stop offset="1" stop-color="#101830" stop-opacity=".30"/></linearGradient><filter id="cast" x="-30%%" y="-30%%" width="160%%" height="160%%"><feGaussianBlur stdDeviation="16"/></filter></defs>`)
	d.f(`<g transform="translate(%.1f %.1f) scale(%.3f)">%s</g>`, 450+dx, 560+dy, scale, portrait(p.look, po, "s"))
	if held != nil {
		held(&d)
	}
	d.f(`<rect width="%d" height="%d" fill="url(#warm)"/></svg>`, faceW, faceH)
	return d.String()
}

// holding draws a hand that holds a picture of a card in front of the chest.
func (p person) holding(card string) func(*drawer) {
	l := p.look
	return func(d *drawer) {
		d.f(`<g transform="translate(330 830) rotate(-5)"><path d="M330 420 C300 330 330 250 420 236 C500 240 540 300 530 420 Z" fill="%s"/>`, l.skin)
		for i := range 4 {
			d.f(`<rect x="%d" y="%d" width="120" height="46" rx="23" fill="%s" stroke="%s" stroke-width="2.5"/>`, 424, 130+i*44, l.skin, l.shade)
		}
		d.f(`<rect x="6" y="14" width="460" height="290" rx="18" fill="#000" opacity=".4" filter="url(#cast)"/><image x="0" y="0" width="460" height="290" xlink:href="%s"/>`, card)
		d.f(`<g transform="rotate(-38 440 250)"><rect x="352" y="212" width="150" height="58" rx="29" fill="%s" stroke="%s" stroke-width="2.5"/><rect x="358" y="222" width="38" height="36" rx="16" fill="%s" opacity=".75"/></g></g>`, l.skin, l.shade, l.light)
	}
}

// chipFace is the picture on a chip: plain ground, straight look.
func (p person) chipFace() string {
	var d drawer
	svgOpen(&d, 360, 450)
	p.face(&d, 0, 0, 360, 450, "n", "#d9dee2", false)
	d.f(`</svg>`)
	return d.String()
}

// clipPose is the pose at t, from 0 to 1, of a clip that begins as it ends:
// look left, look right, nod, blink twice, smile.
func clipPose(t float64) pose {
	blink := 0.0
	for _, at := range []float64{.12, .55, .60} {
		blink = max(blink, 1-math.Abs(t-at)/.022)
	}
	bump := func(mid, width float64) float64 {
		x := (t - mid) / width
		if x < -1 || x > 1 {
			return 0
		}
		return .5 + .5*math.Cos(math.Pi*x)
	}
	return pose{
		turn:  -1.25*bump(.27, .17) + 1.25*bump(.48, .19),
		nod:   2*bump(.7, .1) + math.Sin(2*math.Pi*t)*.4,
		blink: max(blink, 0),
		smile: .9 * bump(.84, .15),
	}
}

// turned turns points around a middle and writes them for ImageMagick.
func turned(points [][2]float64, degrees, cx, cy float64) []string {
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	var out []string
	for _, p := range points {
		x, y := p[0]-cx, p[1]-cy
		out = append(out, fmt.Sprintf("%.1f,%.1f", cx+x*cos-y*sin, cy+x*sin+y*cos))
	}
	return out
}
