package main

import (
	"slices"
	"testing"
)

// The zones printed in ICAO Doc 9303, parts 4 and 5, for their specimen.
func TestMRZIsThatOfDoc9303(t *testing.T) {
	p := person{first: "Anna Maria", last: "Eriksson", sex: "F", born: "1974-08-12", expires: "2012-04-15", number: "L898902C3", personal: "ZE184226B"}
	want := []string{"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"}
	if got := p.passportMRZ(); !slices.Equal(got, want) {
		t.Errorf("passport: %q", got)
	}
	p.number, p.personal = "D23145890", ""
	want = []string{"I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<"}
	if got := p.cardMRZ(); !slices.Equal(got, want) {
		t.Errorf("card: %q", got)
	}
}
