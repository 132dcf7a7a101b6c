package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"veriffs/veriff/sandbox"
)

// What is written on the documents is what the sandbox says of their holders.
func TestPeopleAreThoseOfTheSandbox(t *testing.T) {
	type facts struct{ first, last, sex, born, expires, number, personal, birthplace string }
	drawn, served := map[facts]bool{}, map[facts]bool{}
	for _, p := range people {
		drawn[facts{p.first, p.last, p.sex, p.born, p.expires, p.number, p.personal, p.birthplace}] = true
	}
	for _, s := range sandbox.New(sandbox.Options{}).Sessions() {
		if p := s.Person; p != (sandbox.Person{}) {
			served[facts{p.FirstName, p.LastName, p.Sex, p.Born, p.Expires, p.DocumentNumber, p.PersonalNumber, p.PlaceOfBirth}] = true
		}
	}
	if diff := cmp.Diff(drawn, served, cmp.AllowUnexported(facts{})); diff != "" {
		t.Error(diff)
	}
}
