package main

import (
	"math/rand/v2"
	"strings"
	"time"
)

// Documents are drawn at ten units a millimetre: 1250 by 880 for a passport's
// page, 856 by 540 for a card.

const (
	pageW, pageH = 1250, 880
	cardW, cardH = 856, 540
)

// face draws a document's photo: the portrait on a plain ground, in a frame.
func (p person) face(d *drawer, x, y, w, h float64, id, ground string, grey bool) {
	filter := ""
	if grey {
		filter = `filter="url(#grey)"`
	}
	d.f(`<svg x="%.1f" y="%.1f" width="%.1f" height="%.1f" viewBox="-190 -255 380 %.1f" preserveAspectRatio="xMidYMid slice" overflow="hidden"><rect x="-200" y="-260" width="400" height="700" fill="%s"/><g %s>%s</g></svg>`,
		x, y, w, h, 380*h/w, ground, filter, portrait(p.look, pose{}, id))
}

// entry is a small caption above a value.
func entry(d *drawer, x, y float64, size float64, caption, value string) {
	d.f(`<text x="%.0f" y="%.0f" font-family="DejaVu Sans" font-size="%.1f" fill="#3c4a5c" opacity=".85">%s</text>`, x, y, size*.5, caption)
	d.f(`<text x="%.0f" y="%.0f" font-family="DejaVu Sans Condensed" font-weight="bold" font-size="%.1f" fill="#15202e">%s</text>`, x, y+size*1.05, size, value)
}

func day(s string) string {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return strings.ToUpper(t.Format("02 Jan 2006"))
}

func svgOpen(d *drawer, w, h int) {
	d.f(`<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="%d" height="%d" viewBox="0 0 %d %d">`, w, h, w, h)
	d.f(`<defs><filter id="grey"><feColorMatrix type="saturate" values=".15"/></filter>
<linearGradient id="holo" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="#7fe3ff"/><stop offset=".3" stop-color="#b59cff"/><stop offset=".55" stop-color="#ffb3d9"/><stop offset=".8" stop-color="#fff0a0"/><stop offset="1" stop-color="#8effc4"/></linearGradient>
<linearGradient id="gold" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="#f8e6a8"/><stop offset=".5" stop-color="#cda349"/><stop offset="1" stop-color="#f1d88b"/></linearGradient></defs>`)
}

// hologram is a shimmering seal.
func hologram(d *drawer, country string, cx, cy, r float64) {
	d.f(`<circle cx="%.0f" cy="%.0f" r="%.0f" fill="url(#holo)" opacity=".34"/>`, cx, cy, r)
	rosette(d, cx, cy, r, 12, 6, "#ffffff", .75)
	crest(d, country, cx, cy, r*.5, "#ffffff")
}

// specimen is written across every document, so that nobody takes one for real.
func specimen(d *drawer, w, h float64, colour string) {
	d.f(`<text x="%.0f" y="%.0f" text-anchor="middle" font-family="DejaVu Sans" font-weight="bold" font-size="%.0f" letter-spacing="%.0f" fill="%s" opacity=".17" transform="rotate(-24 %.0f %.0f)">SPECIMEN</text>`,
		w*.55, h*.62, w*.145, w*.014, colour, w*.55, h*.55)
}

// passport is the data page of an open passport with the page above it.
func (p person) passport() string {
	var d drawer
	svgOpen(&d, pageW, pageH*2)
	d.f(`<defs><linearGradient id="page" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="#eaf3f4"/><stop offset=".45" stop-color="#f6efe4"/><stop offset="1" stop-color="#e1ecf4"/></linearGradient>
<linearGradient id="fold" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#000" stop-opacity=".0"/><stop offset=".5" stop-color="#000" stop-opacity=".45"/><stop offset="1" stop-color="#000" stop-opacity="0"/></linearGradient>
<clipPath id="both"><rect width="%d" height="%d" rx="34"/></clipPath></defs><g clip-path="url(#both)">`, pageW, pageH*2)
	// The page above.
	d.f(`<rect width="%d" height="%d" fill="#f1ece0"/>`, pageW, pageH)
	waves(&d, pageW, pageH, 30, "#b9a27a", "#a9b8a0")
	rosette(&d, 625, 430, 330, 16, 14, "#a88d5a", .5)
	crest(&d, "UTO", 625, 430, 150, "#9a7f4c")
	d.f(`<text x="625" y="130" text-anchor="middle" font-family="P052" font-size="44" letter-spacing="6" fill="#6b5a38">REPUBLIC OF UTOPIA</text>`)
	d.f(`<text x="625" y="800" text-anchor="middle" font-family="Z003" font-size="40" fill="#6b5a38">All whom it may concern are asked to let the bearer pass freely</text>`)
	// The data page.
	d.f(`<g transform="translate(0 %d)"><rect width="%d" height="%d" fill="url(#page)"/>`, pageH, pageW, pageH)
	waves(&d, pageW, 700, 17, "#7fb4c4", "#d9a98f", "#9fbf9b")
	rosette(&d, 890, 380, 270, 18, 12, "#4f8ea3", .42)
	rosette(&d, 240, 640, 170, 10, 10, "#c58a6b", .4)
	d.f(`<rect width="%d" height="86" fill="#1f4e63" opacity=".93"/>`, pageW)
	crest(&d, "UTO", 66, 42, 34, "#e9d9a6")
	d.f(`<text x="124" y="40" font-family="P052" font-weight="bold" font-size="34" letter-spacing="4" fill="#f4ecd2">REPUBLIC OF UTOPIA</text><text x="124" y="70" font-family="DejaVu Sans" font-size="18" letter-spacing="5" fill="#cfdde2">PASSPORT · PASSEPORT · PASAPORTE</text>`)
	d.f(`<text x="1210" y="58" text-anchor="end" font-family="DejaVu Sans Mono" font-weight="bold" font-size="36" fill="#f4ecd2">%s</text>`, p.number)
	p.face(&d, 52, 128, 352, 452, "a", "#dfe7ea", false)
	d.f(`<rect x="52" y="128" width="352" height="452" fill="none" stroke="#1f4e63" stroke-width="3"/>`)
	hologram(&d, "UTO", 392, 520, 84)
	y := 126.0
	rows := [][2]string{{"Type / Code of issuing state", "P  ·  UTO"}, {"1. Surname / Nom", strings.ToUpper(p.last)}, {"2. Given names / Prénoms", strings.ToUpper(p.first)}, {"3. Nationality / Nationalité", "UTOPIAN"}}
	for _, r := range rows {
		entry(&d, 448, y+14, 34, r[0], r[1])
		y += 76
	}
	entry(&d, 448, y+14, 32, "4. Date of birth", day(p.born))
	entry(&d, 740, y+14, 32, "5. Sex", p.sex)
	entry(&d, 850, y+14, 32, "6. Place of birth", strings.ToUpper(p.birthplace))
	entry(&d, 448, y+92, 32, "7. Date of issue", day(p.issued))
	entry(&d, 740, y+92, 32, "8. Date of expiry", day(p.expires))
	entry(&d, 480, y+170, 28, "9. Authority", "MINISTRY OF PASSAGE")
	p.ghost(&d, 1010, 118, 180, 226)
	d.f(`<text x="52" y="628" font-family="DejaVu Sans" font-size="14" fill="#3c4a5c">Signature of bearer</text><text x="120" y="672" font-family="Z003" font-size="54" fill="#1d2f6b" transform="rotate(-3 120 672)">%s %s</text>`, p.first, p.last)
	entry(&d, 850, y+170, 28, "10. Personal number", p.personal)
	d.f(`<rect y="704" width="%d" height="176" fill="#fbfaf5" opacity=".92"/>`, pageW)
	p.zone(&d, p.passportMRZ(), 50, 774, 1150, 42, 62)
	specimen(&d, pageW, pageH, "#b0243c")
	d.f(`</g><rect y="%d" width="%d" height="110" fill="url(#fold)"/></g></svg>`, pageH-55, pageW)
	return d.String()
}

// ghost is the second, faint photo.
func (p person) ghost(d *drawer, x, y, w, h float64) {
	d.f(`<g opacity=".38">`)
	d.f(`<defs><radialGradient id="gm"><stop offset=".55" stop-color="#fff"/><stop offset="1" stop-color="#fff" stop-opacity="0"/></radialGradient><mask id="ghost"><ellipse cx="%.0f" cy="%.0f" rx="%.0f" ry="%.0f" fill="url(#gm)"/></mask></defs><g mask="url(#ghost)">`, x+w/2, y+h/2, w*.62, h*.62)
	p.face(d, x, y, w, h, "g", "#e9eef0", true)
	d.f(`</g></g>`)
}

// zone writes machine readable lines across a width.
func (p person) zone(d *drawer, lines []string, x, y, w float64, size, step float64) {
	for i, line := range lines {
		// Character by character: not every renderer honours textLength.
		pitch := w / float64(len(line))
		for j, c := range line {
			d.f(`<text x="%.2f" y="%.1f" text-anchor="middle" font-family="DejaVu Sans Mono" font-size="%.1f" fill="#16181c">%s</text>`,
				x+pitch*(float64(j)+.5), y+float64(i)*step, size, strings.ReplaceAll(string(c), "<", "&lt;"))
		}
	}
}

// chip is a card's contact.
func chip(d *drawer, x, y float64) {
	d.f(`<g transform="translate(%.0f %.0f)"><rect width="106" height="84" rx="12" fill="url(#gold)" stroke="#8a6a24" stroke-width="1.5"/><path d="M0 28 H36 V56 H0 M106 28 H70 V56 H106 M36 28 L30 0 M36 56 L30 84 M70 28 L76 0 M70 56 L76 84 M36 28 H70 M36 56 H70" fill="none" stroke="#8a6a24" stroke-width="2"/></g>`, x, y)
}

func cardGround(d *drawer, from, mid, to string, lines ...string) {
	svgOpen(d, cardW, cardH)
	d.f(`<defs><linearGradient id="card" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="%s"/><stop offset=".5" stop-color="%s"/><stop offset="1" stop-color="%s"/></linearGradient><clipPath id="edge"><rect width="%d" height="%d" rx="32"/></clipPath></defs><g clip-path="url(#edge)"><rect width="%d" height="%d" fill="url(#card)"/>`,
		from, mid, to, cardW, cardH, cardW, cardH)
	waves(d, cardW, cardH, 14, lines...)
}

// cardGloss ends a card with the light on its laminate.
func cardGloss(d *drawer) {
	d.f(`<path d="M-20 -20 L330 -20 L60 560 L-20 560 Z" fill="#fff" opacity=".10"/></g><rect x="1" y="1" width="%d" height="%d" rx="32" fill="none" stroke="#fff" stroke-opacity=".5" stroke-width="2"/></svg>`, cardW-2, cardH-2)
}

// idFront and idBack are the faces of an identity card of Utopia.
func (p person) idFront() string {
	var d drawer
	cardGround(&d, "#dff0ea", "#f4f1e2", "#cfe4ef", "#6fae9f", "#88a9cf", "#d3b783")
	rosette(&d, 640, 300, 210, 14, 12, "#3f8f86", .42)
	d.f(`<rect width="%d" height="70" fill="#17594f" opacity=".94"/>`, cardW)
	crest(&d, "UTO", 52, 34, 28, "#f0dfa6")
	d.f(`<text x="98" y="34" font-family="P052" font-weight="bold" font-size="27" letter-spacing="3" fill="#f5efd9">REPUBLIC OF UTOPIA</text><text x="98" y="58" font-family="DejaVu Sans" font-size="14" letter-spacing="4" fill="#cfe5df">IDENTITY CARD · CARTE D’IDENTITÉ</text><text x="824" y="46" text-anchor="end" font-family="DejaVu Sans Mono" font-weight="bold" font-size="25" fill="#f5efd9">%s</text>`, p.number)
	p.face(&d, 34, 96, 238, 306, "a", "#dce8e6", false)
	d.f(`<rect x="34" y="96" width="238" height="306" fill="none" stroke="#17594f" stroke-width="2"/>`)
	hologram(&d, "UTO", 262, 372, 58)
	entry(&d, 304, 108, 27, "Surname", strings.ToUpper(p.last))
	entry(&d, 304, 168, 27, "Given names", strings.ToUpper(p.first))
	entry(&d, 304, 228, 24, "Sex", p.sex)
	entry(&d, 370, 228, 24, "Nationality", "UTO")
	entry(&d, 480, 228, 24, "Date of birth", day(p.born))
	entry(&d, 304, 284, 24, "Place of birth", strings.ToUpper(p.birthplace))
	entry(&d, 304, 340, 24, "Date of expiry", day(p.expires))
	entry(&d, 480, 340, 24, "Personal number", p.personal)
	p.ghost(&d, 712, 232, 116, 146)
	chip(&d, 712, 98)
	d.f(`<text x="304" y="424" font-family="DejaVu Sans" font-size="12" fill="#3c4a5c">Signature of holder</text><text x="330" y="474" font-family="Z003" font-size="50" fill="#1d2f6b" transform="rotate(-3 330 474)">%s %s</text>`, p.first, p.last)
	d.f(`<text x="34" y="460" font-family="DejaVu Sans" font-size="12" fill="#3c4a5c">Card access number</text><text x="34" y="490" font-family="DejaVu Sans Mono" font-weight="bold" font-size="27" fill="#15202e">%06d</text>`, 104729*(p.look.seed+3)%1000000)
	specimen(&d, cardW, cardH, "#b0243c")
	cardGloss(&d)
	return d.String()
}

func (p person) idBack() string {
	var d drawer
	cardGround(&d, "#e6efe2", "#f3efe4", "#d3e5ea", "#7fb09a", "#93a9c9", "#cdb98d")
	rosette(&d, 650, 160, 160, 18, 12, "#3f8f86", .42)
	crest(&d, "UTO", 650, 160, 56, "#17594f")
	entry(&d, 40, 48, 23, "Residence", strings.ToUpper(p.address))
	entry(&d, 40, 104, 23, "Height", p.height)
	entry(&d, 190, 104, 23, "Colour of eyes", strings.ToUpper(p.eyes))
	entry(&d, 40, 160, 23, "Date of issue", day(p.issued))
	entry(&d, 40, 216, 23, "Authority", "CIVIL REGISTER OF UTOPIA")
	matrix(&d, p, 40, 264, 3.6)
	d.f(`<text x="150" y="290" font-family="DejaVu Sans" font-size="11" fill="#3c4a5c"><tspan>This card remains the property of the Republic of Utopia. If found, hand it in</tspan><tspan x="150" dy="17">at any harbour master’s office. It opens no door, for it is a specimen.</tspan></text>`)
	d.f(`<rect y="372" width="%d" height="168" fill="#fbfaf5" opacity=".93"/>`, cardW)
	p.zone(&d, p.cardMRZ(), 30, 418, 796, 42, 48)
	specimen(&d, cardW, cardH*.8, "#b0243c")
	cardGloss(&d)
	return d.String()
}

// matrix is a square of dots that looks like a code and says nothing.
func matrix(d *drawer, p person, x, y, dot float64) {
	const n = 24
	r := rand.New(rand.NewPCG(p.look.seed, 24))
	d.f(`<g fill="#16181c"><rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="#fff" opacity=".8"/>`, x-4, y-4, n*dot+8, n*dot+8)
	for i := range n {
		for j := range n {
			if i == n-1 || j == 0 || (i == 0 && j%2 == 0) || (j == n-1 && i%2 == 1) || (i > 0 && j < n-1 && r.IntN(2) == 0) {
				d.f(`<rect x="%.2f" y="%.2f" width="%.2f" height="%.2f"/>`, x+float64(j)*dot, y+float64(i)*dot, dot, dot)
			}
		}
	}
	d.f(`</g>`)
}

// licenceFront and licenceBack are the faces of a driving licence of Atlantis.
func (p person) licenceFront() string {
	var d drawer
	cardGround(&d, "#f7dfe6", "#f3ecf2", "#d7e2f5", "#d58ea6", "#8aa3d6", "#c2a0cf")
	rosette(&d, 600, 330, 220, 20, 12, "#b0567e", .34)
	d.f(`<rect width="%d" height="74" fill="#7a2950" opacity=".94"/><rect x="24" y="14" width="66" height="46" rx="5" fill="#16306b"/><text x="57" y="46" text-anchor="middle" font-family="DejaVu Sans" font-weight="bold" font-size="22" fill="#ffe28a">ATL</text>`, cardW)
	d.f(`<text x="112" y="38" font-family="DejaVu Sans" font-weight="bold" font-size="28" letter-spacing="3" fill="#fdeff4">DRIVING LICENCE</text><text x="112" y="61" font-family="DejaVu Sans" font-size="13" letter-spacing="3" fill="#f1cfdd">COMMONWEALTH OF ATLANTIS</text>`)
	crest(&d, "ATL", 800, 38, 32, "#f6dbe6")
	p.face(&d, 34, 104, 226, 290, "a", "#e8e4ea", false)
	d.f(`<rect x="34" y="104" width="226" height="290" fill="none" stroke="#7a2950" stroke-width="2"/>`)
	hologram(&d, "ATL", 254, 378, 56)
	y := 122.0
	for _, r := range [][2]string{
		{"1.", strings.ToUpper(p.last)}, {"2.", strings.ToUpper(p.first)}, {"3.", day(p.born) + "   " + strings.ToUpper(p.birthplace)},
		{"4a.", day(p.issued) + "    4c.  HARBOUR BOARD"}, {"4b.", day(p.expires)}, {"4d.", p.personal}, {"5.", p.number}, {"8.", strings.ToUpper(p.address)},
	} {
		d.f(`<text x="292" y="%.0f" font-family="DejaVu Sans" font-size="17" fill="#7a2950">%s</text><text x="338" y="%.0f" font-family="DejaVu Sans Condensed" font-weight="bold" font-size="23" fill="#1c1626" xml:space="preserve">%s</text>`, y, r[0], y, r[1])
		y += 37
	}
	d.f(`<text x="292" y="430" font-family="DejaVu Sans" font-size="17" fill="#7a2950">7.</text><text x="340" y="448" font-family="Z003" font-size="52" fill="#1d2f6b" transform="rotate(-3 340 448)">%s %s</text>`, p.first, p.last)
	d.f(`<text x="34" y="508" font-family="DejaVu Sans" font-size="17" fill="#7a2950">9.</text><text x="72" y="512" font-family="DejaVu Sans" font-weight="bold" font-size="34" letter-spacing="10" fill="#1c1626">AM B B1</text>`)
	p.ghost(&d, 706, 386, 112, 140)
	specimen(&d, cardW, cardH, "#4a2a86")
	cardGloss(&d)
	return d.String()
}

func (p person) licenceBack() string {
	var d drawer
	cardGround(&d, "#f4e4ea", "#f3eef4", "#dde4f4", "#d58ea6", "#8aa3d6")
	d.f(`<rect x="300" y="30" width="526" height="402" fill="#fffafc" opacity=".72"/><g stroke="#7a2950" stroke-width="1.5" fill="none">`)
	for i := range 10 {
		d.f(`<path d="M300 %d H826"/>`, 30+i*44+min(i, 1)*6)
	}
	d.f(`<path d="M300 30 V432 M380 30 V432 M506 30 V432 M632 30 V432 M758 30 V432 M826 30 V432"/></g>`)
	for i, head := range []string{"9.", "", "10.", "11.", "12."} {
		d.f(`<text x="%d" y="62" text-anchor="middle" font-family="DejaVu Sans" font-size="18" fill="#7a2950">%s</text>`, []int{340, 443, 569, 695, 792}[i], head)
	}
	for i, c := range []string{"AM", "A1", "A", "B1", "B", "C1", "C", "BE"} {
		y := 110 + i*44
		d.f(`<text x="340" y="%d" text-anchor="middle" font-family="DejaVu Sans" font-weight="bold" font-size="20" fill="#1c1626">%s</text>`, y, c)
		switch {
		case i < 3: // a motorcycle
			d.f(`<g transform="translate(443 %d)" fill="none" stroke="#3b2a44" stroke-width="3"><circle cx="-22" cy="0" r="9"/><circle cx="22" cy="0" r="9"/><path d="M-22 0 L-4 -14 L12 -14 L22 0 M12 -14 L6 -24 L14 -25"/></g>`, y-3)
		case i < 5 || i == 7: // a car
			d.f(`<g transform="translate(443 %d)" fill="#3b2a44"><path d="M-34 -2 L-30 -12 L-16 -14 L-6 -24 L14 -24 L24 -13 L34 -10 L34 -2 Z"/><circle cx="-18" cy="-1" r="7"/><circle cx="20" cy="-1" r="7"/></g>`, y-2)
		default: // a lorry
			d.f(`<g transform="translate(443 %d)" fill="#3b2a44"><rect x="-36" y="-26" width="46" height="23"/><path d="M13 -20 H28 L36 -10 V-3 H13 Z"/><circle cx="-22" cy="-1" r="7"/><circle cx="24" cy="-1" r="7"/></g>`, y-2)
		}
		from, to := "—", "—"
		if c == "AM" || c == "B" || c == "B1" {
			from, to = strings.ReplaceAll(p.issued[2:], "-", "."), strings.ReplaceAll(p.expires[2:], "-", ".")
		}
		d.f(`<text x="569" y="%d" text-anchor="middle" font-family="DejaVu Sans Mono" font-size="18" fill="#1c1626">%s</text><text x="695" y="%d" text-anchor="middle" font-family="DejaVu Sans Mono" font-size="18" fill="#1c1626">%s</text>`, y, from, y, to)
	}
	rosette(&d, 160, 150, 110, 16, 12, "#b0567e", .45)
	crest(&d, "ATL", 160, 150, 52, "#7a2950")
	matrix(&d, p, 100, 292, 5)
	r := rand.New(rand.NewPCG(p.look.seed, 39))
	d.f(`<g fill="#16181c"><rect x="300" y="452" width="526" height="66" fill="#fff" opacity=".8"/>`)
	for x := 312.0; x < 812; {
		w := 2 + 2*float64(r.IntN(4))
		d.f(`<rect x="%.0f" y="458" width="%.0f" height="54"/>`, x, min(w, 5))
		x += w + 3
	}
	d.f(`</g><text x="160" y="500" text-anchor="middle" font-family="DejaVu Sans" font-size="15" fill="#3c2a44">%s</text>`, p.number)
	specimen(&d, cardW, cardH, "#4a2a86")
	cardGloss(&d)
	return d.String()
}
