package command

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"
)

// userForm is what a URL with a user looks like, perhaps with a password that makes it
// none, or with the scheme forgotten.
var userForm = regexp.MustCompile(`(?s)//.*@|^[^/]+:.*@`)

// hasUser reports whether a text may be, or contain, a URL with a user and a password.
// Such a text is shown nowhere. It rather hides a text too many.
func hasUser(text string) bool {
	plain, err := url.QueryUnescape(text)
	return userForm.MatchString(text) || err == nil && userForm.MatchString(plain)
}

// not ends the error for a text that is not the URL that it must be.
func not(text string) string {
	if hasUser(text) {
		return "without a user name and a password"
	}
	return fmt.Sprintf("not %q", text)
}

// withoutQuery is a URL to be shown whose query may hold a token.
func withoutQuery(text string) string {
	if before, _, has := strings.Cut(text, "?"); has {
		return before + "?…"
	}
	return text
}

// isServer reports whether a text is the URL of an HTTP server. One with a user is none
// for us: every user of the machine can read the arguments of a process, and status and
// the log name the server.
func isServer(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && u.User == nil && (u.Scheme == "https" || u.Scheme == "http")
}

// listenAddress reads a flag that says on which HOST:PORT to listen; "" for nowhere.
func listenAddress(c *cli.Context, flag string) (string, error) {
	address := c.String(flag)
	if hasUser(address) { // the system's error would quote it
		return "", usageError("--%s must be HOST:PORT, %s", flag, not(address))
	}
	return address, nil
}
