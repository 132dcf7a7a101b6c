// Veriffs shows a company's Veriff verification media as read-only files.
package main

import (
	"os"

	"veriffs/internal/command"
)

func main() {
	os.Exit(command.Main(os.Args))
}
