package command

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"path/filepath"
	"strings"

	"veriffs/veriff"
)

// account is the name under which an integration's cache and mount go. It
// tells integrations apart and says nothing about them.
func account(api *veriff.Config) string {
	sum := sha256.Sum256([]byte(normalURL(api.BaseURL) + "\n" + strings.ToLower(api.APIKey)))
	return hex.EncodeToString(sum[:6])
}

// normalURL returns the one spelling of the API's address: scheme and host in lower
// case, without a port that goes without saying. What is no URL stays as it is, and
// so does one in this spelling, or its cache would not be found again.
func normalURL(text string) string {
	text = veriff.TrimURL(strings.TrimSpace(text))
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return text
	}
	host := strings.ToLower(u.Host)
	switch u.Scheme { // in lower case already
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	_, path, _ := strings.Cut(text, u.Host)
	return u.Scheme + "://" + strings.TrimSuffix(host, ":") + path
}

// cacheDirs are the directories of an integration's caches below that of all caches.
func cacheDirs(dir string, api *veriff.Config) (lasting, ephemeral string) {
	lasting = filepath.Join(dir, account(api))
	return lasting, lasting + "-ephemeral"
}
