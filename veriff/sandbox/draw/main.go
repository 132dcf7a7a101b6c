package main

import (
	"fmt"
	"os"
	"os/exec"
)

func main() {
	for name, s := range map[string]string{"pass": people[0].passport(), "idf": people[4].idFront(), "idb": people[4].idBack(), "lf": people[2].licenceFront(), "lb": people[2].licenceBack()} {
		os.WriteFile("/tmp/sbx-"+name+".svg", []byte(s), 0o644)
		out, err := exec.Command("rsvg-convert", "/tmp/sbx-"+name+".svg", "-o", "/tmp/sbx-"+name+".png").CombinedOutput()
		fmt.Println(string(out), err)
	}
}
