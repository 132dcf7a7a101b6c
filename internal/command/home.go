package command

import (
	"os"
	"os/user"
	"strconv"

	"github.com/adrg/xdg"
)

// findHome sets HOME where nobody did, as at boot, to what the system has for this user.
// So a mount finds the same profile, cache and keys whether a person starts it or systemd.
func findHome() {
	if os.Getenv("HOME") != "" {
		return
	}
	if u, err := user.LookupId(strconv.Itoa(os.Getuid())); err == nil && u.HomeDir != "" {
		if os.Setenv("HOME", u.HomeDir) == nil {
			xdg.Reload()
		}
	}
}
