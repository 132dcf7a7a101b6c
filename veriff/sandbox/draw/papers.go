package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// bill is a water bill on A4, as proof of an address.
func (p person) bill() string {
	var d drawer
	svgOpen(&d, 595, 842)
	d.f(`<rect width="595" height="842" fill="#fff"/><rect width="595" height="92" fill="#0f5e7a"/><path d="M0 92 Q150 66 300 88 T595 80 V104 Q440 118 300 106 T0 112 Z" fill="#3fa3b8" opacity=".75"/>`)
	d.f(`<g transform="translate(60 44)"><path d="M0 -26 C16 -6 20 2 20 10 A20 20 0 0 1 -20 10 C-20 2 -16 -6 0 -26 Z" fill="#e8f7fb"/><path d="M-11 10 a11 11 0 0 0 11 11" fill="none" stroke="#0f5e7a" stroke-width="3"/></g>`)
	d.f(`<text x="96" y="46" font-family="P052" font-weight="bold" font-size="25" fill="#fff">Lumen &amp; Tide Water Company</text><text x="96" y="66" font-family="DejaVu Sans" font-size="9" fill="#cfe9f0">Reservoir House, 1 Cistern Hill, Villa Serena · Republic of Utopia</text>`)
	text := func(x, y int, size float64, weight, s string) {
		d.f(`<text x="%d" y="%d" font-family="DejaVu Sans" font-size="%.1f" font-weight="%s" fill="#1d2730">%s</text>`, x, y, size, weight, s)
	}
	street, town, _ := strings.Cut(p.address, ", ")
	text(56, 156, 11, "bold", p.first+" "+p.last)
	text(56, 172, 11, "normal", street)
	text(56, 188, 11, "normal", "UT-4410 "+town)
	text(56, 204, 11, "normal", "Republic of Utopia")
	d.f(`<rect x="350" y="136" width="195" height="86" rx="6" fill="#eaf5f8"/>`)
	for i, row := range [][2]string{{"Customer number", "70-338-2216"}, {"Bill number", "WB 2026-05-11804"}, {"Date", "12 May 2026"}, {"Period", "Feb – Apr 2026"}} {
		text(362, 156+i*18, 8.5, "normal", row[0])
		text(446, 156+i*18, 8.5, "bold", row[1])
	}
	text(56, 268, 18, "bold", "Your water bill")
	text(56, 288, 9.5, "normal", "For the dwelling at "+p.address)
	d.f(`<rect x="56" y="308" width="489" height="24" fill="#0f5e7a"/>`)
	for i, h := range []string{"Item", "Quantity", "Price", "Amount"} {
		d.f(`<text x="%d" y="324" font-family="DejaVu Sans" font-size="9" font-weight="bold" fill="#fff">%s</text>`, []int{66, 300, 390, 480}[i], h)
	}
	for i, row := range [][4]string{
		{"Standing charge, three months", "3", "6.50", "19.50"}, {"Drinking water", "27 m³", "1.84", "49.68"},
		{"Waste water", "27 m³", "2.11", "56.97"}, {"Rain water, roof of 64 m²", "64 m²", "0.12", "7.68"},
		{"Rebate for cistern", "1", "–8.00", "–8.00"},
	} {
		y := 352 + i*24
		for j, cell := range row {
			text([]int{66, 300, 390, 480}[j], y, 9.5, "normal", cell)
		}
		d.f(`<path d="M56 %d H545" stroke="#cfdde2"/>`, y+8)
	}
	text(390, 492, 12, "bold", "To pay")
	text(480, 492, 12, "bold", "125.83 Æ")
	text(56, 540, 9.5, "bold", "What you used, in cubic metres")
	for i, v := range []int{31, 28, 35, 42, 33, 27} {
		d.f(`<rect x="%d" y="%d" width="46" height="%d" rx="3" fill="%s"/>`, 70+i*76, 660-v*2, v*2, []string{"#9fd0dc", "#3fa3b8"}[i/5])
		text(82+i*76, 654-v*2, 8, "normal", fmt.Sprint(v))
		text(76+i*76, 674, 8, "normal", []string{"Jan 25", "Apr 25", "Jul 25", "Oct 25", "Jan 26", "Apr 26"}[i])
	}
	d.f(`<path d="M56 660 H545" stroke="#8aa" stroke-width="1"/>`)
	text(56, 720, 9, "normal", "Please pay by 2 June 2026 to account UT00 LUMN 0000 0070 3382 16. Thank you.")
	d.f(`<path d="M0 800 Q150 780 300 796 T595 786 V842 H0 Z" fill="#0f5e7a" opacity=".9"/>`)
	d.f(`<text x="320" y="520" text-anchor="middle" font-family="DejaVu Sans" font-weight="bold" font-size="86" letter-spacing="8" fill="#b0243c" opacity=".12" transform="rotate(-32 320 480)">SPECIMEN</text></svg>`)
	return d.String()
}

// nfc is what a chip reader hands over: the data groups, decoded and raw, and
// hashes of them as a security object has. Its signature is noise.
func (p person) nfc(faceJPEG []byte) ([]byte, error) {
	lines, document := p.passportMRZ(), "PASSPORT"
	if strings.HasPrefix(p.number, "C") {
		lines, document = p.cardMRZ(), "ID_CARD"
	}
	mrz := strings.Join(lines, "")
	tlv := func(tag []byte, value []byte) []byte {
		out := append([]byte{}, tag...)
		switch n := len(value); {
		case n < 0x80:
			out = append(out, byte(n))
		case n < 0x100:
			out = append(out, 0x81, byte(n))
		default:
			out = append(out, 0x82, byte(n>>8), byte(n))
		}
		return append(out, value...)
	}
	dg1 := tlv([]byte{0x61}, tlv([]byte{0x5f, 0x1f}, []byte(mrz)))
	dg2 := tlv([]byte{0x75}, tlv([]byte{0x7f, 0x61}, append([]byte{0x02, 0x01, 0x01}, tlv([]byte{0x7f, 0x60}, tlv([]byte{0x5f, 0x2e}, faceJPEG))...)))
	dg11 := tlv([]byte{0x6b}, append(tlv([]byte{0x5f, 0x0e}, []byte(p.last+"<<"+p.first)), tlv([]byte{0x5f, 0x11}, []byte(p.birthplace))...))
	sum := func(b []byte) string { h := sha256.Sum256(b); return hex.EncodeToString(h[:]) }
	signature := make([]byte, 256)
	r := rand.New(rand.NewPCG(p.look.seed, 256))
	for i := range signature {
		signature[i] = byte(r.Uint32())
	}
	type m = map[string]any
	b64 := base64.StdEncoding.EncodeToString
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false) // the MRZ is to be found by grep
	encoder.SetIndent("", "  ")
	err := encoder.Encode(m{
		"specimen":     true,
		"documentType": document,
		"issuingState": "UTO",
		"holder": m{
			"firstName": p.first, "lastName": p.last, "fullName": p.first + " " + p.last,
			"dateOfBirth": p.born, "gender": p.sex, "nationality": "UTO", "personalNumber": p.personal, "placeOfBirth": p.birthplace,
		},
		"documentNumber": p.number, "dateOfExpiry": p.expires,
		"dataGroups": m{
			"DG1":  m{"mrz": lines, "raw": b64(dg1)},
			"DG2":  m{"faceImage": m{"mimetype": "image/jpeg", "data": b64(faceJPEG)}, "length": len(dg2)},
			"DG11": m{"fullName": p.last + "<<" + p.first, "placeOfBirth": p.birthplace, "raw": b64(dg11)},
		},
		"SOD": m{
			"digestAlgorithm": "SHA-256", "signatureAlgorithm": "RSASSA-PSS",
			"dataGroupHashes": m{"DG1": sum(dg1), "DG2": sum(dg2), "DG11": sum(dg11)},
			"signer":          m{"country": "UTO", "commonName": "Utopia Document Signer 07 (specimen)"},
			"signature":       b64(signature),
		},
		"checks": m{"chipAuthentication": "passed", "passiveAuthentication": "passed", "dataGroupIntegrity": "passed"},
	})
	return out.Bytes(), err
}
