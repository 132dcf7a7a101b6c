package main

import (
	"strings"
	"unicode"
)

// The machine readable zones of ICAO Doc 9303: parts 4 (passports, two lines
// of 44) and 5 (cards, three lines of 30).

// checkDigit weighs characters 7, 3, 1 and takes the sum modulo ten.
func checkDigit(s string) string {
	sum := 0
	for i, c := range s {
		v := 0
		switch {
		case c >= '0' && c <= '9':
			v = int(c - '0')
		case c >= 'A' && c <= 'Z':
			v = int(c-'A') + 10
		}
		sum += v * []int{7, 3, 1}[i%3]
	}
	return string(rune('0' + sum%10))
}

// field writes a text in the zone's alphabet, filled up to n characters.
func field(s string, n int) string {
	var b strings.Builder
	for _, c := range strings.ToUpper(s) {
		if c >= 'A' && c <= 'Z' || unicode.IsDigit(c) {
			b.WriteRune(c)
		} else {
			b.WriteByte('<')
		}
	}
	return (b.String() + strings.Repeat("<", n))[:n]
}

// mrzDate turns YYYY-MM-DD into YYMMDD.
func mrzDate(s string) string { return s[2:4] + s[5:7] + s[8:10] }

func (p person) mrzSex() string {
	if p.sex == "X" {
		return "<"
	}
	return p.sex
}

// passportMRZ is the two lines of a passport of Utopia.
func (p person) passportMRZ() []string {
	number, born, expires, personal := field(p.number, 9), mrzDate(p.born), mrzDate(p.expires), field(p.personal, 14)
	first := field("P<UTO"+strings.ReplaceAll(p.last, " ", "<")+"<<"+p.first, 44)
	number += checkDigit(number)
	born += checkDigit(born)
	expires += checkDigit(expires)
	personal += checkDigit(personal)
	return []string{first, number + "UTO" + born + p.mrzSex() + expires + personal + checkDigit(number+born+expires+personal)}
}

// cardMRZ is the three lines of an identity card of Utopia.
func (p person) cardMRZ() []string {
	number, born, expires := field(p.number, 9), mrzDate(p.born), mrzDate(p.expires)
	first := "I<UTO" + number + checkDigit(number) + field(p.personal, 15)
	born += checkDigit(born)
	expires += checkDigit(expires)
	optional := field("", 11)
	second := born + p.mrzSex() + expires + "UTO" + optional
	return []string{
		first,
		second + checkDigit(first[5:]+born+expires+optional),
		field(strings.ReplaceAll(p.last, " ", "<")+"<<"+p.first, 30),
	}
}
