package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// look is how a person is drawn. Lengths are in units of a head about 200
// wide and 290 high whose middle is the origin.
type look struct {
	skin, shade, light, lip string // colours
	hair, hairLight, brow   string
	iris                    string
	style                   string // of the hair: afro, parted, bangs, receding, bob, fade, sweep
	beard                   string // "", full, goatee, stubble
	glasses                 string // colour of the frame; "" is none
	earrings                string // colour; "" is none
	age                     int    // lines in the face: 0, 1 or 2
	jaw                     float64
	lashes                  bool
	smile                   float64
	wear                    string // shirt, blazer, sweater, tee, scarf
	cloth, clothDark        string
	seed                    uint64
}

// pose is where a person looks, for the clips.
type pose struct {
	turn  float64 // -1 to 1: how far the head is turned
	nod   float64
	blink float64 // 1 is shut
	smile float64 // added to the look's
}

// drawer collects SVG.
type drawer struct{ strings.Builder }

func (d *drawer) f(format string, args ...any) { fmt.Fprintf(d, format+"\n", args...) }

// portrait draws a person, head and shoulders, around the origin. id keeps
// the names of gradients apart when several are in one picture.
func portrait(l look, p pose, id string) string {
	var d drawer
	d.f(`<defs>
<radialGradient id="%[1]sskin" gradientUnits="userSpaceOnUse" cx="-24" cy="-44" r="205"><stop offset="0" stop-color="%[2]s"/><stop offset=".5" stop-color="%[3]s"/><stop offset="1" stop-color="%[4]s"/></radialGradient>
<linearGradient id="%[1]sneck" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="%[4]s"/><stop offset=".75" stop-color="%[3]s"/></linearGradient>
<linearGradient id="%[1]shair" gradientUnits="userSpaceOnUse" x1="-90" y1="-190" x2="70" y2="170"><stop offset="0" stop-color="%[6]s"/><stop offset=".55" stop-color="%[5]s"/><stop offset="1" stop-color="%[5]s"/></linearGradient>
<radialGradient id="%[1]siris"><stop offset=".25" stop-color="%[7]s" stop-opacity=".75"/><stop offset=".8" stop-color="%[7]s"/><stop offset="1" stop-color="#1a1512"/></radialGradient>
<linearGradient id="%[1]scloth" x1="0" y1="0" x2=".25" y2="1"><stop offset="0" stop-color="%[8]s"/><stop offset="1" stop-color="%[9]s"/></linearGradient>
<filter id="%[1]sb3" x="-50%%" y="-50%%" width="200%%" height="200%%"><feGaussianBlur stdDeviation="3"/></filter>
<filter id="%[1]sb9" x="-80%%" y="-80%%" width="260%%" height="260%%"><feGaussianBlur stdDeviation="9"/></filter>
<clipPath id="%[1]shead"><path d="%[10]s"/></clipPath>
</defs>`, id, l.light, l.skin, l.shade, l.hair, l.hairLight, l.iris, l.cloth, l.clothDark, headPath(l.jaw))

	d.f(`<g transform="translate(%.2f %.2f)">%s</g>`, -5*p.turn, 3*p.nod, l.backHair(id))
	d.f(`<g transform="translate(0 -40)">%s</g>`, l.body(id))
	d.f(`<g transform="translate(%.2f %.2f) rotate(%.2f 0 150)">`, 6*p.turn, 5*p.nod, 1.6*p.turn)
	for _, side := range []float64{-1, 1} { // ears
		d.f(`<g transform="translate(%.2f 0) scale(%g 1)"><path d="M92 -22 C112 -38 122 -14 114 12 C110 32 98 40 90 28 Z" fill="url(#%sskin)"/><path d="M99 -12 C108 -18 112 -2 106 12" fill="none" stroke="%s" stroke-width="3" opacity=".7"/>`, -9*p.turn, side, id, l.shade)
		if l.earrings != "" {
			d.f(`<circle cx="104" cy="42" r="6" fill="%s"/><circle cx="102" cy="40" r="2" fill="#fff" opacity=".8"/>`, l.earrings)
		}
		d.f(`</g>`)
	}
	d.f(`<path d="%s" fill="url(#%sskin)"/>`, headPath(l.jaw), id)
	d.f(`<g clip-path="url(#%shead)">`, id)
	// The side away from the light, and the shadow that the hair throws.
	d.f(`<path d="M110 -150 C70 -80 78 40 40 150 L140 150 L140 -150 Z" fill="%s" opacity=".28" filter="url(#%sb9)"/>`, l.shade, id)
	d.f(`<path d="M-110 -170 L110 -170 L104 -74 C50 -100 -50 -100 -104 -74 Z" fill="%s" opacity=".5" filter="url(#%sb9)"/>`, l.shade, id)
	d.f(`<g transform="translate(%.2f 0)">`, 13*p.turn)
	for _, x := range []float64{-56, 56} {
		d.f(`<ellipse cx="%g" cy="42" rx="25" ry="16" fill="%s" opacity=".26" filter="url(#%sb9)"/>`, x, l.lip, id)
	}
	d.f(`<ellipse cx="-18" cy="-92" rx="38" ry="18" fill="#fff" opacity=".14" filter="url(#%sb9)"/>`, id)
	d.f(`</g>`)
	d.WriteString(l.beardShape(id))
	d.f(`</g>`)
	d.f(`<g transform="translate(%.2f %.2f)">`, 16*p.turn, 4*p.nod)
	d.WriteString(l.features(p, id))
	d.f(`</g>`)
	d.f(`<g transform="translate(%.2f 0)">%s</g>`, 3*p.turn, l.frontHair(id))
	if l.glasses != "" {
		d.f(`<g transform="translate(%.2f %.2f)" fill="none" stroke="%s" stroke-width="5" stroke-linecap="round">`, 15*p.turn, 4*p.nod, l.glasses)
		for _, s := range []float64{-1, 1} {
			d.f(`<g transform="scale(%g 1)"><path d="M12 -18 C14 -36 66 -38 72 -20 C76 4 64 24 42 24 C20 24 12 6 12 -18 Z" fill="#dfefff" fill-opacity=".16"/><path d="M72 -18 L%.1f -22"/></g>`, s, 98-9*s*p.turn)
		}
		d.f(`<path d="M-12 -16 C-6 -22 6 -22 12 -16"/><path d="M-58 -24 L-34 12 M26 -24 L12 -2" stroke="#fff" stroke-width="6" opacity=".22"/></g>`)
	}
	d.f(`</g>`)
	return d.String()
}

func headPath(jaw float64) string {
	j := 62 * jaw
	return fmt.Sprintf("M-98 -30 C-102 -112 -60 -152 0 -152 C60 -152 102 -112 98 -30 C98 25 %[1]g 74 %[2]g 104 C%[3]g 128 20 138 0 138 C-20 138 -%[3]g 128 -%[2]g 104 C-%[1]g 74 -98 25 -98 -30 Z",
		86*min(jaw, 1.06), j, j*.7)
}

// features are eyes, brows, nose and mouth.
func (l look) features(p pose, id string) string {
	var d drawer
	for i, x := range []float64{-41, 41} {
		side := float64(2*i - 1)
		wide := 1 + .07*p.turn*side*-1
		d.f(`<g transform="translate(%g -10) scale(%.3f 1)">`, x, side*wide)
		open := 1 - p.blink
		d.f(`<ellipse cx="0" cy="-2" rx="31" ry="19" fill="%s" opacity=".22" filter="url(#%sb3)"/>`, l.shade, id)
		if open > .12 {
			const white = "M-23 3 C-15 -13 11 -16 24 -2 C15 10 -10 13 -23 3 Z"
			d.f(`<clipPath id="%se%d"><path d="%s" transform="scale(1 %.3f)"/></clipPath>`, id, i, white, open)
			d.f(`<path d="%s" fill="#f8f4ef" transform="scale(1 %.3f)"/>`, white, open)
			gaze := side * 6 * p.turn
			d.f(`<g clip-path="url(#%se%d)"><circle cx="%.2f" cy="-2" r="11.5" fill="url(#%siris)"/><circle cx="%.2f" cy="-2" r="5" fill="#0d0a09"/><circle cx="%.2f" cy="-6" r="2.8" fill="#fff"/><circle cx="%.2f" cy="3" r="1.5" fill="#fff" opacity=".6"/><path d="M-26 -4 C-14 -19 12 -21 27 -6 L27 -16 L-26 -20 Z" fill="#2a1a12" opacity=".3" transform="translate(0 6)"/></g>`,
				id, i, gaze, id, gaze, gaze-side*3.5, gaze+side*4)
			d.f(`<path d="M-24 4 C-15 -14 11 -17 25 -2" transform="scale(1 %.3f)" fill="none" stroke="#231610" stroke-width="3.6" stroke-linecap="round"/>`, open)
			d.f(`<path d="M-20 6 C-8 13 12 11 22 2" transform="scale(1 %.3f)" fill="none" stroke="%s" stroke-width="1.6" opacity=".8"/>`, open, l.shade)
			if l.lashes {
				d.f(`<path d="M25 -2 L33 -9 M20 -8 L27 -16 M12 -12 L17 -20" stroke="#1b110d" stroke-width="2.4" stroke-linecap="round"/>`)
			}
		} else {
			d.f(`<path d="M-23 2 C-12 10 12 10 24 1" fill="none" stroke="#231610" stroke-width="3.6" stroke-linecap="round"/>`)
		}
		d.f(`<path d="M-22 -8 C-12 -22 10 -24 25 -12" fill="none" stroke="%s" stroke-width="2.2" opacity=".85"/>`, l.shade)
		d.f(`<path d="M-25 -27 C-10 -42 12 -43 31 -30 C13 -36 -8 -33 -24 -21 Z" fill="%s"/>`, l.brow)
		if l.age > 0 {
			d.f(`<path d="M-20 17 C-6 24 12 22 24 14" fill="none" stroke="%s" stroke-width="2" opacity=".6"/><path d="M34 -4 L44 -9 M34 2 L45 3" stroke="%s" stroke-width="1.8" opacity=".55" stroke-linecap="round"/>`, l.shade, l.shade)
		}
		d.f(`</g>`)
	}
	tip := 4 * p.turn
	d.f(`<path d="M8 -16 C13 10 20 26 18 42 C12 50 4 48 2 40 Z" fill="%s" opacity=".38" filter="url(#%sb3)"/>`, l.shade, id)
	d.f(`<path d="M-3 -8 L-2 34" stroke="#fff" stroke-width="7" opacity=".2" stroke-linecap="round" filter="url(#%sb3)"/>`, id)
	d.f(`<g transform="translate(%.2f 0)" fill="none" stroke="%s" stroke-linecap="round"><path d="M-18 38 C-22 47 -13 51 -7 48 C-3 53 3 53 7 48 C13 51 22 47 18 38" stroke-width="3" opacity=".9"/></g>`, tip, l.shade)
	smile := l.smile + p.smile
	c := -5 * smile
	d.f(`<g transform="translate(%.2f 79)">`, tip*.5)
	d.f(`<path d="M-33 %[1]g C-19 -8 -8 -12 0 -7 C8 -12 19 -8 33 %[1]g C18 3 -18 3 -33 %[1]g Z" fill="%[2]s"/>`, c, l.lip)
	d.f(`<path d="M-33 %[1]g C-18 3 18 3 33 %[1]g C22 19 -22 19 -33 %[1]g Z" fill="%[2]s" opacity=".86"/>`, c, l.lip)
	d.f(`<path d="M-35 %[1]g C-18 %[2]g 18 %[2]g 35 %[1]g" fill="none" stroke="#3a1714" stroke-opacity=".75" stroke-width="2.6" stroke-linecap="round"/>`, c-.5, 3+2*smile)
	d.f(`<ellipse cx="-4" cy="8" rx="13" ry="3" fill="#fff" opacity=".22" filter="url(#%sb3)"/><path d="M-12 24 C-4 28 6 28 12 24" fill="none" stroke="%s" stroke-width="2.4" opacity=".5"/></g>`, id, l.shade)
	if l.age > 0 {
		d.f(`<g fill="none" stroke="%s" stroke-width="2.2" opacity=".5" stroke-linecap="round"><path d="M-28 44 C-40 54 -46 66 -46 78 M28 44 C40 54 46 66 46 78"/>`, l.shade)
		if l.age > 1 {
			d.f(`<path d="M-46 -84 C-16 -92 16 -92 46 -84 M-38 -98 C-14 -105 14 -105 38 -98 M-5 -30 L-6 -42 M5 -30 L6 -42"/>`)
		}
		d.f(`</g>`)
	}
	return d.String()
}

func (l look) beardShape(id string) string {
	var d drawer
	r := rand.New(rand.NewPCG(l.seed, 3))
	switch l.beard {
	case "full", "stubble":
		opacity := .95
		if l.beard == "stubble" {
			opacity = .3
		}
		d.f(`<path d="M-102 -30 C-96 14 -84 46 -52 54 C-34 48 -18 50 0 56 C18 50 34 48 52 54 C84 46 96 14 102 -30 L104 150 L-104 150 Z" fill="url(#%shair)" opacity="%g" filter="url(#%sb3)"/>`, id, opacity, id)
		for range 170 {
			x := r.Float64()*180 - 90
			y := 66 + r.Float64()*70
			if x < -50 || x > 50 {
				y = 30 + r.Float64()*90
			}
			d.f(`<path d="M%.1f %.1f q%.1f 6 %.1f 13" fill="none" stroke="%s" stroke-width="1.5" opacity="%.2f"/>`, x, y, r.Float64()*4-2, -x/22, l.hairLight, opacity*.55)
		}
	case "goatee":
		d.f(`<path d="M-40 62 C-24 52 -10 56 0 60 C10 56 24 52 40 62 C48 84 44 116 26 146 L-26 146 C-44 116 -48 84 -40 62 Z" fill="%s" opacity=".72" filter="url(#%sb3)"/>`, l.hair, id)
	}
	return d.String()
}

// body is neck, shoulders and what is worn.
func (l look) body(id string) string {
	var d drawer
	const torso = "M-230 430 C-226 300 -206 262 -150 240 C-100 222 -66 214 -46 194 L46 194 C66 214 100 222 150 240 C206 262 226 300 230 430 Z"
	d.f(`<path d="M-50 80 L-52 196 C-60 226 -30 262 0 264 C30 262 60 226 52 196 L50 80 Z" fill="url(#%sneck)"/>`, id)
	d.f(`<clipPath id="%[2]sneckc"><path d="M-50 80 L-52 196 L0 264 L52 196 L50 80 Z"/></clipPath><g clip-path="url(#%[2]sneckc)"><path d="M-70 110 C-30 176 50 186 70 120 L70 180 C40 214 -40 196 -70 150 Z" fill="%[1]s" opacity=".75" filter="url(#%[2]sb9)"/></g>`, l.shade, id)
	switch l.wear {
	case "blazer":
		d.f(`<path d="M-64 214 L0 350 L64 214 Z" fill="#f4f1ea"/><path d="M-54 190 L0 304 L54 190 Z" fill="url(#%sneck)"/>`, id)
		d.f(`<path d="M-70 206 L0 330 L70 206 L120 430 L-120 430 Z" fill="#f4f1ea"/><path d="M-52 196 L0 300 L-34 320 L-74 214 Z M52 196 L0 300 L34 320 L74 214 Z" fill="#fffdf8" stroke="#d8d2c6" stroke-width="2"/>`)
		d.f(`<path d="M-230 430 C-226 300 -206 262 -150 240 C-110 226 -84 220 -70 208 C-60 280 -30 350 -6 430 Z M230 430 C226 300 206 262 150 240 C110 226 84 220 70 208 C60 280 30 350 6 430 Z" fill="url(#%scloth)"/>`, id)
		d.f(`<path d="M-70 208 C-92 226 -112 262 -104 276 L-84 282 L-92 300 L-8 428 C-34 350 -62 280 -70 208 Z M70 208 C92 226 112 262 104 276 L84 282 L92 300 L8 428 C34 350 62 280 70 208 Z" fill="%s" stroke="#000" stroke-opacity=".18" stroke-width="2"/>`, l.clothDark)
	case "shirt":
		d.f(`<path d="%s" fill="url(#%scloth)"/><path d="M-54 190 L0 262 L-46 296 L-92 224 Z M54 190 L0 262 L46 296 L92 224 Z" fill="%s" stroke="#000" stroke-opacity=".2" stroke-width="2.5"/><path d="M0 262 L0 430" stroke="#000" stroke-opacity=".22" stroke-width="3"/><circle cx="9" cy="318" r="5" fill="#fff" opacity=".75"/><circle cx="9" cy="374" r="5" fill="#fff" opacity=".75"/>`, torso, id, l.cloth)
		d.f(`<path d="M-49 184 L0 256 L49 184 Z" fill="url(#%sneck)"/>`, id)
	case "scarf":
		d.f(`<path d="%s" fill="url(#%scloth)"/>`, torso, id)
		d.f(`<path d="M-88 206 C-60 176 60 176 88 206 C104 240 70 282 0 286 C-70 282 -104 240 -88 206 Z" fill="#b8495c"/><path d="M-80 214 C-40 250 40 250 82 216 M-86 236 C-40 274 40 272 88 236" fill="none" stroke="#8c2f43" stroke-width="5" opacity=".7"/><path d="M20 270 C40 320 36 380 54 430 L104 430 C92 360 78 310 60 262 Z" fill="#a83f54"/>`)
	case "sweater":
		d.f(`<path d="%[1]s" fill="url(#%[2]scloth)"/><path d="M-58 196 C-40 250 40 250 58 196 L78 204 C56 284 -56 284 -78 204 Z" fill="%[3]s"/><path d="M-51 186 C-48 246 48 246 51 186 Z" fill="url(#%[2]sneck)"/>`, torso, id, l.clothDark)
		for x := -190; x <= 190; x += 38 {
			d.f(`<path d="M%d 300 q8 65 0 130" fill="none" stroke="%s" stroke-width="5" opacity=".35"/>`, x, l.clothDark)
		}
	default:
		d.f(`<path d="%[1]s" fill="url(#%[2]scloth)"/><path d="M-56 196 C-40 252 40 252 56 196 L70 202 C50 268 -50 268 -70 202 Z" fill="%[3]s"/><path d="M-51 186 C-48 248 48 248 51 186 Z" fill="url(#%[2]sneck)"/>`, torso, id, l.clothDark)
	}
	d.f(`<path d="M150 242 C206 262 226 300 230 430 L150 430 C170 350 168 290 150 242 Z" fill="#000" opacity=".13"/><path d="M-176 430 C-172 380 -168 350 -156 322 M176 430 C172 380 168 350 156 322" fill="none" stroke="#000" stroke-opacity=".2" stroke-width="4"/>`)
	return d.String()
}
